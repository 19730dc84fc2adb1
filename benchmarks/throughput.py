"""The throughput of TCP over an unimpaired link, beside that over a bare veth pair: the best of several turns.

It runs on this machine's kernel with the real clock, because a link costs processor time. Needs root, iproute2, iperf3.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from benchmarks.network import testbed
from benchmarks.table import Row, show
from emulator.mininet.network import EmulatedNetwork
from emulator.plan import Options, plan

_ROUNDS = 4
_SECONDS = 2


def main() -> int:
    """Print the table and return how many goals were missed."""
    if os.geteuid() != 0:
        sys.exit("the benchmark of throughput needs root, because it makes a bare veth pair: run it as root")
    planned = plan(testbed(2, [(0, 1)]), Options(impaired=False))
    linked, bare = [], []
    with EmulatedNetwork(planned) as network, _veth() as (one, other):
        held = [network.lab.namespace(name) for name in ("h1", "h2")]
        server, client = (["nsenter", f"--net=/proc/{os.getpid()}/fd/{descriptor}"] for descriptor in held)
        for _ in range(_ROUNDS):
            bare.append(_rate_bps(one, other, "192.0.2.1"))
            linked.append(_rate_bps(server, client, str(network["h1"].defaultIntf().IP())))
    ratio = max(linked) / max(bare)
    return show(
        "TCP over an unimpaired link, on this machine's kernel",
        [
            Row("an unimpaired link", f"{max(linked) / 1e9:.1f} Gbit/s", "", None),
            Row("a bare veth pair", f"{max(bare) / 1e9:.1f} Gbit/s", "", None),
            Row("  of that", f"{ratio:.3f}", "at least 0.95", ratio >= 0.95),
        ],
    )


@contextmanager
def _veth() -> Iterator[tuple[list[str], list[str]]]:
    """Make a bare veth pair between two namespaces, and yield the beginning of a command line for each namespace."""
    names = [f"gtsdsl-bench-{os.getpid()}-{end}" for end in "ab"]
    with ExitStack() as stack:
        for name in names:
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "delete", name)
        _ip("-n", names[0], "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", names[1])
        for number, name in enumerate(names, 1):
            _ip("-n", name, "address", "add", f"192.0.2.{number}/24", "dev", "veth0")
            _ip("-n", name, "link", "set", "veth0", "up")
        yield ["ip", "netns", "exec", names[0]], ["ip", "netns", "exec", names[1]]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _rate_bps(server_at: Sequence[str], client_at: Sequence[str], address: str) -> float:
    with subprocess.Popen([*server_at, "iperf3", "--server", "--one-off"], stdout=subprocess.DEVNULL) as server:
        try:
            time.sleep(0.3)
            client = [*client_at, "iperf3", "--client", address, "--time", str(_SECONDS), "--json"]
            done = json.loads(subprocess.run(client, check=True, capture_output=True).stdout)
        finally:
            server.terminate()
    return float(done["end"]["sum_received"]["bits_per_second"])
