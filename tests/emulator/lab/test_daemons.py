"""Daemons in hosts: what their errors say, how they stop, and where their output goes."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from emulator.lab.daemons import Daemon, DaemonError, own_run_command, start_function, start_program, without_variables
from emulator.lab.lab import Lab
from emulator.plan import Options, plan
from emulator.system.poll import wait_until
from tests.emulator.topologies import joined

PLAN = plan(joined([("a", "b")]), Options(impaired=False))


def start(folder: Path, script: str) -> Daemon:
    """Start a shell's script as the daemon etcd on h1, without a lab."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(["sh", "-c", script], stdout=output, stderr=output, start_new_session=True)
    process.returncode = 0  # the daemon waits for the process, and `subprocess` must not
    return Daemon("etcd", "h1", process.pid, log)


def wait_for_the_end(daemon: Daemon) -> None:
    """Wait until the process has ended, and leave its status to the daemon."""
    os.waitid(os.P_PID, daemon.pid, os.WEXITED | os.WNOWAIT)


def test_a_daemon_that_has_ended_is_an_error_with_its_status_and_last_lines(tmp_path: Path) -> None:
    daemon = start(tmp_path, "seq 7; echo; echo 'no room' >&2; exit 3")
    wait_for_the_end(daemon)
    with pytest.raises(DaemonError, match=r"^etcd on h1 ended with status 3: 4 \| 5 \| 6 \| 7 \| no room$"):
        daemon.check()
    assert daemon.stop() == 3


def test_a_daemon_that_a_signal_ended_is_an_error_with_the_signal(tmp_path: Path) -> None:
    daemon = start(tmp_path, "kill -KILL $$")
    wait_for_the_end(daemon)
    with pytest.raises(DaemonError, match=r"^etcd on h1 was ended by signal 9: it said nothing$"):
        daemon.check()


def test_a_daemon_runs_until_it_is_stopped(tmp_path: Path) -> None:
    daemon = start(tmp_path, "exec sleep 1000")
    daemon.check()
    assert daemon.stop() == -signal.SIGTERM
    with pytest.raises(DaemonError, match="was ended by signal 15"):
        daemon.check()


def test_a_paused_daemon_stands_still_until_it_is_resumed(tmp_path: Path) -> None:
    daemon = start(tmp_path, "exec sleep 1000")

    def state() -> str:
        return Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()[0]

    daemon.pause()
    assert wait_until(lambda: state() == "T", 60, 0.01)
    daemon.check()
    daemon.resume()
    assert wait_until(lambda: state() == "S", 60, 0.01)
    assert daemon.stop() == -signal.SIGTERM


def test_a_wait_for_a_daemon_that_has_ended_is_an_error(tmp_path: Path) -> None:
    daemon = start(tmp_path, "echo 'port in use'; exit 1")
    with pytest.raises(DaemonError, match=r"^etcd on h1 ended with status 1: port in use$"):
        daemon.wait_until(lambda: False, 60)


@pytest.mark.networks
def test_a_program_runs_in_its_hosts_namespace_and_writes_to_its_log() -> None:
    with Lab(PLAN) as lab:
        script = 'readlink /proc/self/ns/net; echo "$WORD"; pwd; cat'
        daemon = start_program(lab, "a", "net/ns", ["sh", "-c", script], {"WORD": "a word"})
        wait_for_the_end(daemon)
        assert daemon.stop() == 0
        assert daemon.log == lab.run_folder / "logs" / "net-ns-a.log"
        assert daemon.log.read_text() == f"{namespace_of(lab, 'a')}\na word\n/\n"


@pytest.mark.networks
def test_a_program_has_its_own_run_and_host_name_and_no_variables_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHERD_OPTION", "of the user's own program")
    (tmp_path / "mark").touch()
    with Lab(PLAN) as lab:
        script = "uname -n; ls /run; env | grep OTHERD_"
        command = [
            *own_run_command(tmp_path),
            *without_variables("OTHERD_"),
            "WORD=a word",
            "sh",
            "-c",
            script,
        ]
        daemon = start_program(lab, "a", "own", command)
        wait_for_the_end(daemon)
        assert daemon.stop() == 1  # grep finds no such variable
        assert daemon.log.read_text() == "a\nmark\n"
    assert os.uname().nodename != "a"


@pytest.mark.networks
def test_a_function_runs_in_its_hosts_namespace_and_writes_to_its_log() -> None:
    with Lab(PLAN) as lab:
        daemon = start_function(lab, "b", "function", lambda: print(Path("/proc/self/ns/net").readlink()))
        wait_for_the_end(daemon)
        assert daemon.stop() == 0
        assert daemon.log.read_text() == f"{namespace_of(lab, 'b')}\n"


def namespace_of(lab: Lab, host: str) -> str:
    return f"net:[{os.fstat(lab.namespace(host)).st_ino}]"
