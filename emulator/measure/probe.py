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
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from emulator.lab.lab import Lab
from emulator.measure.echo import FRAME_BYTES, SO_TIMESTAMPNS, Echo, arrivals, samples_us
from emulator.netlink import namespaces
from emulator.plan import Circuit, Interface, Plan

VERSION = 1
_ETHERTYPE = 0x88B5  # for experiments (IEEE 802, 9.2.4)
_ETH_P_ALL = 3
_NOT_FORWARDED = bytes.fromhex("0180c200000e")
_LEAST_PATIENCE_S = 1.0
_GONE = frozenset({errno.ENODEV, errno.ENXIO, errno.EADDRNOTAVAIL})
_OUTGOING = 4  # PACKET_OUTGOING: a packet socket sees its own frames too

_RoundTrip = Callable[[int], int | None]


@dataclass(frozen=True, slots=True)
class CircuitProbe:
    """The measurements of one circuit. All times are round trips in microseconds, ``samples_us`` in sending order.

    ``configured_us`` is the delay of both directions. ``expected_us`` adds the time to send the bits of `FRAME_BYTES`
    at the rate of each direction. ``measured_us`` is the median, and ``error_us`` is measured minus expected; both are
    None if all echoes were lost. ``by`` is ``icmp`` or ``frame``.
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


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The probes of all circuits, in the order of the plan."""

    testbed: str
    seed: int
    kernel: str
    frame_bytes: int
    circuits: tuple[CircuitProbe, ...]


def to_json(result: ProbeResult) -> str:
    """Return a result as JSON text, with the version of the format."""
    return json.dumps({"version": VERSION, **asdict(result)}, indent=2) + "\n"


def probe(lab: Lab, *, count: int = 10, warm_up: int = 1) -> ProbeResult:
    """Measure the round trip over each circuit ``count`` times, after ``warm_up`` echoes that find the neighbours.

    An echo is lost if it does not return within a second more than expected. If an interface of a circuit, or its
    address, was removed, all echoes of the circuit are lost.

    Raises:
        OSError: the kernel refuses sockets.
    """
    plan = lab.plan
    return ProbeResult(
        testbed=plan.testbed,
        seed=plan.seed,
        kernel=os.uname().release,
        frame_bytes=FRAME_BYTES,
        circuits=tuple(_probe(lab, circuit, count, warm_up) for circuit in plan.circuits),
    )


def expected_ns(circuit: Circuit) -> float:
    """Return the round trip over a circuit, with the time to send the bits of an echo in each direction."""
    total = 0.0
    for end in circuit.ends:
        if end.egress is not None:
            total += end.egress.delay_ns + FRAME_BYTES * 8 * 1e9 / end.egress.rate_bps
    return total


def rtt_text(rtt_us: float | None, decimals: int = 6) -> str:
    """Return a measured round trip in milliseconds, for a person; None is one that was lost."""
    return "no reply" if rtt_us is None else f"{rtt_us / 1e3:.{decimals}f} ms"


def circuit_probe(plan: Plan, circuit: Circuit, samples: tuple[float, ...], count: int) -> CircuitProbe:
    """Return the probe of a circuit over which ``count`` echoes were sent; ``samples`` are the round trips, in µs."""
    expected = expected_ns(circuit)
    measured = statistics.median(samples) if samples else None
    return CircuitProbe(
        id=circuit.id,
        first=circuit.first.node,
        second=circuit.second.node,
        by="icmp" if _is_by_ip(plan, circuit) else "frame",
        configured_us=sum(end.egress.delay_ns for end in circuit.ends if end.egress is not None) / 1000,
        expected_us=round(expected / 1000, 3),
        measured_us=measured,
        error_us=None if measured is None else round(measured - expected / 1000, 3),
        sent=count,
        lost=count - len(samples),
        samples_us=samples,
    )


def _probe(lab: Lab, circuit: Circuit, count: int, warm_up: int) -> CircuitProbe:
    jitter_ns = sum(4 * end.egress.jitter_ns for end in circuit.ends if end.egress is not None)
    # a circuit's first echo waits for ARP, which asks over the same circuit from both ends
    patience_s = _LEAST_PATIENCE_S + (3 * expected_ns(circuit) + jitter_ns) / 1e9
    samples: tuple[float, ...] = ()
    try:
        with (_by_icmp if _is_by_ip(lab.plan, circuit) else _by_frames)(lab, circuit, patience_s) as round_trip_ns:
            samples = samples_us(round_trip_ns, count, warm_up)
    except OSError as error:
        if error.errno not in _GONE:
            raise
    return circuit_probe(lab.plan, circuit, samples, count)


def _is_by_ip(plan: Plan, circuit: Circuit) -> bool:
    hosts = {host.name for host in plan.hosts}
    return all(end.address is not None and end.node in hosts for end in circuit.ends)


@contextlib.contextmanager
def _by_icmp(lab: Lab, circuit: Circuit, patience_s: float) -> Iterator[_RoundTrip]:
    """Open a socket for ICMP echoes over a circuit, from its first end to its second."""
    near, far = ((end.address or "").partition("/")[0] for end in circuit.ends)
    with Echo(lab.namespace(circuit.first.node), near, circuit.first.name) as echo:
        yield lambda number: echo.round_trip_ns(far, number, patience_s)


@contextlib.contextmanager
def _by_frames(lab: Lab, circuit: Circuit, patience_s: float) -> Iterator[_RoundTrip]:
    """Open sockets for frames over a circuit, from its first end to its second and back."""
    with _frame_socket(lab, circuit.first) as near, _frame_socket(lab, circuit.second) as far:

        def round_trip_ns(number: int) -> int | None:
            # without the frame's stay at the far end
            there_ns = _one_way_ns(near, far, number, patience_s)
            back_ns = None if there_ns is None else _one_way_ns(far, near, number, patience_s)
            return None if there_ns is None or back_ns is None else there_ns + back_ns

        yield round_trip_ns


def _one_way_ns(near: socket.socket, far: socket.socket, number: int, patience_s: float) -> int | None:
    """Send a frame from one socket to the other, and return the time that it took; None if it is lost."""
    content = _ETHERTYPE.to_bytes(2, "big") + number.to_bytes(8, "big")
    frame = _NOT_FORWARDED + bytes(6) + content
    began_ns = time.time_ns()
    try:
        near.send(frame.ljust(FRAME_BYTES, b"\0"))
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
