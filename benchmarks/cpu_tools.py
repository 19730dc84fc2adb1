"""iperf 2 between two hosts of one core each, on this machine's kernel and in the guest, for the validation of costs.

On this machine, the two hosts are namespaces with a veth pair between them. One program and the kernel's work for it
run on one processor, the other program and its part of the kernel's work on another (RPS). In the guest, the same tool
runs in the virtual clock, with a cost table.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cpu_chains import joined, tunnel
from emulator.calibration.network import Network, Node
from emulator.netlink import links, namespaces
from emulator.netlink.connection import Netlink
from emulator.session import emulate
from emulator.system.errors import EmulationError

_SECONDS = 1.0
_UDP_GUEST_SECONDS = 0.2
"""The tool sends much more than arrives, and the guest works on all of it."""
_SHARE = 0.05
"""The guest's hosts have a small part of a core, because each look at the virtual clock takes 256 ns."""
_MTU_BYTES = 1500
_FASTEST = "100g"
_TOPOLOGY = """Pair {
  host { id = "h1"; port { id = "p" } }
  host { id = "h2"; port { id = "p" } }
  link { id = "l1"; delay = "10us"; bandwidth = "1000000"; port { id = "src" } port { id = "dst" } }
  adjacency h1.p, l1.src
  adjacency h2.p, l1.dst
}
"""


@dataclass(frozen=True, slots=True)
class Flow:
    """The load that iperf 2 sends: datagrams with ``payload_bytes`` of data, or TCP if they are 0.

    Without ``offload``, TCP sends packets of one segment. ``over`` is the number of tunnels (VXLAN) below.
    ``why`` is the likely reason if the model is off.
    """

    name: str
    payload_bytes: int = 0
    flows: int = 1
    offload: bool = True
    over: int = 0
    why: str = ""

    @property
    def words(self) -> list[str]:
        """The options of both ends. Every kernel has reno, and it sends without pauses, as BBR does not."""
        return ["-u", "-l", str(self.payload_bytes)] if self.payload_bytes else ["-Z", "reno"]

    def client(self, target: str, seconds: float) -> list[str]:
        """Return the command of the end that sends."""
        fastest = ["-b", _FASTEST] if self.payload_bytes else []
        return ["iperf", "-c", target, *self.words, *fastest, "-t", str(seconds), "-P", str(self.flows), "-y", "C"]

    @property
    def server(self) -> list[str]:
        """The command of the end that receives."""
        return ["iperf", "-s", *self.words, "-y", "C"]


def received_bps(report: str) -> float:
    """Return the rate of all flows of a server's report as CSV, in bits of data a second.

    The sum over several flows has a line of its own, with the flow -1.

    Raises:
        EmulationError: the report has no flow.
    """
    found = 0.0
    for line in report.splitlines():
        fields = line.split(",")
        if len(fields) > 8 and fields[5].lstrip("-").isdigit() and int(fields[5]) >= 0:
            found += float(fields[8])
    if not found:
        raise EmulationError("the server of iperf received nothing: the benchmark needs iperf 2, from version 2.1 on")
    return found


def measure(flow: Flow, repetitions: int) -> list[float]:
    """Return the rates at which data arrive on this machine, in bits a second."""
    sending, receiving = sorted(os.sched_getaffinity(0))[:2]
    found = []
    with Network() as network:
        first, second = joined(network)
        address = "10.0.0.2"
        for node, link, cpu in ((first, "a1", sending), (second, "b1", receiving)):
            node.kernel.set_up(link, mtu_bytes=_MTU_BYTES)
            _steer(node, link, cpu)
            if not flow.offload:
                _forgo_offload(node, link)
        for number in range(1, flow.over + 1):
            address = f"{tunnel(first, second, number)}.2"
            for node in (first, second):
                node.kernel.set_up(f"vxlan{number}", mtu_bytes=_MTU_BYTES - 50 * number)
        for _ in range(repetitions):
            with _started([*_at(second, receiving), *flow.server]) as server:
                time.sleep(0.2)
                client = [*_at(first, sending), *flow.client(address, _SECONDS)]
                subprocess.run(client, check=True, stdout=subprocess.DEVNULL)
                time.sleep(0.2)
                server.terminate()
                assert server.stdout is not None
                found.append(received_bps(server.stdout.read()))
    return found


def predict(flow: Flow, table: str) -> float:
    """Return the rate at which data arrive in the guest, in bits a second; ``table`` is the text of a cost table.

    The rate is that of a whole core: what arrives with a part of one, divided by the part.
    """
    seconds = _UDP_GUEST_SECONDS if flow.payload_bytes else _SECONDS
    with tempfile.TemporaryDirectory(prefix="gtsdsl-bench-") as folder:
        topology, model = Path(folder, "pair.dsl"), Path(folder, "table.toml")
        topology.write_text(_TOPOLOGY)
        model.write_text(table)
        with emulate(topology, cpu_model=str(model), cpus=_SHARE, offload=flow.offload, clock="virtual") as net:
            server = net["h2"].start(flow.server)
            net.sleep(0.2)
            net["h1"].run(["ping", "-c1", "h2"], check=True)
            net["h1"].run(flow.client("h2", seconds), check=True)
            net.sleep(1)
            return received_bps(server.stop().stdout) / _SHARE


@contextlib.contextmanager
def _started(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _at(node: Node, cpu: int) -> list[str]:
    """Return the beginning of a command that runs at a node, on a processor."""
    return ["taskset", "-c", str(cpu), *_inside(node)]


def _inside(node: Node) -> list[str]:
    return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{node.descriptor}"]


def _steer(node: Node, link: str, cpu: int) -> None:
    """Let a processor do the kernel's work for the packets that enter a link (receive packet steering)."""
    line = f"mount -t sysfs sysfs /sys && echo {1 << cpu:x} > /sys/class/net/{link}/queues/rx-0/rps_cpus"
    subprocess.run([*_inside(node), "unshare", "--mount", "sh", "-c", line], check=True)


def _forgo_offload(node: Node, link: str) -> None:
    with namespaces.entered(node.descriptor), Netlink() as netlink:
        (index,) = (it.index for it in links.all_links(netlink) if it.name == link)
        netlink.send([links.without_offload(index, link)])
