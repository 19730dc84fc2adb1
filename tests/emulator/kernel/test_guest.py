"""Real guests: what runs in them, what they find, and what comes back."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel
from emulator.kernel.check import SCRIPT
from emulator.kernel.guest import Boot, Guest
from emulator.kernel.job import FOLDER_VARIABLE, GuestJob
from emulator.kernel.kinds import Clock
from emulator.system.programs import python_command, python_script
from tests.emulator.kernel.guests import run, shell
from tests.emulator.kernel.packaged import runs_or_says_why
from tests.emulator.samples import Cli


def test_output_errors_and_status_come_back_apart(boot: Boot) -> None:
    assert shell(boot, "echo out; echo err >&2; exit 7") == (7, "out\n", "err\n")


@pytest.mark.parametrize(("script", "status"), [("true", 0), ("exit 255", 255), ("kill -9 $$", 137), ("kill $$", 143)])
def test_exit_status(boot: Boot, script: str, status: int) -> None:
    assert shell(boot, script)[0] == status


def test_a_command_that_is_missing(boot: Boot) -> None:
    assert run(boot, "no-such-command") == (127, "", "gtsdsl guest: no-such-command: command not found\n")


def test_a_command_that_is_no_program(boot: Boot) -> None:
    assert run(boot, "/etc/passwd") == (126, "", "gtsdsl guest: /etc/passwd: Permission denied\n")


@pytest.mark.parametrize(
    "argument",
    [
        "a b",
        "'",
        '"',
        "\\",
        "$(id)",
        "`id`",
        "{x}",
        "%s",
        "a\nb",
        "é☃",
        "\x1b[31m",
        "\udcff",
        "-n",
        "main(",
        "x" * 9000,
    ],
)
def test_arguments_and_environment_arrive_as_they_are(boot: Boot, argument: str) -> None:
    script = 'printf %s "$1"; printf %s "$VALUE" >&2'
    out, err = bytearray(), bytearray()
    job = GuestJob(("/bin/sh", "-c", script, "sh", argument), Path("/"), {"VALUE": argument})
    with Guest(boot, job) as guest:
        assert guest.wait(out.extend, err.extend) == 0
    assert bytes(out) == bytes(err) == os.fsencode(argument)


def test_it_runs_this_very_project(boot: Boot, tmp_path: Path) -> None:
    (tmp_path / "says.py").write_text("import sys, emulator; print(emulator.__file__, sys.executable)")
    script = python_script("runpy", "run_path", {"path_name": str(tmp_path / "says.py")})
    job = GuestJob(python_command("-c", script), Path("/"), os.environ)
    out = bytearray()
    with Guest(boot, job) as guest:
        guest.wait(out.extend, lambda _: None)
    import emulator

    assert out.decode() == f"{emulator.__file__} {sys.executable}\n"


def test_inputs_and_results_go_through_the_shared_folder(boot: Boot) -> None:
    script = f'tr a-z A-Z < "${FOLDER_VARIABLE}/input" > "${FOLDER_VARIABLE}/result"'
    job = GuestJob(("/bin/sh", "-c", script), Path("/"), {"PATH": os.environ["PATH"]}, inputs={"input": b"plan"})
    with Guest(boot, job) as guest:
        assert guest.wait(lambda _: None, lambda _: None) == 0
        assert guest.result("result") == b"PLAN"
        assert guest.result("missing") is None


def test_output_streams_while_it_runs(guest_kernel: Kernel) -> None:
    seen: list[tuple[bytes, bool]] = []
    job = GuestJob(("/bin/sh", "-c", "echo one; sleep 10; echo two"), Path("/"), {"PATH": os.environ["PATH"]})
    with Guest(Boot(guest_kernel, Clock.REAL), job) as guest:
        ended = guest.ended
        guest.wait(lambda data: seen.append((data, bool(select.select([ended], [], [], 0)[0]))), lambda _: None)
    assert seen[0] == (b"one\n", False)
    assert b"".join(data for data, _ in seen) == b"one\ntwo\n"


def test_the_machine_is_set_up(boot: Boot) -> None:
    script = """set -e
    mount | grep -c ' cgroup ' ; test -d /sys/fs/cgroup/memory ; test -c /dev/ptmx ; test -w /dev/shm
    ping -q -c 1 127.0.0.1 > /dev/null
    mkdir -p /var/lib/docker/x /tmp/y && echo x > /etc/hosts
    cat /proc/sys/net/ipv4/tcp_rmem /proc/sys/kernel/randomize_va_space
    hostname ; id -u ; date -u +%Y-%m-%d"""
    status, out, err = shell(boot, script)
    assert (status, err) == (0, "")
    assert out.split()[1:] == ["4096", "131072", "33554432", "0", "gtsdsl", "0", "2026-01-01"]


def test_each_namespace_and_link_that_an_overlay_needs(boot: Boot) -> None:
    script = """set -e
    ip link add d0 type dummy ; ip link add b0 type bridge vlan_filtering 1 ; ip link add v0 type veth peer name v1
    ip link add vx0 type vxlan id 1 dstport 8472 nolearning ; ip link add g0 type geneve id 1 remote 10.0.0.1
    ip link add wg0 type wireguard ; ip tuntap add t0 mode tun ; ip tuntap add t1 mode tap
    ip link add link v0 name v0.5 type vlan id 5 ; ip link add i0 type ipip local 10.0.0.2 remote 10.0.0.1
    ip link add gr0 type gre local 10.0.0.2 remote 10.0.0.1 ; ip link add mv0 link v0 type macvlan mode bridge
    ip link add vrf0 type vrf table 10 ; ip link add ifb9 type ifb ; ip -6 address show lo | grep -q ::1
    for kind in netem 'tbf rate 1mbit burst 10k latency 1ms' htb fq_codel ; do tc qdisc replace dev d0 root $kind
    done
    tc qdisc add dev d0 ingress ; tc qdisc replace dev v1 root netem delay 1ms rate 1gbit limit 10
    ip netns add n0 ; test "$(ip -n n0 -o link | wc -l)" = 1
    unshare --user --map-root-user --pid --fork --mount --uts --ipc --net true"""
    assert shell(boot, script) == (0, "", "")


def test_the_packaged_kernel(gtsdsl: Cli, packaged: Kernel) -> None:
    if not runs_or_says_why(gtsdsl, packaged):
        return
    boot = Boot(packaged, Clock.REAL, timeout_s=200)
    script = SCRIPT + "ip link add vx0 type vxlan id 1 dstport 4789 dev near"
    status, out, err = shell(boot, script)
    assert (status, err) == (0, "")
    assert "10 received" in out
