"""`python -m benchmarks.mininet_beside HOSTS PAIRS…`: the seconds that stock Mininet takes to start and stop a network.

The program runs in namespaces of its own, because Mininet changes kernel parameters.
"""

from __future__ import annotations

import sys
import time
from ipaddress import IPv4Address

from mininet.link import Link
from mininet.net import Mininet

from benchmarks.timing import awaiting_removal


def main(hosts: int, pairs: list[tuple[int, int]]) -> None:
    """Start a network of Mininet's `Link` with the addresses of gtsdsl, stop it, and print the seconds of each."""
    with awaiting_removal() as wait:
        began_s = time.monotonic()
        network = Mininet(controller=None, link=Link, build=False)
        nodes = [network.addHost(f"h{number + 1}", ip=None) for number in range(hosts)]
        for index, (first, second) in enumerate(pairs):
            ends = [{"ip": f"{IPv4Address(0x0A000000 + 2 * index + end)}/31"} for end in (0, 1)]
            network.addLink(nodes[first], nodes[second], params1=ends[0], params2=ends[1])
        network.build()
        network.start()
        print(time.monotonic() - began_s, flush=True)
        began_s = time.monotonic()
        network.stop()
        print(time.monotonic() - began_s + wait(), flush=True)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[2:]]
    main(int(sys.argv[1]), list(zip(numbers[::2], numbers[1::2], strict=True)))
