"""Hosts in the manner of Mininet: shells, commands, processes, private folders."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from emulator.mininet.network import EmulatedNetwork
from tests.emulator.mininet.programs import held_namespaces, programs
from tests.emulator.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.networks


def test_a_shell_starts_when_it_is_first_asked_for(trio: EmulatedNetwork) -> None:
    assert not any(host.has_shell for host in trio.hosts)
    assert "pid=None" in repr(trio["a"])
    assert trio["a"].cmd("echo hello").strip() == "hello"
    assert [host.has_shell for host in trio.hosts] == [True, False, False]


def test_commands_in_the_manner_of_mininet(trio: EmulatedNetwork) -> None:
    a = trio["a"]
    assert a.pexec("sh", "-c", "echo out; echo err >&2; exit 3") == ("out\n", "err\n", 3)
    assert a.cmd("hostname").strip() == a.pexec("hostname")[0].strip() == "a"
    process = a.popen("sleep 1000")
    process.terminate()
    assert process.wait() == -15
    a.sendCmd("echo begun; sleep 1000")
    while "begun" not in a.monitor():
        pass
    with held_namespaces(trio) as found:
        wait_for(lambda: "sleep" in programs(found))  # before that, a Ctrl-C is the shell's own
    a.sendInt()
    a.waitOutput()
    a.cmd("sleep 1000 &")
    assert Path(f"/proc/{a.lastPid}/ns/net").readlink() == Path(f"/proc/{a.pid}/ns/net").readlink()
    assert a.cmd("mnexec -p true") == ""
    a.cmd("kill %1")


def test_killall_ends_processes_of_its_own_host_only(trio: EmulatedNetwork) -> None:
    processes = [trio[name].popen("sleep 1000") for name in "ab"]
    trio["a"].cmd("killall -9 sleep")
    assert processes[0].wait(timeout=PATIENCE_S) == -9
    with pytest.raises(subprocess.TimeoutExpired):
        processes[1].wait(timeout=0.5)


def test_private_folders_are_a_hosts_own(trio: EmulatedNetwork, tmp_path: Path) -> None:
    host = trio.addHost("extra", privateDirs=[str(tmp_path)])
    host.cmd(f"touch {tmp_path}/mine")
    assert list(tmp_path.iterdir()) == []
