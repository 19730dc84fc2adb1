"""UDP traffic that tests run in hosts: a sender at given times, and a receiver that reports when packets arrive.

The sender's packets hold the time at which each was sent.
"""

from __future__ import annotations

import ctypes
import json
import random
import socket
import struct
import sys
import time

PORT = 5000
_PR_SET_TIMERSLACK = 29
_SO_TIMESTAMPNS = 35
_PATIENCE_S = 1.0


def send(target: str, payload_bytes: int, packets_per_s: float, count: int, seed: int) -> None:
    """Send packets at a steady rate, or with a ``seed`` above 0 at random times (Poisson) of that mean rate."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    draw, mean_ns = random.Random(seed), 1e9 / packets_per_s  # noqa: S311 - no secrets
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**22)
    end.connect((target, PORT))
    due_ns = float(time.time_ns())
    for _ in range(count):
        due_ns += draw.expovariate(1) * mean_ns if seed else mean_ns
        if (ahead_ns := due_ns - time.time_ns()) > 0:
            time.sleep(ahead_ns / 1e9)
        end.send(struct.pack("=q", time.time_ns()).ljust(payload_bytes, b"\0"))


def receive() -> None:
    """Receive until nothing arrives any more; print the number, the time between first and last, the mean delay."""
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
    span_ns = arrived[-1] - arrived[0]
    print(json.dumps({"received": len(arrived), "span_ns": span_ns, "mean_delay_ns": delays_ns / len(arrived)}))


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]))
    else:
        receive()
