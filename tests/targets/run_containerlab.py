"""Do with network namespaces what containerlab does with a topology file's containers. For a guest, as root."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import yaml


def _do(command: str) -> str:
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def run(path: str) -> dict[str, dict[str, float]]:
    """Return the round trips of each host to all others, by their names, in ms."""
    topology = yaml.safe_load(Path(path).read_text())["topology"]
    nodes = topology["nodes"]
    for node in nodes:
        Path("/etc/netns", node).mkdir(parents=True)
        Path("/etc/netns", node, "hosts").write_text("127.0.0.1 localhost\n")
        _do(f"ip netns add {node}")
        _do(f"ip -n {node} link set lo up")
    for link in topology.get("links", []):
        ends = [end.split(":") for end in link["endpoints"]]
        _do("ip link add {1} netns {0} type veth peer name {3} netns {2}".format(*ends[0], *ends[1]))
        for node, interface in ends:
            _do(f"ip -n {node} link set {interface} up")
    for node, data in nodes.items():
        for command in data.get("exec", []):
            _do(f"ip netns exec {node} {command}")
    time.sleep(10)  # until the switches' spanning tree is settled
    hosts = [node for node, data in nodes.items() if data["labels"]["gts-class"] == "host"]
    round_trips: dict[str, dict[str, float]] = {}
    for host in hosts:
        round_trips[host] = {}
        for other in hosts:
            if other != host:
                said = _do(f"ip netns exec {host} ping -c 2 -W 5 {other}")
                round_trips[host][other] = float(re.findall(r"time=([0-9.]+) ms", said)[-1])
                _do(f"ip netns exec {host} ping -6 -c 1 -W 5 {other}")
    for node in nodes:
        _do(f"ip netns delete {node}")
        Path("/etc/netns", node, "hosts").unlink()
        Path("/etc/netns", node).rmdir()
    return round_trips


if __name__ == "__main__":
    print(json.dumps([run(path) for path in sys.argv[1:]]))
