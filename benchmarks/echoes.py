"""A program for a host: send an echo to an address every millisecond, and print when each answered one was sent."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time

_REQUEST, _REPLY, _ID = 8, 0, 0x6774
_STEP_S = 0.001
_BUFFER_BYTES = 10**6


def main(address: str, duration_s: float) -> None:
    """Send echoes for some time, and print the times of those that were answered, in seconds since 1970."""
    sent_s: list[float] = []
    answered: set[int] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as echoes:
        # large, because echoes wait in it for the MAC address of a neighbour that is gone
        echoes.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        echoes.setblocking(False)
        end_s = time.time() + duration_s
        while time.time() < end_s:
            head = struct.pack(">BBHHH", _REQUEST, 0, 0, _ID, len(sent_s) % 2**16)
            total = sum(struct.unpack(">4H", head))
            checksum = ~(total + (total >> 16)) & 0xFFFF
            sent_s.append(time.time())
            with contextlib.suppress(OSError):  # there is no route yet, or the buffer is full
                echoes.sendto(head[:2] + struct.pack(">H", checksum) + head[4:], (address, 0))
            time.sleep(_STEP_S)
            with contextlib.suppress(BlockingIOError):
                while True:
                    packet = echoes.recv(1500)
                    kind, _, _, number, sequence = struct.unpack_from(">BBHHH", packet, 20)
                    if (kind, number) == (_REPLY, _ID):
                        answered.add(sequence)
    for sequence in sorted(answered):
        print(f"{sent_s[sequence]:.6f}")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
