"""Real guests as machines: what the usual tools say in them, the limits of their processes, their kernel parameters."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel
from emulator.kernel.guest import Boot
from emulator.kernel.kinds import Clock
from emulator.kernel.tuning import SYSCTLS, limits
from gtsdsl.data import shipped
from tests.emulator.kernel.guests import run, shell
from tests.emulator.kernel.packaged import runs_or_says_why
from tests.emulator.samples import Cli

_TOOLS = ("ps aux", "ps -p 1 -o lstart=", "top -b -n1", "uptime", "uptime -s", "free", "vmstat", "vmstat -s", "w")
_ALL_TOOLS = "\n".join(f"{tool} > said 2>&1 && test -s said || cat said" for tool in _TOOLS)
"""The output of a tool is shown where the tool fails."""

_LIMITS = "-Sn", "-Hn", "-Ss", "-Hs", "-Sc", "-Sl", "-Su"
_MANY, _LEAST, _MOST = 100_000, 65536, 1_048_576


@pytest.mark.parametrize("clock", [Clock.VIRTUAL, Clock.REAL])
def test_tools_of_procps(guest_kernel: Kernel, clock: Clock) -> None:
    assert shell(Boot(guest_kernel, clock, timeout_s=200), _ALL_TOOLS) == (0, "", "")


def test_tools_of_procps_in_the_packaged_kernel(gtsdsl: Cli, packaged: Kernel) -> None:
    if not runs_or_says_why(gtsdsl, packaged):
        return
    assert shell(Boot(packaged, Clock.REAL, timeout_s=200), _ALL_TOOLS) == (0, "", "")


def test_the_machine_has_been_up_since_its_clock_began(boot: Boot) -> None:
    _, out, _ = shell(boot, "uptime -s; ps -p 1 -o lstart=; grep -c btime /proc/stat")
    assert out.splitlines() == ["2026-01-01 00:00:00", "Thu Jan  1 00:00:00 2026", "1"]


def limits_in_a_guest(gtsdsl: Cli, *prlimit: str) -> dict[str, str]:
    script = "; ".join(f"ulimit {option}" for option in _LIMITS)
    done = gtsdsl("guest", "--", "bash", "-c", script, prefix=["prlimit", *prlimit])
    assert done.returncode == 0, done.stderr
    return dict(zip(_LIMITS, done.stdout.split(), strict=True))


@pytest.mark.usefixtures("guest_kernel")
def test_few_open_files_outside_are_many_inside(gtsdsl: Cli) -> None:
    found = limits_in_a_guest(gtsdsl, "--nofile=1024:4096", "--stack=4194304:8388608", "--core=0:0")
    assert (found["-Sn"], found["-Hn"]) == (str(_LEAST), str(_MOST))
    assert (found["-Ss"], found["-Hs"], found["-Sc"]) == ("4096", "8192", "0")
    assert (found["-Sl"], found["-Su"]) == ("unlimited", "unlimited")


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(("outside", "inside"), [(_MANY, _MANY), (2_000_000, _MOST)])
def test_many_open_files_outside_are_as_many_inside(gtsdsl: Cli, outside: int, inside: int) -> None:
    limit = f"--nofile={outside}:{outside}"
    if subprocess.run(["prlimit", limit, "true"], check=False).returncode != 0:
        pytest.skip(f"this user may not open {outside} files on this machine: see `ulimit -Hn`")
    assert limits_in_a_guest(gtsdsl, limit)["-Sn"] == str(inside)


@pytest.mark.parametrize(
    ("outside", "inside"), [(20_000, _LEAST), (_MANY, _MANY), (2_000_000, _MOST), (resource.RLIM_INFINITY, _MOST)]
)
def test_open_files_are_the_callers_within_bounds(monkeypatch: pytest.MonkeyPatch, outside: int, inside: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (outside, resource.RLIM_INFINITY))
    assert limits()[resource.RLIMIT_NOFILE] == (inside, _MOST)


def test_a_process_can_open_as_many_files_as_its_limit_says(boot: Boot) -> None:
    code = f"import os; print([os.open('/dev/null', os.O_RDONLY) for _ in range({_LEAST} - 8)][-1] >= {_LEAST} - 8)"
    assert run(boot, sys.executable, "-c", code) == (0, "True\n", "")


def test_each_kernel_parameter_is_set(boot: Boot) -> None:
    status, out, err = run(boot, "sysctl", *SYSCTLS)
    assert (status, err) == (0, "")
    assert {name: value.replace("\t", " ") for name, value in (it.split(" = ") for it in out.splitlines())} == SYSCTLS


def test_a_program_gets_the_buffer_that_it_asks_for(boot: Boot) -> None:
    code = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as it:
    for kind in socket.SO_RCVBUF, socket.SO_SNDBUF:
        it.setsockopt(socket.SOL_SOCKET, kind, 2**25)
        print(it.getsockopt(socket.SOL_SOCKET, kind) // 2)
"""
    assert run(boot, sys.executable, "-c", code) == (0, "33554432\n33554432\n", "")


def test_hosts_of_a_network_get_the_buffers_too(boot: Boot) -> None:
    script = "ip netns add h; ip netns exec h cat /proc/sys/net/ipv4/tcp_rmem /proc/sys/net/ipv4/tcp_wmem"
    assert shell(boot, script) == (0, "4096\t131072\t33554432\n4096\t65536\t33554432\n", "")


_MININET = """
from mininet.link import TCLink
from mininet.net import Mininet
from mininet.node import CPULimitedHost
from mininet.topo import Topo

class Pair(Topo):
    def build(self):
        self.addLink(self.addHost("h1", cpu=0.5, cores="0"), self.addHost("h2", cpu=0.25), bw=10, delay="5ms")

net = Mininet(Pair(), host=CPULimitedHost, link=TCLink, controller=None)
net.start()
for host in net.hosts:
    print(host.cmd("grep -o ':cpu:.*' /proc/self/cgroup").strip(), host.cgroupGet("cfs_quota_us"))
print(net["h1"].cmd("cat /proc/self/cpuset").strip(), net.pingAll())
net.stop()
"""


def test_hosts_of_mininet_whose_processors_are_limited(boot: Boot, tmp_path: Path) -> None:
    script = tmp_path / "limited.py"
    script.write_text(_MININET)
    status, out, err = run(boot, "/usr/bin/python3", str(script))
    assert out.splitlines() == [":cpu:/h1 50000", ":cpu:/h2 25000", "/h1 0.0"], err
    assert status == 0


def test_a_program_that_waits_two_milliseconds_waits_no_longer(boot: Boot) -> None:
    status, out, _ = shell(boot, "ping -q -i 0.002 -c 100 127.0.0.1")
    assert status == 0, out
    (took_ms,) = re.findall(r", time (\d+)ms$", out, re.M)
    assert 198 <= int(took_ms) <= 200


def test_the_processors_counter_is_no_clock(boot: Boot, tmp_path: Path) -> None:
    (page,) = re.findall(r"```c\n(.*?)```", shipped("docs", "clocks.md").read_text(), re.S)
    source, program = tmp_path / "counter.c", tmp_path / "counter"
    assert page.count("sleep(10);") == 1
    source.write_text(page.replace("sleep(10);", "sleep(1000);"))
    subprocess.run(["gcc", "-o", str(program), str(source)], check=True)
    _, out, _ = run(boot, str(program))
    seconds, ticks = re.findall(r"[0-9.]+", out)
    assert float(seconds) == pytest.approx(1000, abs=0.001)
    assert float(ticks) < 900_000, "a thousand seconds on a processor whose counter runs at 900 MHz or more"
