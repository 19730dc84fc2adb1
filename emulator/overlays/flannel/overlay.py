"""Flannel's overlay: an agent on each host leases a subnet in etcd and routes to the subnets of the others.

The agents use flannel's own keys in the store, and write into the kernel what flannel's backends write. An agent is the
built-in one, or the real `flanneld` (`real`); both kinds can be in one network.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import ClassVar

from emulator.agents.choice import choose
from emulator.agents.model import AgentProgram
from emulator.agents.recipes import RECIPES
from emulator.cpu.model import CONTAINER_STAGES
from emulator.lab.daemons import start_function
from emulator.lab.lab import Lab
from emulator.netlink import facilities, tun
from emulator.netlink.handle import Handle
from emulator.overlays.base import IPV6_OPTIONS
from emulator.overlays.flannel import agent, real, udp, vxlan, wireguard
from emulator.overlays.flannel.leases import (
    CONFIG_KEY,
    MTU_BACKENDS,
    SUBNETS,
    TTL_S,
    WITH_IPV6,
    Config,
    config_from_json,
    config_to_json,
    key_of,
    lease_from_json,
    parse_subnet_file,
)
from emulator.overlays.model import UDP, About, Network, OverlaySpec, PacketWay, Peer
from emulator.overlays.mtu import container_mtus
from emulator.overlays.subnets import IPV6_SUBNET_BITS, SUBNET_BITS, SubnetOverlay, host_number, numbered_subnets, pools
from emulator.plan import Plan
from emulator.plan.path_mtu import least_mtu_bytes
from emulator.stores.client import Client, StoreError
from emulator.stores.etcd import Store
from emulator.system.errors import EmulationError
from gtsdsl.model.units import LEAST_IPV6_MTU_BYTES
from gtsdsl.text import quantity

_BUILT_IN = "built-in control plane"
_AGENTS = "built-in, or flanneld"
_OTHER_STORE = "use another etcd, or a store inside the topology (`--store h1`)"


class Flannel(SubnetOverlay):
    """An agent on each host, which holds a lease of a subnet. ``lease_s`` is the term of a lease in seconds."""

    variants = tuple(agent.BACKENDS)
    min_subnets = 4  # demanded by flanneld
    reasons: ClassVar[Mapping[str, str]] = {"ipv6": "Flannel's backend udp has no IPv6; flannel:vxlan has"}

    def __init__(self, spec: OverlaySpec, lab: Lab, store: Store | None) -> None:
        super().__init__(spec, lab, store)
        if store is None:
            raise AssertionError("all backends need a store")
        self.lease_s = TTL_S
        self._store = store
        self._has_configured = False
        needs_shared = spec.variant == "host-gw" and spec.programs
        self._shared_ends = real.shared_ends(lab.plan, spec.hosts) if needs_shared else {}

    @classmethod
    def about(cls, variant: str) -> About:
        """Return the description of a backend."""
        return _ABOUT[variant]

    @classmethod
    def way(cls, variant: str, *, is_encrypted: bool) -> PacketWay:  # noqa: ARG003 - flannel has no password
        """Return the way of a packet through the bridge and a backend."""
        return _WAYS[variant]

    @classmethod
    def needs_store(cls, variant: str) -> bool:  # noqa: ARG003 - the same for all backends
        """Return True: leases are in etcd."""
        return True

    @classmethod
    def options(cls, variant: str) -> frozenset[str]:
        """Return the option that chooses the agents, and those of IPv6 and the MTU for the backends that have them."""
        own = {"agent", "mtu_bytes"} if variant in MTU_BACKENDS else {"agent"}
        return frozenset(own) | (IPV6_OPTIONS if variant in WITH_IPV6 else frozenset())

    @classmethod
    def lacks(cls, spec: OverlaySpec) -> Iterator[str]:
        """Yield a sentence if the kernel lacks what the backend needs, or this machine what `flanneld` needs."""
        yield from _LACKS[spec.variant]()
        if spec.programs:
            yield from real.lacks()

    @classmethod
    def programs(cls, spec: OverlaySpec) -> dict[str, AgentProgram]:
        """Return the `flanneld` of each host that is to run one."""
        return choose(spec.agent, RECIPES["flannel"], spec.hosts)

    @classmethod
    def misfits(cls, spec: OverlaySpec, plan: Plan) -> Iterator[str]:
        """Yield a sentence if a `flanneld` cannot run the backend on the topology."""
        for program in list(spec.programs.values())[:1]:
            yield from real.misfits(plan, spec.hosts, spec.variant, program)
        if spec.variant == "vxlan" and spec.ipv6_pool is not None:
            for host, container_bytes in container_mtus(spec, plan).items():
                mtu_bytes = vxlan.device_mtu_bytes(container_bytes, least_mtu_bytes(plan, host), 6)
                if mtu_bytes < LEAST_IPV6_MTU_BYTES:
                    yield (
                        f"{vxlan.IPV6_DEVICE} of {host} would have an MTU of {mtu_bytes} bytes, and IPv6 needs "
                        f"{LEAST_IPV6_MTU_BYTES}"
                    )
                    return

    @property
    def agent(self) -> str:
        """The control plane of this package, or the programs that run in its place, with the numbers of their hosts."""
        titles = [program.title for program in self.spec.programs.values()]
        titles += [_BUILT_IN] * (len(self.spec.hosts) - len(titles))
        counts = Counter(titles)
        if len(counts) == 1:
            return titles[0]
        return ", ".join(f"{title} on {quantity(count, 'host')}" for title, count in counts.items())

    @classmethod
    def added_bytes(cls, spec: OverlaySpec) -> int:
        """Return the bytes that flannel subtracts from the circuits' MTU."""
        return agent.BACKENDS[spec.variant].overhead_bytes

    @classmethod
    def ipv6_added_bytes(cls, spec: OverlaySpec) -> int:
        """Return the bytes that the backend adds to a packet of IPv6."""
        return agent.BACKENDS[spec.variant].ipv6_overhead_bytes

    @classmethod
    def container_mtu_bytes(cls, spec: OverlaySpec, host: str, circuit_mtu_bytes: Callable[[str], int]) -> int:
        """Return the circuits' MTU less the headers of IPv4, which flannel subtracts with IPv6, too."""
        return spec.mtu_bytes or circuit_mtu_bytes(host) - cls.added_bytes(spec)

    @classmethod
    def wrapped_bytes(cls, spec: OverlaySpec, host: str, circuit_mtu_bytes: Callable[[str], int]) -> int:
        """Return the largest packet: the VXLAN interfaces refuse packets that do not fit the host's circuits."""
        largest = super().wrapped_bytes(spec, host, circuit_mtu_bytes)
        return min(largest, circuit_mtu_bytes(host)) if spec.variant == "vxlan" else largest

    def prepare(self) -> None:
        """Write the network's configuration into the store, as an administrator does before flannel starts.

        A configuration that is there stays, if it demands the same.

        Raises:
            EmulationError: the store has another configuration, has leases of other hosts, or is unreachable.
        """
        ipv6_pool = None if self.spec.ipv6_pool is None else IPv6Network(self.spec.ipv6_pool)
        mtu_bytes = self.spec.mtu_bytes and self.spec.mtu_bytes + self.overhead_bytes
        pool = IPv4Network(self.spec.subnet_pool)
        config = Config(pool, SUBNET_BITS, self.spec.variant, ipv6_pool, IPV6_SUBNET_BITS, mtu_bytes)
        with self._store.client() as client:
            self._refuse_foreign_leases(client)
            self._has_configured = client.put_if(CONFIG_KEY, 0, config_to_json(config)) > 0
            if self._has_configured:
                return
            item = client.get(CONFIG_KEY)
        key = f"{CONFIG_KEY} in {self._store.location}"
        try:
            stored = config_from_json("" if item is None else item.value)
        except ValueError as error:
            raise EmulationError(f"{key}: {error}; {_OTHER_STORE}") from None
        if stored.circuit_mtu_bytes != config.circuit_mtu_bytes:
            raise EmulationError(f"{key} has {_mtu_text(stored)}, and this run {_mtu_text(config)}; {_OTHER_STORE}")
        wanted = (config.network, config.backend, config.ipv6_network)
        if (stored.network, stored.backend, stored.ipv6_network) != wanted:
            networks, options = str(stored.network), f"--overlay-network {stored.network}"
            if stored.ipv6_network is not None:
                networks += f" and {stored.ipv6_network}"
                options += f" --overlay-ipv6-network {stored.ipv6_network}"
            raise EmulationError(
                f"{key} demands {stored.backend} in {networks}: use `--overlay flannel:{stored.backend} {options}`, or "
                f"{_OTHER_STORE}"
            )

    def bring_up(self, host: str) -> None:
        """Start the agent. An agent that was killed takes its previous lease again."""
        program = self.spec.programs.get(host)
        if program is not None:
            circuits = self.circuits(host)
            interface = real.external_interface(self.lab, host, self.spec.variant, self.spec.hosts, circuits)
            self.agents[host] = real.start(
                self.lab, host, program, interface, self._store.endpoint(host),
                self._folder(host), numbered_subnets(self.spec, host),
            )  # fmt: skip
            return
        settings = agent.Settings(
            backend=self.spec.variant,
            number=host_number(self.spec, host),
            public_ip=self._public_ip(host),
            public_ipv6=self._public_ipv6(host),
            circuits=self.circuits(host),
            folder=self._folder(host),
            store=self._store.endpoint(host),
            ttl_s=self.lease_s,
        )
        self.agents[host] = start_function(self.lab, host, "flannel", partial(agent.run, settings))

    def is_ready(self, host: str) -> bool:
        """Return whether the agent has written the file that names its leased subnet."""
        self.agents[host].check()
        if host in self.spec.programs:
            return real.is_ready(self._folder(host))
        return (self._folder(host) / agent.SUBNET_FILE).exists()

    def subnet(self, host: str) -> IPv4Network:
        """Return the subnet of IPv4 that the agent's file names."""
        return IPv4Network(self.subnets(host)[0])

    def subnets(self, host: str) -> tuple[Network, ...]:
        """Return the subnets that the agent's file names."""
        subnets = parse_subnet_file((self._folder(host) / agent.SUBNET_FILE).read_text())
        if not subnets:
            raise EmulationError(f"{agent.SUBNET_FILE} of {host} names no subnet")
        return subnets

    def peers(self, host: str) -> tuple[Peer, ...]:
        """Return the hosts whose leases the agent has seen."""
        if host in self.spec.programs:
            return tuple(self._peers_of_program(host))
        path = self._folder(host) / agent.PEERS_FILE
        if not path.exists():
            return ()
        hosts = {address: name for name in self.spec.hosts for address in self._public_ips(name)}
        known = json.loads(path.read_text())
        return tuple(Peer(hosts.get(it["PublicIP"], ""), it["PublicIP"], it["Subnet"]) for it in known)

    def stop(self, host: str) -> None:
        """Stop the agent, and remove its lease and what it has in the kernel: the built-in agent does it by itself."""
        self.agents[host].stop()
        subnet_file = self._folder(host) / agent.SUBNET_FILE
        if host not in self.spec.programs or not subnet_file.exists():
            return
        subnets, state = self.subnets(host), self.state(host)
        # suppressed, because the store may be unreachable: the lease stays until its term ends
        with contextlib.suppress(StoreError), self._store.client() as client:
            client.delete(key_of(*subnets))
        with Handle(self.namespace(host)) as kernel:
            real.remove_remains(kernel, self.spec.variant, state, pools(self.spec))
        subnet_file.unlink()

    def leave(self) -> None:
        """Stop all agents, and remove the configuration from the store if `prepare` wrote it."""
        for host in self.agents:
            self.stop(host)
        if self._has_configured:
            # suppressed, because the store may be unreachable by now
            with contextlib.suppress(StoreError), self._store.client() as client:
                client.delete(CONFIG_KEY)

    def _public_ip(self, host: str) -> str:
        """Return the address that a host's lease has: its own, or one in an Ethernet that a `flanneld` needs."""
        if self._shared_ends:
            return self._shared_ends[host].address
        return self.loopback(host)

    def _public_ipv6(self, host: str) -> str | None:
        """Return the same for IPv6; None without IPv6."""
        if self.spec.ipv6_pool is None:
            return None
        return self._shared_ends[host].ipv6_address if self._shared_ends else self.ipv6_loopback(host)

    def _public_ips(self, host: str) -> tuple[str, ...]:
        ipv6 = self._public_ipv6(host)
        return (self._public_ip(host),) if ipv6 is None else (self._public_ip(host), ipv6)

    def _peers_of_program(self, host: str) -> Iterator[Peer]:
        log = self.agents[host].log.read_text(errors="replace") if host in self.agents else ""
        known = real.known_subnets(self.spec.variant, self.state(host), log)
        for peer in self.spec.hosts:
            if peer != host and (self._folder(peer) / agent.SUBNET_FILE).exists():
                for subnet, address in zip(self.subnets(peer), self._public_ips(peer), strict=False):
                    if str(subnet) in known:
                        yield Peer(peer, address, str(subnet))

    def _folder(self, host: str) -> Path:
        # the agent's /run/flannel; the hosts share a file system, so each has its own folder
        return self.lab.run_folder / "flannel" / host

    def _refuse_foreign_leases(self, client: Client) -> None:
        """Refuse a store with leases of hosts outside this lab, because all agents would route to their subnets.

        Raises:
            EmulationError: the store has such leases.
        """
        addresses = {self._public_ip(host) for host in self.spec.hosts}
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


def _mtu_text(config: Config) -> str:
    return "no MTU" if config.circuit_mtu_bytes is None else f"an MTU of {config.circuit_mtu_bytes}"


_ABOUT: Mapping[str, About] = {
    "vxlan": About("routed through VXLAN", ("VXLAN",), _AGENTS),
    "host-gw": About("routed", agent=_AGENTS),
    "udp": About("routed to the agent, in UDP", ("TUN",), _AGENTS),
    "wireguard": About("routed through WireGuard", ("WireGuard",), _AGENTS),
}
"""The description of each backend."""
_ROUTED = (*CONTAINER_STAGES, "bridge", "forward")
_WAYS: Mapping[str, PacketWay] = {
    "vxlan": PacketWay((*_ROUTED, "vxlan"), UDP, vxlan.PORT),
    "host-gw": PacketWay(_ROUTED),
    "udp": PacketWay((*_ROUTED, "user-space"), UDP, udp.PORT),
    "wireguard": PacketWay((*_ROUTED, "wireguard"), UDP, wireguard.PORT),
}
"""The way of a packet with each backend."""
_LACKS: Mapping[str, Callable[[], Iterator[str]]] = {
    "vxlan": lambda: facilities.lacks("VXLAN", "vxlan", lambda kernel: vxlan.add_vxlan(kernel, "192.0.2.1", 1450)),
    "host-gw": lambda: iter(()),
    "udp": tun.lacks,
    "wireguard": lambda: facilities.lacks(
        "WireGuard", "wireguard", lambda kernel: kernel.add_wireguard(wireguard.DEVICE, mtu_bytes=1420)
    ),
}
"""Functions that yield what the kernel lacks for each backend."""
