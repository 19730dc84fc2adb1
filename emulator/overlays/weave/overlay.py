"""Weave Net's overlay: one Ethernet over all hosts, whose peers find each other and their addresses by gossip."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address, IPv4Network, summarize_address_range
from pathlib import Path
from types import MappingProxyType

from emulator.cpu.model import CONTAINER_STAGES
from emulator.docker.containers import ContainerDaemons
from emulator.docker.model import NO_NETWORK
from emulator.lab.containers import Attachment, Container
from emulator.lab.daemons import start_function
from emulator.lab.lab import Lab
from emulator.lab.underlay import empty_namespace
from emulator.netlink.state import KernelState, difference, read
from emulator.overlays.base import Overlay
from emulator.overlays.model import ESP, UDP, About, Connection, OverlaySpec, PacketWay, Peer
from emulator.overlays.weave import agent, fastdp_ipsec, fastdp_links, links, sleeve
from emulator.overlays.weave.control import Client, make_ends
from emulator.overlays.weave.forwarder import PORT
from emulator.overlays.weave.status import Share, Status, lines
from emulator.stores.etcd import Store
from emulator.system.errors import EmulationError

_LEAST_ADDRESSES = 4
_ALLOCATION_PATIENCE_S = 60.0
_STATUS_PATIENCE_S = 5.0


class Weave(Overlay):
    """A router on each host, which is told the addresses of the hosts that started before it.

    A router that starts again is told those of all others, because they wait longer after each failed attempt.
    """

    variants = ("fastdp", "sleeve")
    reasons = MappingProxyType(
        {
            "agent": "Weave's own weaver asks for a port of Open vSwitch that Linux 7.3 no longer has, and speaks a "
            "protocol that gtsdsl's routers do not speak",
            "ipv6": "Weave hands out IPv4 addresses only; its Ethernet carries IPv6 between addresses that you add",
        }
    )

    def __init__(self, spec: OverlaySpec, lab: Lab, store: Store | None) -> None:
        super().__init__(spec, lab, store)
        self._docker = ContainerDaemons(lab, spec.image)
        self._states_before: dict[str, KernelState] = {}
        self._clients: dict[str, Client] = {}
        self._mtu_bytes = 0

    @classmethod
    def about(cls, variant: str) -> About:
        """Return the description of a variant."""
        if variant == "fastdp":
            needs = ("datapath of Open vSwitch", "VXLAN")
            return About("one Ethernet, in VXLAN by the datapath", needs, state="gossip")
        return About("one Ethernet, in UDP by the router", state="gossip")

    @classmethod
    def way(cls, variant: str, *, is_encrypted: bool) -> PacketWay:
        """Return the way of a packet through the bridge, and the datapath or the router."""
        bridged = (*CONTAINER_STAGES, "bridge")
        if variant == "sleeve":
            return PacketWay((*bridged, "user-space"), UDP, PORT)
        in_tunnel = (*bridged, "veth", "openvswitch", "vxlan")
        if is_encrypted:
            return PacketWay((*in_tunnel, "ipsec"), ESP)
        return PacketWay(in_tunnel, UDP, fastdp_links.TUNNEL_UDP_PORT)

    @classmethod
    def options(cls, variant: str) -> frozenset[str]:  # noqa: ARG003 - the same for both
        """Return the password and the MTU."""
        return frozenset({"password", "mtu_bytes"})

    @classmethod
    def lacks(cls, spec: OverlaySpec) -> Iterator[str]:
        """Yield a sentence for each thing that is missing: a datapath, IPsec, the package for encryption."""
        if spec.variant == "fastdp":
            yield from fastdp_links.lacks()
            if spec.password is not None:
                yield from fastdp_ipsec.lacks()
        if spec.password is not None:
            try:
                import nacl.bindings  # noqa: F401
            except ImportError:
                yield "the Python package PyNaCl is missing: `pip install 'gtsdsl[emulation]'`"

    @classmethod
    def refuses(cls, spec: OverlaySpec) -> Iterator[str]:
        """Yield a sentence if the subnet pool has too few addresses."""
        pool = IPv4Network(spec.subnet_pool)
        needed = max(len(spec.containers) + 2, len(spec.hosts), _LEAST_ADDRESSES)
        if pool.num_addresses < needed:
            yield f"the containers' network {pool} is too small: {needed} addresses are needed"

    @property
    def agent(self) -> str:
        """The name of the control plane in this package."""
        return "built-in control plane"

    @classmethod
    def added_bytes(cls, spec: OverlaySpec) -> int:
        """Return the bytes that the variant adds to a packet."""
        is_encrypted = spec.password is not None
        if spec.variant == "sleeve":
            return sleeve.overhead_bytes(is_encrypted=is_encrypted)
        return fastdp_links.OVERHEAD_BYTES + (fastdp_links.ESP_BYTES if is_encrypted else 0)

    @classmethod
    def container_mtu_bytes(cls, spec: OverlaySpec, host: str, circuit_mtu_bytes: Callable[[str], int]) -> int:  # noqa: ARG003 - one Ethernet
        """Return the MTU of all containers, because they are in one Ethernet: with fastdp Weave's default."""
        if spec.mtu_bytes is not None:
            return spec.mtu_bytes
        if spec.variant == "fastdp":
            return fastdp_links.MTU_BYTES
        return min(map(circuit_mtu_bytes, spec.hosts)) - cls.added_bytes(spec)

    def prepare(self) -> None:
        """Measure the circuits' MTU, which the containers get."""
        self._mtu_bytes = self.mtu_bytes(self.spec.hosts[0])
        if self.spec.password is not None:
            import nacl.bindings  # noqa: F401 - before the agents are forked, so that it is loaded once

    def start(self, host: str) -> None:
        """Start the router. After a crash or a stop, it takes its addresses again."""
        if host not in self._states_before:
            self._states_before[host] = read(self.namespace(host))
            self._folder(host).mkdir(parents=True)
        told = self.spec.hosts[: self.spec.hosts.index(host)]
        if host in self._clients:
            self._clients.pop(host).close()
            told = tuple(other for other in self.spec.hosts if other != host)
        settings = agent.Settings(
            host=host,
            address=self.loopback(host),
            told=tuple(map(self.loopback, told)),
            variant=self.spec.variant,
            password=self.spec.password,
            pool=IPv4Network(self.spec.subnet_pool),
            quorum=len(self.spec.hosts) // 2 + 1,
            folder=self._folder(host),
            mtu_bytes=self._mtu_bytes,
        )
        client, server = make_ends()
        self.agents[host] = start_function(self.lab, host, "weave", partial(agent.run, settings, server))
        server.close()
        self._clients[host] = Client(client)

    def is_ready(self, host: str) -> bool:
        """Return whether the router answers."""
        self.agents[host].check()
        return self._status(host) is not None

    def attach(self, container: Container) -> Attachment:
        """Start a container with an address that the host's router gives it."""
        address = self._clients[container.host].allocate(container.name, _ALLOCATION_PATIENCE_S)
        if address is None:
            self.agents[container.host].check()
            raise EmulationError(
                f"{self.agents[container.host]} gives {container.name} no address in {_ALLOCATION_PATIENCE_S:g} s: "
                f"the hosts do not agree how to divide {self.spec.subnet_pool}, or all addresses are in use"
            )
        if self.spec.runtime == "docker":
            attachment = self._docker.attach(container, NO_NETWORK, ["--bridge=none"])
        else:
            attachment = Attachment(empty_namespace(), "")
        try:
            links.join(
                self.namespace(container.host), attachment.namespace, container, IPv4Address(address),
                IPv4Network(self.spec.subnet_pool), self._mtu_bytes, finish_checksums=self.spec.variant == "sleeve",
            )  # fmt: skip
        except BaseException:
            os.close(attachment.namespace)
            raise
        return replace(attachment, address=address)

    def peers(self, host: str) -> tuple[Peer, ...]:
        """Return the peers that the router knows, each with its ranges of addresses."""
        status = self._status(host)
        if status is None:
            return ()
        shares = {it.nickname: it for it in status.shares}
        return tuple(
            Peer(it.nickname, self.loopback(it.nickname), _networks(shares.get(it.nickname)))
            for it in status.peers
            if it.nickname in self.spec.hosts and it.nickname != host
        )

    def connections(self) -> tuple[Connection, ...]:
        """Return how each two hosts forward to each other."""
        statuses = {host: self._status(host) for host in self.spec.hosts}
        found = []
        for index, first in enumerate(self.spec.hosts):
            for second in self.spec.hosts[index + 1 :]:
                methods = {_method(statuses[first], second), _method(statuses[second], first)}
                method = " and ".join(sorted(methods))
                found.append(Connection(first, second, method, is_wanted=method == self.spec.variant))
        return tuple(found)

    def view(self, host: str) -> tuple[str, ...]:
        """Return what `weave status` shows of connections, peers, addresses and names."""
        status = self._status(host)
        return () if status is None else tuple(lines(status))

    def state(self, host: str) -> KernelState:
        """Return what the kernel has and did not have before the overlay's start."""
        return difference(read(self.namespace(host)), self._states_before.get(host, KernelState()))

    def stop(self, host: str) -> None:
        """Stop the router, as `weave stop` does: the other hosts forget the peer, and its addresses stay its own."""
        self.agents[host].stop()

    def _status(self, host: str) -> Status | None:
        client = self._clients.get(host)
        return None if client is None else client.status(_STATUS_PATIENCE_S)

    def _folder(self, host: str) -> Path:
        return self.lab.run_folder / "weave" / host


def _method(status: Status | None, host: str) -> str:
    """Return how the router with a status forwards to a host."""
    if status is None:
        return "unreachable"
    return next((it.method for it in status.peers if it.nickname == host), "unreachable")


def _networks(share: Share | None) -> str:
    """Return the networks that a peer's ranges consist of."""
    ranges = () if share is None else share.ranges
    return ", ".join(
        str(network)
        for first, end in ranges
        for network in summarize_address_range(IPv4Address(first), IPv4Address(end - 1))
    )
