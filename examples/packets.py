"""Send a stream of UDP packets to a host of an emulation, and print how they arrive.

    packets.py receive              how many packets were lost, in how many bursts, how many came after a later one,
                                    and their times on the way: least, mean, most, standard deviation
    packets.py rates                the Mbit/s of each second
    packets.py send HOST COUNT INTERVAL_MS [BYTES]

All hosts of an emulation share one clock, so a time on the way needs no synchronization. A receiver ends when no packet
has come for 2 s.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import statistics
import sys
import time

PORT = 9000
HEADERS_BYTES = 28  # of IPv4 and UDP
SILENCE_S = 2


def send(host: str, count: int, interval_s: float, size: int) -> None:
    """Send packets of ``size`` bytes, each with its number and its time."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stream:
        stream.sendto(b"", (host, PORT))  # makes the hosts ask for each other's hardware address
        time.sleep(1)
        began = time.monotonic()
        for number in range(count):
            time.sleep(max(0, began + number * interval_s - time.monotonic()))
            with contextlib.suppress(OSError):  # while a link is down, there is no route
                stream.sendto(f"{number} {time.monotonic_ns()} ".encode().ljust(size - HEADERS_BYTES), (host, PORT))


def receive() -> list[tuple[int, int, int, int]]:
    """Return the number, the time of sending, the time of arrival and the bytes of each packet, in ns."""
    packets: list[tuple[int, int, int, int]] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stream:
        stream.bind(("", PORT))
        stream.recv(1)
        stream.settimeout(SILENCE_S)
        while True:
            try:
                data = stream.recv(2**16)
            except TimeoutError:
                return packets
            now_ns = time.monotonic_ns()
            number, sent_ns = map(int, data.split()[:2])
            packets.append((number, sent_ns, now_ns, len(data) + HEADERS_BYTES))


match sys.argv[1:]:
    case ["receive"]:
        found = receive()
        came = {number for number, *_ in found}
        lost = sorted(set(range(max(came))) - came)
        bursts = sum(number - 1 not in lost for number in lost)
        late = sum(after[0] < before[0] for before, after in itertools.pairwise(found))
        ms = [(now_ns - sent_ns) / 1e6 for _, sent_ns, now_ns, _ in found]
        figures = (min(ms), statistics.fmean(ms), max(ms), statistics.pstdev(ms))
        print(f"{len(found)} packets came, {late} of them after a later one; {len(lost)} lost in {bursts} bursts")
        print("on the way for", "/".join(f"{it:.2f}" for it in figures), "ms")
    case ["rates"]:
        found = receive()
        bits = [0] * (1 + (found[-1][2] - found[0][2]) // 10**9)
        for _, _, now_ns, size in found:
            bits[(now_ns - found[0][2]) // 10**9] += 8 * size
        print(*(f"{it / 1e6:.2f}" for it in bits))
    case ["send", host, count, interval_ms, *size]:
        send(host, int(count), float(interval_ms) / 1000, int(*size or ["1344"]))
    case _:
        sys.exit(__doc__)
