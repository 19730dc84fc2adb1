"""Flannel's agent on a host, with a real etcd on another: its lease, its files, and a configuration that it refuses."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from emulator.lab.daemons import Daemon, DaemonError, start_function
from emulator.mininet.network import EmulatedNetwork
from emulator.netlink import namespaces
from emulator.netlink.state import read
from emulator.overlays.flannel import agent
from emulator.overlays.flannel.agent import BACKENDS, PEERS_FILE, SUBNET_FILE, Settings
from emulator.overlays.flannel.leases import CONFIG_KEY, SUBNETS, lease_to_json
from emulator.plan import Options, plan
from emulator.stores.client import Client
from emulator.stores.etcd import Store
from emulator.stores.model import StoreLocation
from tests.emulator.overlays.flannel.samples import lease
from tests.emulator.topologies import joined
from tests.emulator.waiting import PATIENCE_S, wait_for

CONFIG = '{"Network":"10.244.0.0/16","Backend":{"Type":"host-gw"}}'


class Bench:
    """Two hosts: an agent on the first, with its settings, and a store on the second, with a client of it."""

    def __init__(self, network: EmulatedNetwork, client: Client, settings: Settings) -> None:
        self.network = network
        self.client = client
        self.settings = settings
        self.agents: list[Daemon] = []

    def start_agent(self) -> Daemon:
        self.agents.append(start_function(self.network.lab, "h1", "flannel", partial(agent.run, self.settings)))
        return self.agents[-1]

    def leases(self) -> dict[str, str]:
        """Return the values in the store, by the last part of their keys."""
        return {item.key.removeprefix(SUBNETS): item.value for item in self.client.list_keys(SUBNETS).items}

    def peers(self) -> list[dict[str, str]]:
        """Return the peers that the agent has written down; empty before it has."""
        path = self.settings.folder / PEERS_FILE
        found: list[dict[str, str]] = json.loads(path.read_text()) if path.exists() else []
        return found

    def routes(self) -> list[str]:
        """Return the destinations of the agent's routes on its host."""
        state = read(self.network.lab.namespace("h1"))
        return [route.destination for route in state.routes if route.destination.startswith("10.244.")]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    topology = plan(joined([("h1", "h2")]), Options(impaired=False))
    with EmulatedNetwork(topology) as network:
        store = Store(network.lab, StoreLocation(host="h2"))
        store.start()
        wait_for(store.is_ready)
        endpoint = store.endpoint("h1")
        circuits = tuple(end.name for end in topology.ends if end.node == "h1")
        settings = Settings("host-gw", 1, topology.loopback("h1"), circuits, tmp_path / "flannel", endpoint, 3600)
        # the store runs in this machine's clock, and a busy machine answers late
        with namespaces.entered(network.lab.namespace("h1")), Client(*endpoint, deadline_s=PATIENCE_S) as client:
            found = Bench(network, client, settings)
            yield found
            for running in found.agents:
                running.stop(signal.SIGKILL)


def test_the_backends_are_by_their_names_in_flannels_configuration() -> None:
    assert list(BACKENDS) == ["vxlan", "host-gw", "udp", "wireguard"]
    assert all(kind.type == name for name, kind in BACKENDS.items())


@pytest.mark.networks
def test_an_agent_leases_the_subnet_of_its_number_and_writes_it_down(bench: Bench) -> None:
    bench.client.put(CONFIG_KEY, CONFIG)
    bench.start_agent()
    wait_for((bench.settings.folder / SUBNET_FILE).exists)
    assert bench.leases() == {"10.244.1.0-24": lease_to_json(lease(1, "host-gw"))}
    assert (bench.settings.folder / SUBNET_FILE).read_text() == (
        "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1500\nFLANNEL_IPMASQ=false\n"
    )


@pytest.mark.networks
def test_an_agent_follows_leases_of_its_own_backend_and_ignores_what_is_no_lease(bench: Bench) -> None:
    bench.client.put(CONFIG_KEY, CONFIG)
    bench.client.put(SUBNETS + "10.244.7.0-24", "no JSON")
    bench.client.put(SUBNETS + "10.244.8.0-24", lease_to_json(lease(8, "vxlan")))
    bench.start_agent()
    bench.client.put(SUBNETS + "10.244.2.0-24", lease_to_json(lease(2, "host-gw")))
    wait_for(lambda: bench.peers() == [{"PublicIP": "100.64.0.2", "Subnet": "10.244.2.0/24"}])
    assert bench.routes() == ["10.244.2.0/24"]
    bench.client.delete(SUBNETS + "10.244.2.0-24")
    wait_for(lambda: bench.peers() == [])
    assert bench.routes() == []


@pytest.mark.networks
def test_an_agent_that_is_stopped_removes_its_routes_and_its_files(bench: Bench) -> None:
    bench.client.put(CONFIG_KEY, CONFIG)
    bench.client.put(SUBNETS + "10.244.2.0-24", lease_to_json(lease(2, "host-gw")))
    running = bench.start_agent()
    wait_for(lambda: bool(bench.peers()))
    os.killpg(running.pid, signal.SIGTERM)  # `stop` would kill an agent that a busy machine delays for 10 s
    with pytest.raises(DaemonError, match="ended with status 0"):
        running.wait_until(lambda: False, PATIENCE_S)
    assert bench.routes() == []
    assert list(bench.settings.folder.iterdir()) == []


@pytest.mark.networks
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}', "demands the backend 'vxlan', not host-gw"),
        ('{"Network":"10.244.0.0/40","Backend":{"Type":"host-gw"}}', "Network: "),
    ],
)
def test_an_agent_ends_with_the_reason_if_the_configuration_is_unusable(
    bench: Bench, config: str, message: str
) -> None:
    bench.client.put(CONFIG_KEY, config)
    started = bench.start_agent()
    with pytest.raises(DaemonError) as caught:
        started.wait_until(lambda: False, PATIENCE_S)
    assert "flannel on h1 ended with status 1" in str(caught.value)
    assert CONFIG_KEY in str(caught.value)
    assert message in str(caught.value)
    assert bench.leases() == {}
