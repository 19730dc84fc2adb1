"""Run scripts of the Mininet target, and print how their hosts reach each other. For a guest, as root."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from tests.modules import load


def run(path: str) -> dict[str, dict[str, float]]:
    """Return the round trips of each host to all others, by their names, in ms."""
    network = load(Path(path)).build()
    try:
        network.start()
        if lost := network.pingAll(timeout="5"):
            raise SystemExit(f"{path}: pingall lost {lost} %")
        round_trips: dict[str, dict[str, float]] = {}
        for host in network.hosts:
            round_trips[host.name] = {}
            for other in network.hosts:
                if other is not host:
                    # what Mininet's shell puts in place of a host's name
                    said = host.cmd("ping -c 2 -W 5", other.defaultIntf().updateIP())
                    round_trips[host.name][other.name] = float(re.findall(r"time=([0-9.]+) ms", said)[-1])
                    said = host.cmd("ping -6 -c 1 -W 5", other.ipv6["own"])
                    if " 0% packet loss" not in said:
                        raise SystemExit(f"{path}: {host} does not reach {other} by IPv6: {said}")
        return round_trips
    finally:
        network.stop()


if __name__ == "__main__":
    print(json.dumps([run(path) for path in sys.argv[1:]]))
