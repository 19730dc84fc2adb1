"""Round-trip times over the circuits of a lab, beside those that the plan leads to expect.

Between two hosts, an ICMP echo request goes by IP, as from `ping`, and the far kernel answers it. A switch's port has
no address. There, a frame goes from one end of the circuit to the other and straight back, in a class of frames that
bridges never forward (IEEE 802.1D, table 7-10). Sockets are opened in the namespaces and no process is started, because
the cost of a process would be measured too. One echo follows the other, so that none waits for another's bits.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

from emulator.cpu.model import OWN_STAGES, CpuModel
from emulator.lab.lab import Lab
from emulator.measure.echo import (
    ETHERNET_BYTES,
    FRAME_BYTES,
    IPV6_FRAME_BYTES,
    SO_TIMESTAMPNS,
    Echo,
    arrivals,
    frames_bytes,
)
from emulator.netlink import namespaces
from emulator.plan import Circuit, Interface, Plan
from emulator.system.errors import EmulationError

VERSION = 1
_ETHERTYPE = 0x88B5  # for experiments (IEEE 802, 9.2.4)
_ETH_P_ALL = 3
_NOT_FORWARDED = bytes.fromhex("0180c200000e")
_LEAST_PATIENCE_S = 1.0
_GONE = frozenset({errno.ENODEV, errno.ENXIO, errno.EADDRNOTAVAIL})
_OUTGOING = 4  # PACKET_OUTGOING: a packet socket sees its own frames too

_Times = tuple[int, int]
"""The time from the first end of a circuit to the second, and that of the way back, in nanoseconds."""
_RoundTrip = Callable[[int], _Times | None]

Family: TypeAlias = Literal[4, 6]
"""The number of an IP version."""
IPV4: tuple[Family, ...] = (4,)
BOTH: tuple[Family, ...] = (4, 6)


@dataclass(frozen=True, slots=True)
class WayProbe:
    """The measurements of one direction of a circuit, in microseconds.

    ``expected_us`` is the delay and the time to send the bits of an echo. ``measured_us`` is the median, and
    ``error_us`` is measured minus expected; both are None if all echoes were lost.
    """

    expected_us: float
    measured_us: float | None
    error_us: float | None


@dataclass(frozen=True, slots=True)
class CircuitProbe:
    """The measurements of one circuit in one family. Times are round trips in µs, ``samples_us`` in sending order.

    ``configured_us`` is the delay of both directions. ``expected_us`` adds the time to send the bits of an echo
    (`FRAME_BYTES`, `IPV6_FRAME_BYTES`) at the rate of each direction, and the processor time of the hosts
    (`Plan.cpu`). ``measured_us`` is the median, and ``error_us`` is measured minus expected; both are None if all
    echoes were lost. ``by`` is ``icmp`` or ``frame``. ``there`` is the direction from the first end to the second, and
    ``there_samples_us`` are its part of each round trip; ``back`` is the other direction. ``family`` is None for
    frames.
    """

    id: str
    first: str
    second: str
    by: str
    configured_us: float
    expected_us: float
    measured_us: float | None
    error_us: float | None
    sent: int
    lost: int
    samples_us: tuple[float, ...]
    there: WayProbe
    back: WayProbe
    there_samples_us: tuple[float, ...]
    family: Family | None = None


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The probes of all circuits, in the order of the plan; of a circuit, IPv4 comes first."""

    testbed: str
    seed: int
    kernel: str
    frame_bytes: int
    circuits: tuple[CircuitProbe, ...]


def to_json(result: ProbeResult) -> str:
    """Return a result as JSON text, with the version of the format."""
    return json.dumps({"version": VERSION, **asdict(result)}, indent=2) + "\n"


def probe(lab: Lab, *, count: int = 10, warm_up: int = 1, families: tuple[Family, ...] = IPV4) -> ProbeResult:
    """Measure the round trip over each circuit ``count`` times, after ``warm_up`` echoes that find the neighbours.

    Circuits are measured in each of ``families``; a circuit with a switch's port is measured once, by frames. An echo
    is lost if it does not return within a second more than expected. If an interface of a circuit, or its address, was
    removed, all echoes of the circuit are lost.

    Raises:
        EmulationError: ``families`` has IPv6, and the network lacks it.
        OSError: the kernel refuses sockets.
    """
    plan = lab.plan
    if 6 in families and not plan.has_ipv6:
        raise EmulationError("this network has no IPv6 to measure: use a kernel that has it, and omit --ipv4-only")
    return ProbeResult(
        testbed=plan.testbed,
        seed=plan.seed,
        kernel=os.uname().release,
        frame_bytes=FRAME_BYTES,
        circuits=tuple(
            _probe(lab, circuit, family, count, warm_up) for circuit, family in circuits_by_family(plan, families)
        ),
    )


def circuits_by_family(plan: Plan, families: tuple[Family, ...]) -> Iterator[tuple[Circuit, Family | None]]:
    """Yield each circuit once for each family; once, with None, if it is measured by frames."""
    for circuit in plan.circuits:
        if _is_by_ip(plan, circuit):
            yield from ((circuit, family) for family in families)
        else:
            yield circuit, None


def expected_ns(circuit: Circuit, family: Family | None = None, cpu: CpuModel | None = None) -> float:
    """Return the round trip over a circuit, with the time to send the bits of an echo in each direction.

    ``cpu`` are the processors of the hosts, whose time is in it. Frames, of the family None, cost no such time.
    """
    return sum(_expected_ns(circuit, end, family, cpu) for end in circuit.ends)


def _expected_ns(circuit: Circuit, end: Interface, family: Family | None, cpu: CpuModel | None) -> float:
    """Return the time that an echo takes from an interface to the other end of its circuit."""
    frame_bytes, work_ns = IPV6_FRAME_BYTES if family == 6 else FRAME_BYTES, 0.0
    if cpu is not None and family is not None:
        work_ns = sum(cpu.on(it.node, OWN_STAGES).of(frame_bytes) for it in circuit.ends)
    if end.egress is None:
        return work_ns
    if family is None:
        sent_bytes = min(frame_bytes, ETHERNET_BYTES + end.egress.packet_bytes)
    else:
        sent_bytes = frames_bytes(frame_bytes - ETHERNET_BYTES, end.egress.packet_bytes)
    return work_ns + end.egress.delay_ns + sent_bytes * 8 * 1e9 / end.egress.rate_bps


def rtt_text(rtt_us: float | None, decimals: int = 6) -> str:
    """Return a measured round trip in milliseconds, for a person; None is one that was lost."""
    return "no reply" if rtt_us is None else f"{rtt_us / 1e3:.{decimals}f} ms"


def circuit_probe(
    circuit: Circuit,
    family: Family | None,
    samples: tuple[float, ...],
    there: tuple[float, ...],
    count: int,
    cpu: CpuModel | None = None,
) -> CircuitProbe:
    """Return the probe of a circuit over which ``count`` echoes were sent; ``family`` is None for frames.

    ``samples`` are the round trips in µs, and ``there`` the part of each that it took to the second end. ``cpu`` are
    the processors of the plan.
    """
    expected = expected_ns(circuit, family, cpu)
    back = [round(whole - part, 3) for whole, part in zip(samples, there, strict=True)]
    measured = statistics.median(samples) if samples else None
    return CircuitProbe(
        id=circuit.id,
        first=circuit.first.node,
        second=circuit.second.node,
        by="frame" if family is None else "icmp",
        configured_us=sum(end.egress.delay_ns for end in circuit.ends if end.egress is not None) / 1000,
        expected_us=round(expected / 1000, 3),
        measured_us=measured,
        error_us=None if measured is None else round(measured - expected / 1000, 3),
        sent=count,
        lost=count - len(samples),
        samples_us=samples,
        there=_way(_expected_ns(circuit, circuit.first, family, cpu), there),
        back=_way(_expected_ns(circuit, circuit.second, family, cpu), back),
        there_samples_us=there,
        family=family,
    )


def _way(expected_ns: float, samples: Sequence[float]) -> WayProbe:
    expected = expected_ns / 1000
    measured = statistics.median(samples) if samples else None
    return WayProbe(round(expected, 3), measured, None if measured is None else round(measured - expected, 3))


def _probe(lab: Lab, circuit: Circuit, family: Family | None, count: int, warm_up: int) -> CircuitProbe:
    jitter_ns = sum(4 * end.egress.jitter_ns for end in circuit.ends if end.egress is not None)
    # a circuit's first echo waits for ARP, which asks over the same circuit from both ends
    patience_s = _LEAST_PATIENCE_S + (3 * expected_ns(circuit, family, lab.plan.cpu) + jitter_ns) / 1e9
    times: list[_Times | None] = []
    try:
        with _round_trips(lab, circuit, family, patience_s) as round_trip:
            times = [round_trip(number) for number in range(warm_up + count)][warm_up:]
    except OSError as error:
        if error.errno not in _GONE:
            raise
    found = [item for item in times if item is not None]
    samples = tuple((there_ns + back_ns) / 1000 for there_ns, back_ns in found)
    there = tuple(there_ns / 1000 for there_ns, _ in found)
    return circuit_probe(circuit, family, samples, there, count, lab.plan.cpu)


def _is_by_ip(plan: Plan, circuit: Circuit) -> bool:
    hosts = {host.name for host in plan.hosts}
    return all(end.address is not None and end.node in hosts for end in circuit.ends)


def _round_trips(
    lab: Lab, circuit: Circuit, family: Family | None, patience_s: float
) -> contextlib.AbstractContextManager[_RoundTrip]:
    if family is None:
        return _by_frames(lab, circuit, patience_s)
    return _by_icmp(lab, circuit, family, patience_s)


@contextlib.contextmanager
def _by_icmp(lab: Lab, circuit: Circuit, family: Family, patience_s: float) -> Iterator[_RoundTrip]:
    """Open a socket for ICMP echoes over a circuit, from its first end to its second, and one that sees them there."""
    given = [end.ipv6_address if family == 6 else end.address for end in circuit.ends]
    near, far = ((address or "").partition("/")[0] for address in given)
    with (
        Echo(lab.namespace(circuit.first.node), near, circuit.first.name) as echo,
        Echo(lab.namespace(circuit.second.node), far, circuit.second.name) as far_end,
    ):

        def round_trip(number: int) -> _Times | None:
            began_ns = time.time_ns()
            whole_ns = echo.round_trip_ns(far, number, patience_s)
            arrived_ns = None if whole_ns is None else far_end.request_arrived_ns(number, began_ns, patience_s)
            if whole_ns is None or arrived_ns is None:
                return None
            there_ns = arrived_ns - began_ns
            return there_ns, whole_ns - there_ns

        yield round_trip


@contextlib.contextmanager
def _by_frames(lab: Lab, circuit: Circuit, patience_s: float) -> Iterator[_RoundTrip]:
    """Open sockets for frames over a circuit, from its first end to its second and back."""
    frame_bytes = min(FRAME_BYTES, ETHERNET_BYTES + circuit.mtu_bytes)
    with _frame_socket(lab, circuit.first) as near, _frame_socket(lab, circuit.second) as far:

        def round_trip(number: int) -> _Times | None:
            # without the frame's stay at the far end
            there_ns = _one_way_ns(near, far, number, patience_s, frame_bytes)
            back_ns = None if there_ns is None else _one_way_ns(far, near, number, patience_s, frame_bytes)
            return None if there_ns is None or back_ns is None else (there_ns, back_ns)

        yield round_trip


def _one_way_ns(
    near: socket.socket, far: socket.socket, number: int, patience_s: float, frame_bytes: int
) -> int | None:
    """Send a frame from one socket to the other, and return the time that it took; None if it is lost."""
    content = _ETHERTYPE.to_bytes(2, "big") + number.to_bytes(8, "big")
    frame = _NOT_FORWARDED + bytes(6) + content
    began_ns = time.time_ns()
    try:
        near.send(frame.ljust(frame_bytes, b"\0"))
    except OSError:  # the interface is down
        return None
    for data, sender, arrived_ns in arrivals(far, began_ns, patience_s):
        if sender[2] != _OUTGOING and data[:6] == _NOT_FORWARDED and data[12:22] == content:
            return arrived_ns - began_ns
    return None


def _frame_socket(lab: Lab, end: Interface) -> socket.socket:
    """Open a socket that sends and receives the frames of an interface."""
    with namespaces.entered(lab.namespace(end.node)):
        found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            found.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            # all frames, because a bridge takes those of a single type before a socket sees them
            found.bind((end.name, _ETH_P_ALL))
        except OSError:
            found.close()
            raise
    return found
