"""Flannel, by a control plane of ours that does what `flanneld` does: a subnet a host, leased in etcd, in four forms.

It stands in flannel's own key format on the store, and writes what flannel's backends write. flannel's real agent can
stand beside it: what differs is who is started on a host (`Flannel.bring_up`) and how it is called (`Flannel.agent`).
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.lab.daemons import start_function
from emulator.netlink import facilities, namespaces
from emulator.overlays.flannel import agent, udp, vxlan, wireguard
from emulator.overlays.flannel.leases import (
    CONFIG_KEY,
    SUBNETS,
    TTL_S,
    Config,
    config_from_json,
    config_to_json,
    lease_from_json,
    subnet_in_file,
)
from emulator.overlays.model import OverlaySpec, Peer
from emulator.overlays.subnets import SUBNET_BITS, SubnetOverlay, number_of
from emulator.stores.client import Client, StoreError
from emulator.system.errors import EmulationError

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork
    from emulator.stores.etcd import Store

_ANOTHER = "another etcd, or a store inside the topology (`--store h1`)"


class Flannel(SubnetOverlay):
    """An agent on each host. ``lease_s`` is how long its lease lasts without being renewed."""

    forms = tuple(agent.BACKENDS)
    fewest_subnets = 4  # flanneld demands them

    def __init__(self, spec: OverlaySpec, network: EmulatedNetwork, store: Store | None) -> None:
        super().__init__(spec, network, store)
        self.lease_s = TTL_S
        if store is None:
            raise AssertionError("all forms need a store")
        self._location = store.location
        self._endpoint = store.endpoint
        self._has_configured = self._configure(Config(IPv4Network(spec.network), SUBNET_BITS, spec.form))

    @classmethod
    def needs_store(cls, form: str) -> bool:  # noqa: ARG003 - all do
        """Leases are in etcd."""
        return True

    @classmethod
    def lacks(cls, spec: OverlaySpec) -> Iterator[str]:
        """What the form needs of the kernel, and it has not."""
        yield from _LACKS[spec.form]()

    @property
    def agent(self) -> str:
        """Us."""
        return "built-in control plane"

    @property
    def overhead_bytes(self) -> int:
        """As flannel computes the MTU."""
        return agent.BACKENDS[self.spec.form].overhead_bytes

    def bring_up(self, host: str) -> None:
        """Start the agent; one that was killed takes its lease again."""
        settings = agent.Settings(
            backend=self.spec.form,
            number=number_of(self.spec, host),
            public_ip=self.loopback(host),
            circuits=self.circuits(host),
            folder=self._folder(host),
            store=self._endpoint(host),
            ttl_s=self.lease_s,
        )
        self.agents[host] = start_function(self.network.lab, host, "flannel", partial(agent.run, settings))

    def is_ready(self, host: str) -> bool:
        """When the agent has written the file that says which subnet is leased."""
        self.agents[host].check()
        return (self._folder(host) / agent.SUBNET_FILE).exists()

    def subnet(self, host: str) -> IPv4Network:
        """What the file says."""
        found = subnet_in_file((self._folder(host) / agent.SUBNET_FILE).read_text())
        if found is None:
            raise EmulationError(f"{agent.SUBNET_FILE} of {host} names no subnet")
        return found

    def peers(self, host: str) -> tuple[Peer, ...]:
        """Those whose leases the agent has seen."""
        path = self._folder(host) / agent.PEERS_FILE
        if not path.exists():
            return ()
        name_of = {it.loopback: it.name for it in self.network.plan.hosts}
        known = json.loads(path.read_text())
        return tuple(Peer(name_of.get(it["PublicIP"], ""), it["PublicIP"], it["Subnet"]) for it in known)

    def stop(self, host: str) -> None:
        """End the agent, which removes its lease and what it wrote."""
        self.agents[host].stop()

    def _folder(self, host: str) -> Path:
        # where flannel has /run/flannel: the hosts share a file system
        return self.network.world.start().parent / "flannel" / host

    def leave(self) -> None:
        """End all agents; the configuration goes too, if it was not there before."""
        for host in self.agents:
            self.stop(host)
        if self._has_configured:
            with contextlib.suppress(StoreError), self._client() as client:  # a store that is gone needs no order
                client.delete(CONFIG_KEY)

    @contextlib.contextmanager
    def _client(self) -> Iterator[Client]:
        """A client in the store's host, or in the first for one at an address."""
        host = self._location.host or self.spec.hosts[0]
        with namespaces.entered(self.namespace(host)), Client(*self._endpoint(host)) as client:
            yield client

    def _configure(self, config: Config) -> bool:
        """Put the network's configuration into the store, as an administrator does before flannel is started.

        It stays if it is there and asks for the same; whether it was put there.

        Raises:
            EmulationError: the store has another, is that of another network, or cannot be reached.
        """
        with self._client() as client:
            self._refuse_strangers(client)
            if client.put_if(CONFIG_KEY, 0, config_to_json(config)):
                return True
            item = client.get(CONFIG_KEY)
        where = f"{CONFIG_KEY} in {self._location}"
        try:
            found = config_from_json("" if item is None else item.value)
        except ValueError as error:
            raise EmulationError(f"{where}: {error}; take {_ANOTHER}") from None
        if (found.network, found.backend) != (config.network, config.backend):
            raise EmulationError(
                f"{where} asks for {found.backend} in {found.network}: say `--overlay flannel:{found.backend} "
                f"--overlay-network {found.network}`, or take {_ANOTHER}"
            )
        return False

    def _refuse_strangers(self, client: Client) -> None:
        """Keep out of a store in which others' machines have subnets: each network's hosts would get routes there.

        Raises:
            EmulationError: it is one.
        """
        ours = {host.loopback for host in self.network.plan.hosts}
        strangers = []
        for item in client.list_keys(SUBNETS).items:
            with contextlib.suppress(ValueError, TypeError):  # no lease: the agents pass it over
                lease = lease_from_json(item.key, item.value)
                if lease.public_ip not in ours:
                    strangers.append(f"{lease.subnet} of {lease.public_ip}")
        if strangers:
            more = f" and {len(strangers) - 1} more" if strangers[1:] else ""
            raise EmulationError(
                f"{self._location} has leases of machines that are not in this network: {strangers[0]}{more}; take "
                f"{_ANOTHER}"
            )


def _lacks_tun() -> Iterator[str]:
    try:
        with namespaces.returning():
            namespaces.unshare(namespaces.CLONE_NEWNET)
            os.close(udp.open_tun(udp.DEVICE))
    except OSError as error:
        yield f"{udp.TUN} cannot be used ({error.strerror}): `modprobe tun`, or a guest kernel (`gtsdsl kernel build`)"


_LACKS: Mapping[str, Callable[[], Iterator[str]]] = {
    "vxlan": lambda: facilities.lacks("VXLAN", "vxlan", lambda kernel: vxlan.add_vxlan(kernel, "192.0.2.1", 1450)),
    "host-gw": lambda: iter(()),
    "udp": _lacks_tun,
    "wireguard": lambda: facilities.lacks(
        "WireGuard", "wireguard", lambda kernel: kernel.add_wireguard(wireguard.DEVICE, mtu_bytes=1420)
    ),
}

OVERLAY = Flannel
"""What `--overlay flannel` brings up."""
