"""UDP traffic between two hosts: a sender at given times, and a receiver that reports when packets arrive.

Both are programs that run in the hosts. Each packet holds the time at which it was sent.
"""

from __future__ import annotations

import ctypes
import json
import random
import socket
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.session import Session

PORT = 5000
_PR_SET_TIMERSLACK = 29
_SO_TIMESTAMPNS = 35
_PATIENCE_S = 1.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """The packets that a sender sends: their data, their mean rate and their number.

    They leave at a steady rate, or with a ``seed`` above 0 at random times (Poisson). They go round the ``flows``, each
    of which has a source port of its own.
    """

    payload_bytes: int
    packets_per_s: float
    count: int
    seed: int = 0
    flows: int = 1

    def due_ns(self) -> Iterator[float]:
        """Yield the times at which the packets leave, in nanoseconds from the start."""
        draw, mean_ns, due_ns = random.Random(self.seed), 1e9 / self.packets_per_s, 0.0  # noqa: S311 - no secrets
        for _ in range(self.count):
            due_ns += draw.expovariate(1) * mean_ns if self.seed else mean_ns
            yield due_ns

    def mean_wait_ns(self, service_ns: float) -> float:
        """Return the mean wait of these very packets for a server of a fixed service (Lindley's recursion)."""
        free_ns = waited_ns = 0.0
        for due_ns in self.due_ns():
            waited_ns += max(0.0, free_ns - due_ns)
            free_ns = max(free_ns, due_ns) + service_ns
        return waited_ns / self.count


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The packets that arrived, the time from the first to the last, and the mean delay, in nanoseconds."""

    received: int
    span_ns: int
    mean_delay_ns: float

    @property
    def packets_per_s(self) -> float:
        """The mean rate from the first packet to the last."""
        return (self.received - 1) * 1e9 / self.span_ns


def receiver() -> list[str]:
    """Return the command that receives packets until none has come for a second, and prints `Arrivals` as JSON."""
    return [sys.executable, __file__, "receive"]


def sender(target: str, traffic: Traffic) -> list[str]:
    """Return the command that sends packets to a host that receives."""
    return [sys.executable, __file__, "send", target, json.dumps(asdict(traffic))]


def exchange(net: Session, source: str, sink: str, traffic: Traffic) -> Arrivals:
    """Send packets from a host or container of a network to another, and return what arrived."""
    process = net[sink].start(receiver())
    net.sleep(1)
    net[source].run(["ping", "-c1", sink], check=True)  # the hosts learn their neighbours
    net[source].run(sender(sink, traffic), check=True)
    return Arrivals(**json.loads(process.wait().stdout))


def _send(target: str, traffic: Traffic) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    ends = []
    for number in range(traffic.flows):
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**22)
        end.bind(("", PORT + 1 + number))
        end.connect((target, PORT))
        ends.append(end)
    began_ns = time.time_ns()
    for number, due_ns in enumerate(traffic.due_ns()):
        # whole numbers, because a float of the time since 1970 is exact to 256 ns only
        if (ahead_ns := began_ns + round(due_ns) - time.time_ns()) > 0:
            time.sleep(ahead_ns / 1e9)
        ends[number % traffic.flows].send(struct.pack("=q", time.time_ns()).ljust(traffic.payload_bytes, b"\0"))


def _receive() -> Arrivals:
    """Receive until nothing arrives any more."""
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**22)
    end.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    end.bind(("", PORT))
    arrived, delays_ns = [], 0
    while True:
        try:
            data, ancillary, _, _ = end.recvmsg(64, 64)
        except TimeoutError:
            break
        end.settimeout(_PATIENCE_S)
        seconds, nanoseconds = struct.unpack("=qq", ancillary[0][2])
        arrived.append(seconds * 10**9 + nanoseconds)
        delays_ns += arrived[-1] - struct.unpack_from("=q", data)[0]
    return Arrivals(len(arrived), arrived[-1] - arrived[0], delays_ns / len(arrived))


if __name__ == "__main__":
    if sys.argv[1] == "send":
        _send(sys.argv[2], Traffic(**json.loads(sys.argv[3])))
    else:
        print(json.dumps(asdict(_receive())))
