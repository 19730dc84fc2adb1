"""A running network to the round trip over each of its circuits, beside what the plan says that it should be.

Between two hosts, an echo request goes by IP (ICMP), as from `ping`, and the far kernel answers it. A switch's port has
no address: there a frame goes from one end of the circuit to the other and straight back, in a class of frames that
bridges never forward (IEEE 802.1D, table 7-10). Sockets are opened in the namespaces, and no process is started: what
a process costs would be measured too. One echo follows the other, so that none waits for another's bits.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from emulator.lab.lab import Lab
from emulator.measure.echo import FRAME_BYTES, SO_TIMESTAMPNS, Echo, arrivals
from emulator.netlink import namespaces
from emulator.plan import Circuit, Interface, Plan

VERSION = 1
_ETHERTYPE = 0x88B5  # for experiments (IEEE 802, 9.2.4)
_ETH_P_ALL = 3
_NOT_FORWARDED = bytes.fromhex("0180c200000e")
_LEAST_PATIENCE_S = 1.0
_GONE = frozenset({errno.ENODEV, errno.ENXIO, errno.EADDRNOTAVAIL})
_OUTGOING = 4  # PACKET_OUTGOING: a packet socket sees its own frames too


@dataclass(frozen=True, slots=True)
class CircuitProbe:
    """What was seen on a circuit. All times are round trips in microseconds; ``samples_us`` in the order of sending.

    ``configured_us`` is the delay of both directions, ``expected_us`` that and the time to send the bits of
    `FRAME_BYTES` at the rate of each direction. ``measured_us`` is the median; it and ``error_us``, measured minus
    expected, are None if nothing came back. ``by`` is ``icmp`` or ``frame``.
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
    """A result as JSON text, with its version."""
    return json.dumps({"version": VERSION, **asdict(result)}, indent=2) + "\n"


def probe(lab: Lab, *, count: int = 10, warm_up: int = 1) -> ProbeResult:
    """Measure the round trip over every circuit ``count`` times, after ``warm_up`` echoes that find the neighbours.

    An echo that does not come back within a second more than expected is lost; so are all of a circuit of which an
    interface, or its address, has gone.

    Raises:
        OSError: sockets are refused.
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
    """The round trip with the time to send the bits of an echo, each way."""
    total = 0.0
    for end in circuit.ends:
        if end.egress is not None:
            total += end.egress.delay_ns + FRAME_BYTES * 8 * 1e9 / end.egress.rate_bps
    return total


def _probe(lab: Lab, circuit: Circuit, count: int, warm_up: int) -> CircuitProbe:
    jitter_ns = sum(4 * end.egress.jitter_ns for end in circuit.ends if end.egress is not None)
    # a circuit's first echo waits for ARP, which asks over the same circuit from both ends
    patience_s = _LEAST_PATIENCE_S + (3 * expected_ns(circuit) + jitter_ns) / 1e9
    samples: list[int | None] = []
    try:
        with (_icmp if _is_by_ip(lab.plan, circuit) else _frames)(lab, circuit) as echo:
            samples = [echo.round_trip_ns(number, patience_s) for number in range(warm_up + count)][warm_up:]
    except OSError as error:
        if error.errno not in _GONE:
            raise
    returned = tuple(sample / 1000 for sample in samples if sample is not None)
    return circuit_probe(lab.plan, circuit, returned, count)


def circuit_probe(plan: Plan, circuit: Circuit, samples_us: tuple[float, ...], count: int) -> CircuitProbe:
    """What follows from the round trips of the echoes over a circuit of which ``count`` were sent."""
    expected = expected_ns(circuit)
    measured = statistics.median(samples_us) if samples_us else None
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
        lost=count - len(samples_us),
        samples_us=samples_us,
    )


def _is_by_ip(plan: Plan, circuit: Circuit) -> bool:
    hosts = {host.name for host in plan.hosts}
    return all(end.address is not None and end.node in hosts for end in circuit.ends)


class _Icmp:
    """Echo requests over a circuit to an address."""

    def __init__(self, echo: Echo, target: str) -> None:
        self._echo = echo
        self._target = target

    def round_trip_ns(self, number: int, patience_s: float) -> int | None:
        """The time until an echo's reply; None if it is lost."""
        return self._echo.round_trip_ns(self._target, number, patience_s)


class _Frames:
    """Frames from one end of a circuit to the other and back."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self._near, self._far = near, far

    def round_trip_ns(self, number: int, patience_s: float) -> int | None:
        """How long a frame was on the way there and back, without its stay at the far end; None if it is lost."""
        there_ns = _one_way_ns(self._near, self._far, number, patience_s)
        back_ns = None if there_ns is None else _one_way_ns(self._far, self._near, number, patience_s)
        return None if there_ns is None or back_ns is None else there_ns + back_ns


def _one_way_ns(near: socket.socket, far: socket.socket, number: int, patience_s: float) -> int | None:
    content = _ETHERTYPE.to_bytes(2, "big") + number.to_bytes(8, "big")
    frame = _NOT_FORWARDED + bytes(6) + content
    began_ns = time.time_ns()
    try:
        near.send(frame.ljust(FRAME_BYTES, b"\0"))
    except OSError:  # the interface is down
        return None
    for data, sender, came_ns in arrivals(far, began_ns, patience_s):
        if sender[2] != _OUTGOING and data[:6] == _NOT_FORWARDED and data[12:22] == content:
            return came_ns - began_ns
    return None


@contextlib.contextmanager
def _icmp(lab: Lab, circuit: Circuit) -> Iterator[_Icmp]:
    namespace = lab.namespace(circuit.first.node)
    with Echo(namespace, _address(circuit.first), circuit.first.name) as echo:
        yield _Icmp(echo, _address(circuit.second))


@contextlib.contextmanager
def _frames(lab: Lab, circuit: Circuit) -> Iterator[_Frames]:
    with contextlib.ExitStack() as stack:
        opened: Sequence[socket.socket] = [stack.enter_context(_packets(lab, end)) for end in circuit.ends]
        yield _Frames(opened[0], opened[1])


def _packets(lab: Lab, end: Interface) -> socket.socket:
    with namespaces.entered(lab.namespace(end.node)):
        found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            found.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            # all frames: a bridge takes those of a single type before a socket sees them
            found.bind((end.name, _ETH_P_ALL))
        except OSError:
            found.close()
            raise
    return found


def _address(end: Interface) -> str:
    return (end.address or "").partition("/")[0]
