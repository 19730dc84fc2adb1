"""A flood of full packets from one host to another, counted by the second: run as a script on both hosts.

``flood.py receive SECONDS DELAY_US`` prints, as JSON, how many packets left the sender's queue in each second from its
start; they arrive ``DELAY_US`` later.
``flood.py send HOST SECONDS INTERVAL_US`` sends a packet of 1,500 bytes each ``INTERVAL_US``, and prints how many.
"""

from __future__ import annotations

import json
import socket
import sys
import time

PORT = 9999
PAYLOAD_BYTES = 1472


def receive(seconds: int, delay_us: int) -> None:
    """Print how many packets came."""
    began_s = time.monotonic()
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**22)
    receiver.bind(("", PORT))
    counts = [0] * (seconds + 1)
    while (left_s := seconds - (time.monotonic() - began_s)) > 0:
        receiver.settimeout(left_s)
        try:
            receiver.recv(2000)
        except TimeoutError:
            break
        counts[int(time.monotonic() - began_s - delay_us / 1e6)] += 1
    json.dump(counts, sys.stdout)


def send(host: str, seconds: float, interval_us: int) -> None:
    """Send packets, whether they arrive or not, and print how many."""
    sent = 0
    began_s = time.monotonic()
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**22)
    while time.monotonic() - began_s < seconds:
        sender.sendto(bytes(PAYLOAD_BYTES), (host, PORT))
        sent += 1
        time.sleep(interval_us / 1e6)
    json.dump(sent, sys.stdout)


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        receive(int(sys.argv[2]), int(sys.argv[3]))
    else:
        send(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
