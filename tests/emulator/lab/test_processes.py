"""The processes of a lab: the names that they resolve, the control groups that they join, and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from emulator.lab.processes import Processes
from emulator.lab.underlay import empty_namespace
from emulator.system import programs
from emulator.system.errors import EmulationError
from tests.emulator.users import as_user, require_user_namespaces


@pytest.fixture
def namespace() -> Iterator[int]:
    """The descriptor of a network namespace."""
    descriptor = empty_namespace()
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def processes(namespace: int) -> Iterator[Processes]:
    """The processes of a lab with one namespace, in which the name a has the address 10.0.0.1."""
    made = Processes({"10.0.0.1": "a"})
    made.guard([namespace])
    yield made
    made.close()


def output(processes: Processes, namespace: int, *command: str) -> str:
    return processes.popen(namespace, command, stdout=subprocess.PIPE).communicate()[0].decode()


@pytest.mark.networks
def test_a_command_runs_in_its_namespace_with_the_labs_names(processes: Processes, namespace: int) -> None:
    number = os.fstat(namespace).st_ino
    assert output(processes, namespace, "readlink", "/proc/self/ns/net") == f"net:[{number}]\n"
    assert output(processes, namespace, "getent", "hosts", "a").split() == ["10.0.0.1", "a"]


@pytest.mark.networks
def test_a_command_sees_its_hosts_name_as_that_of_its_computer_and_this_machine_keeps_its_own(
    processes: Processes, namespace: int
) -> None:
    own = os.uname().nodename
    assert output(processes, namespace, "uname", "-n") == f"{own}\n"
    processes.name(namespace, "lju1")
    assert output(processes, namespace, "uname", "-n") == "lju1\n"
    assert output(processes, namespace, "sh", "-c", "hostname other; uname -n") == "other\n"
    assert output(processes, namespace, "uname", "-n") == "lju1\n"
    processes.name(namespace, "a" * 200)  # Linux has room for 64 bytes
    assert output(processes, namespace, "uname", "-n") == "a" * 63 + "\n"
    assert os.uname().nodename == own


_AS_MAPPED_ROOT = """
import subprocess
from emulator.lab.processes import Processes
from emulator.lab.underlay import empty_namespace

namespace, processes = empty_namespace(), Processes({})
processes.guard([namespace])
processes.name(namespace, "lju1")
print(processes.popen(namespace, ["uname", "-n"], stdout=subprocess.PIPE).communicate()[0].decode(), end="")
processes.close()
"""


@pytest.mark.networks
def test_a_user_namespace_too_has_the_hosts_name() -> None:
    require_user_namespaces()
    nobody = as_user(65534) if os.geteuid() == 0 else ()
    enter = [*nobody, "unshare", "--user", "--map-root-user", "--net", "--mount"]
    done = subprocess.run([*enter, sys.executable, "-c", _AS_MAPPED_ROOT], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("lju1\n", "")


class Elsewhere:
    """A container whose commands say where they run."""

    is_there = True

    def enter(self, command: Sequence[str], environment: Mapping[str, str], *, terminal: bool) -> list[str]:  # noqa: ARG002
        return ["echo", "in the container:", *command]


@pytest.mark.networks
def test_a_command_runs_in_the_container_or_in_its_network_with_this_machines_files(
    processes: Processes, namespace: int
) -> None:
    processes.inhabit(namespace, Elsewhere())
    command = ["readlink", "/proc/self/ns/net"]
    assert output(processes, namespace, *command) == "in the container: readlink /proc/self/ns/net\n"
    beside = processes.popen(namespace, command, stdout=subprocess.PIPE, in_container=False)
    assert beside.communicate()[0].decode() == f"net:[{os.fstat(namespace).st_ino}]\n"


@pytest.mark.networks
def test_a_name_that_gets_another_address_has_that_one_only(processes: Processes, namespace: int) -> None:
    processes.start()
    processes.set_addresses("a", ["10.0.0.2"])
    processes.set_addresses("c", ["10.0.0.3"])
    assert output(processes, namespace, "getent", "hosts", "a", "c").split() == ["10.0.0.2", "a", "10.0.0.3", "c"]
    assert "10.0.0.1" not in output(processes, namespace, "cat", "/etc/hosts")


@pytest.mark.networks
def test_close_kills_the_processes_in_the_namespaces_and_removes_the_folder(
    processes: Processes, namespace: int
) -> None:
    folder = processes.start()
    process = processes.popen(namespace, ["sh", "-c", "echo runs; exec sleep 1000"], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"runs\n"
        processes.close()
        assert process.wait() == -signal.SIGKILL
    assert not folder.parent.exists()


def test_a_command_joins_each_control_group_before_it_runs(tmp_path: Path) -> None:
    processes = Processes({})
    groups = (tmp_path / "cpu", tmp_path / "with a blank")
    for group in groups:
        group.mkdir()
    assert processes.join_command(5) == []
    processes.limit(5, groups)
    line = [*processes.join_command(5), "sh", "-c", "echo $$"]
    number = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    assert [(group / "cgroup.procs").read_text() for group in groups] == [number, number]
    assert processes.join_command(6) == []


def test_a_machine_without_the_tools_is_told_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(programs, "SYSTEM_FOLDERS", ("/nowhere",))
    with pytest.raises(EmulationError, match=r"^`nsenter` is missing: install util-linux"):
        Processes({}).start()
