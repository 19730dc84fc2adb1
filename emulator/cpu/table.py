"""A cost table as values: the time that a packet takes at each stage of its way, on one kind of machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

STAGES: Mapping[str, str] = MappingProxyType(
    {
        "nic": "the interface to the circuit: interrupt, driver, and the kernel's first or last step",
        "socket": "one end of the packet's way: a program's system call, its copy, UDP or TCP, and IP",
        "veth": "the pair of interfaces between a host and a container",
        "bridge": "a Linux bridge between containers",
        "forward": "the choice of a route for a packet that is not the host's own",
        "rule": "one rule of a packet filter (iptables, nftables) that the packet is compared with",
        "vxlan": "the headers of VXLAN, which are put on or taken off",
        "geneve": "the headers of GENEVE, which are put on or taken off",
        "ipip": "the header of IP in IP, which is put on or taken off",
        "openvswitch": "the look-up of a flow in Open vSwitch's datapath",
        "wireguard": "WireGuard's encryption or decryption, and its headers",
        "ipsec": "the encryption or decryption of IPsec (ESP), and its headers",
        "user-space": "a program that takes each packet from the kernel and sends it on in UDP, or the other way round",
    }
)
"""The stages of a packet's way through a host, each with what happens there.

A stage has one cost for both directions, because the queue of a core knows one cost for each packet.
"""

OPTIONAL_STAGES = frozenset({"nic", "rule"})
"""The stages that cost nothing if a table leaves them out; every other stage is needed by what has it."""

DEFAULT_BACKLOG_PACKETS = 1000
"""The packets that wait for a core before the next one is lost: Linux's ``net.core.netdev_max_backlog``."""


Interval: TypeAlias = tuple[float, float]
"""The least and the greatest value that a measurement leaves possible."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The time that a core works on a packet: a part for each packet and a part for each byte, in nanoseconds."""

    packet_ns: float = 0.0
    byte_ns: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Return the cost of both."""
        return Cost(self.packet_ns + other.packet_ns, self.byte_ns + other.byte_ns)

    def __mul__(self, factor: float) -> Cost:
        """Return the cost of several times the work."""
        return Cost(self.packet_ns * factor, self.byte_ns * factor)

    def of(self, frame_bytes: float) -> float:
        """Return the nanoseconds for a packet whose frame has this many bytes."""
        return self.packet_ns + self.byte_ns * frame_bytes


@dataclass(frozen=True, slots=True)
class Stage:
    """The cost of a stage with segmentation offload, and where the figures come from.

    With offload, one packet may have 64 KB of a TCP connection, and is cut up by the interface to the circuit.
    ``without_offload`` is the cost without it; None is the same cost. The intervals, in nanoseconds, are those of the
    two figures of ``cost``; None is unknown. A model does not use them.
    """

    cost: Cost
    source: str
    without_offload: Cost | None = None
    packet_ns_interval: Interval | None = None
    byte_ns_interval: Interval | None = None

    def of(self, *, offload: bool) -> Cost:
        """Return the cost with or without offload."""
        return self.cost if offload or self.without_offload is None else self.without_offload


@dataclass(frozen=True, slots=True)
class CostTable:
    """The costs on one kind of machine.

    ``cores`` is the number of processors of a host. ``rules`` is the number of rules of a packet filter that each
    packet is compared with. ``text`` is the TOML that the table was read from, and ``sha256`` its digest.
    """

    name: str
    description: str
    cores: int
    stages: Mapping[str, Stage]
    sha256: str
    text: str
    rules: int = 0
    backlog_packets: int = DEFAULT_BACKLOG_PACKETS
