"""Flannel's overlay: an agent on each host leases a subnet in etcd and routes to the subnets of the others.

The agents use flannel's own keys in the store, and write into the kernel what flannel's backends write. An overlay of
the real `flanneld` would differ in the program that `Flannel.bring_up` starts and in the name `Flannel.agent`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path

from emulator.lab.daemons import start_function
from emulator.lab.lab import Lab
from emulator.netlink import facilities, tun
from emulator.overlays.flannel import agent, vxlan, wireguard
from emulator.overlays.flannel.leases import (
    CONFIG_KEY,
    SUBNETS,
    TTL_S,
    Config,
    config_from_json,
    config_to_json,
    lease_from_json,
    parse_subnet_file,
)
from emulator.overlays.model import OverlaySpec, Peer
from emulator.overlays.subnets import SUBNET_BITS, SubnetOverlay, host_number
from emulator.stores.client import Client, StoreError
from emulator.stores.etcd import Store
from emulator.system.errors import EmulationError

_OTHER_STORE = "use another etcd, or a store inside the topology (`--store h1`)"


class Flannel(SubnetOverlay):
    """An agent on each host, which holds a lease of a subnet. ``lease_s`` is the term of a lease in seconds."""

    variants = tuple(agent.BACKENDS)
    min_subnets = 4  # demanded by flanneld

    def __init__(self, spec: OverlaySpec, lab: Lab, store: Store | None) -> None:
        super().__init__(spec, lab, store)
        if store is None:
            raise AssertionError("all backends need a store")
        self.lease_s = TTL_S
        self._store = store
        self._has_configured = False

    @classmethod
    def needs_store(cls, variant: str) -> bool:  # noqa: ARG003 - the same for all backends
        """Return True: leases are in etcd."""
        return True

    @classmethod
    def lacks(cls, spec: OverlaySpec) -> Iterator[str]:
        """Yield a sentence if the kernel lacks what the backend needs."""
        yield from _LACKS[spec.variant]()

    @property
    def agent(self) -> str:
        """The name of the control plane in this package."""
        return "built-in control plane"

    @property
    def overhead_bytes(self) -> int:
        """The bytes that flannel subtracts from the circuits' MTU."""
        return agent.BACKENDS[self.spec.variant].overhead_bytes

    def prepare(self) -> None:
        """Write the network's configuration into the store, as an administrator does before flannel starts.

        A configuration that is there stays, if it demands the same.

        Raises:
            EmulationError: the store has another configuration, has leases of other hosts, or is unreachable.
        """
        config = Config(IPv4Network(self.spec.subnet_pool), SUBNET_BITS, self.spec.variant)
        with self._store.client() as client:
            self._refuse_foreign_leases(client)
            self._has_configured = client.put_if(CONFIG_KEY, 0, config_to_json(config))
            if self._has_configured:
                return
            item = client.get(CONFIG_KEY)
        key = f"{CONFIG_KEY} in {self._store.location}"
        try:
            stored = config_from_json("" if item is None else item.value)
        except ValueError as error:
            raise EmulationError(f"{key}: {error}; {_OTHER_STORE}") from None
        if (stored.network, stored.backend) != (config.network, config.backend):
            raise EmulationError(
                f"{key} demands {stored.backend} in {stored.network}: use `--overlay flannel:{stored.backend} "
                f"--overlay-network {stored.network}`, or {_OTHER_STORE}"
            )

    def bring_up(self, host: str) -> None:
        """Start the agent. An agent that was killed takes its previous lease again."""
        settings = agent.Settings(
            backend=self.spec.variant,
            number=host_number(self.spec, host),
            public_ip=self.loopback(host),
            circuits=self.circuits(host),
            folder=self._folder(host),
            store=self._store.endpoint(host),
            ttl_s=self.lease_s,
        )
        self.agents[host] = start_function(self.lab, host, "flannel", partial(agent.run, settings))

    def is_ready(self, host: str) -> bool:
        """Return whether the agent has written the file that names its leased subnet."""
        self.agents[host].check()
        return (self._folder(host) / agent.SUBNET_FILE).exists()

    def subnet(self, host: str) -> IPv4Network:
        """Return the subnet that the agent's file names."""
        subnet = parse_subnet_file((self._folder(host) / agent.SUBNET_FILE).read_text())
        if subnet is None:
            raise EmulationError(f"{agent.SUBNET_FILE} of {host} names no subnet")
        return subnet

    def peers(self, host: str) -> tuple[Peer, ...]:
        """Return the hosts whose leases the agent has seen."""
        path = self._folder(host) / agent.PEERS_FILE
        if not path.exists():
            return ()
        hosts = {it.loopback: it.name for it in self.lab.plan.hosts}
        known = json.loads(path.read_text())
        return tuple(Peer(hosts.get(it["PublicIP"], ""), it["PublicIP"], it["Subnet"]) for it in known)

    def stop(self, host: str) -> None:
        """Stop the agent, which removes its lease and what it has in the kernel."""
        self.agents[host].stop()

    def leave(self) -> None:
        """Stop all agents, and remove the configuration from the store if `prepare` wrote it."""
        for host in self.agents:
            self.stop(host)
        if self._has_configured:
            # suppressed, because the store may be unreachable by now
            with contextlib.suppress(StoreError), self._store.client() as client:
                client.delete(CONFIG_KEY)

    def _folder(self, host: str) -> Path:
        # the agent's /run/flannel; the hosts share a file system, so each has its own folder
        return self.lab.run_folder / "flannel" / host

    def _refuse_foreign_leases(self, client: Client) -> None:
        """Refuse a store with leases of hosts outside this lab, because all agents would route to their subnets.

        Raises:
            EmulationError: the store has such leases.
        """
        addresses = {host.loopback for host in self.lab.plan.hosts}
        foreign = []
        for item in client.list_keys(SUBNETS).items:
            with contextlib.suppress(ValueError, TypeError):  # not a lease: the agents ignore it, too
                lease = lease_from_json(item.key, item.value)
                if lease.public_ip not in addresses:
                    foreign.append(f"{lease.subnet} of {lease.public_ip}")
        if foreign:
            more = f" and {len(foreign) - 1} more" if foreign[1:] else ""
            raise EmulationError(
                f"{self._store.location} has leases of hosts outside this network: {foreign[0]}{more}; {_OTHER_STORE}"
            )


_LACKS: Mapping[str, Callable[[], Iterator[str]]] = {
    "vxlan": lambda: facilities.lacks("VXLAN", "vxlan", lambda kernel: vxlan.add_vxlan(kernel, "192.0.2.1", 1450)),
    "host-gw": lambda: iter(()),
    "udp": tun.lacks,
    "wireguard": lambda: facilities.lacks(
        "WireGuard", "wireguard", lambda kernel: kernel.add_wireguard(wireguard.DEVICE, mtu_bytes=1420)
    ),
}
"""For each backend, a function that yields what the kernel lacks."""
