"""Real guests: what runs in them, what comes back, what they cannot do, and that nothing is left of them."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.errors import EmulationError, GuestFailedError, GuestStalledError, GuestTimeoutError
from emulator.kernel import guest as guest_module
from emulator.kernel.cache import Kernel
from emulator.kernel.check import EXPECTED_RTT_MS, SCRIPT, TOLERANCE_MS, measure_rtt_ms
from emulator.kernel.choose import Clock
from emulator.kernel.confine import landlock_version
from emulator.kernel.guest import Boot, Guest
from emulator.kernel.job import FOLDER_VARIABLE, RUNNING, Job, python_command, python_environment

from .conftest import Cli

needs_landlock = pytest.mark.skipif(landlock_version() == 0, reason="this kernel has no Landlock")


def run(boot: Boot, *command: str, output: Path | None = None) -> tuple[int, str, str]:
    """A command's exit status, output and errors."""
    out, err = bytearray(), bytearray()
    job = Job(command, Path("/"), {"PATH": os.environ["PATH"]}, output)
    with Guest(boot, job) as guest:
        status = guest.wait(out.extend, err.extend)
    return status, out.decode(), err.decode()


@pytest.fixture
def boot(guest_kernel: Kernel) -> Boot:
    return Boot(guest_kernel, timeout_s=200)


def shell(boot: Boot, script: str) -> tuple[int, str, str]:
    return run(boot, "/bin/sh", "-c", script)


# what runs, and what comes back


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
    job = Job(("/bin/sh", "-c", script, "sh", argument), Path("/"), {"VALUE": argument})
    with Guest(boot, job) as guest:
        assert guest.wait(out.extend, err.extend) == 0
    assert bytes(out) == bytes(err) == os.fsencode(argument)


def test_it_runs_this_very_project(boot: Boot) -> None:
    job = Job(
        python_command("-c", "import sys, emulator; print(emulator.__file__, sys.executable)"),
        Path("/"),
        python_environment(os.environ),
    )
    out = bytearray()
    with Guest(boot, job) as guest:
        assert guest.wait(out.extend, lambda _: None) == 0
    import emulator

    assert out.decode() == f"{emulator.__file__} {sys.executable}\n"


def test_inputs_and_results_go_through_the_shared_folder(boot: Boot) -> None:
    script = f'tr a-z A-Z < "${FOLDER_VARIABLE}/input" > "${FOLDER_VARIABLE}/result"'
    job = Job(("/bin/sh", "-c", script), Path("/"), {"PATH": os.environ["PATH"]}, inputs={"input": b"plan"})
    with Guest(boot, job) as guest:
        assert guest.wait(lambda _: None, lambda _: None) == 0
        assert guest.result("result") == b"PLAN"
        assert guest.result("missing") is None


def test_output_streams_while_it_runs(guest_kernel: Kernel) -> None:
    seen: list[tuple[bytes, bool]] = []
    job = Job(("/bin/sh", "-c", "echo one; sleep 3; echo two"), Path("/"), {"PATH": os.environ["PATH"]})
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


# the clock


def test_a_round_trip_is_exact(boot: Boot) -> None:
    least_ms, most_ms = measure_rtt_ms(boot)
    assert abs(least_ms - EXPECTED_RTT_MS) <= TOLERANCE_MS
    assert abs(most_ms - EXPECTED_RTT_MS) <= TOLERANCE_MS


PROBE = SCRIPT + "ping -D -c 5 -i 0.2 10.0.0.1; head -c 8 /dev/urandom | od -x; cat /proc/uptime; ip link show near"


def test_two_runs_are_the_same_to_the_byte(boot: Boot) -> None:
    first = shell(boot, PROBE)
    assert first[0] == 0
    assert shell(boot, PROBE) == first


@pytest.fixture
def busy_machine() -> Iterator[None]:
    """Every CPU kept busy by another process."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)]
    yield
    for process in busy:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("busy_machine")
def test_a_busy_machine_changes_nothing(boot: Boot) -> None:
    least_ms, most_ms = measure_rtt_ms(boot)
    assert max(abs(least_ms - EXPECTED_RTT_MS), abs(most_ms - EXPECTED_RTT_MS)) <= TOLERANCE_MS


def test_waiting_is_skipped_and_work_is_free(boot: Boot) -> None:
    began_s = time.monotonic()
    _, out, _ = shell(boot, "sleep 100000; python3 -c 'sum(range(3000000))'; cat /proc/uptime")
    assert time.monotonic() - began_s < 1000
    assert 100011 <= float(out.split()[0]) < 100011.1


def test_in_the_skip_clock_work_counts_and_waiting_is_skipped(guest_kernel: Kernel) -> None:
    boot = Boot(guest_kernel, Clock.SKIP, timeout_s=200)
    _, out, _ = shell(boot, "sleep 10000; cat /proc/uptime; python3 -c 'sum(range(3000000))'; cat /proc/uptime")
    before_s, _, after_s, _ = map(float, out.split())
    assert before_s >= 10011
    assert after_s - before_s > 0.01


def test_two_guests_side_by_side_do_not_meet(boot: Boot) -> None:
    job = Job(("/bin/sh", "-c", PROBE), Path("/"), {"PATH": os.environ["PATH"]})
    one, other = bytearray(), bytearray()
    with Guest(boot, job) as first, Guest(boot, job) as second:
        assert first.wait(one.extend, lambda _: None) == 0
        assert second.wait(other.extend, lambda _: None) == 0
    assert one == other


# what ends it


def test_a_program_that_spins_is_named_and_ended(guest_kernel: Kernel) -> None:
    boot = Boot(guest_kernel, patience_s=3)
    with pytest.raises(GuestStalledError, match=r"stood still for 3 s: .*\(python3.* runs\).*while True: pass"):
        run(boot, "python3", "-c", "while True: pass")


def test_a_program_that_spins_on_the_clock_is_ended(guest_kernel: Kernel) -> None:
    boot = Boot(guest_kernel, patience_s=1)
    with pytest.raises(GuestStalledError, match=r"stood still|crawls"):
        run(boot, "python3", "-c", "import time\nwhile True: time.monotonic()")


def test_the_watchdog_says_what_the_guest_says_it_does(guest_kernel: Kernel) -> None:
    script = f'echo "h1: iperf3 -c h2" > "${FOLDER_VARIABLE}/{RUNNING}"; while :; do :; done'
    with pytest.raises(GuestStalledError, match=r"h1: iperf3 -c h2$"):
        shell(Boot(guest_kernel, patience_s=2), script)


def test_timeout(guest_kernel: Kernel) -> None:
    with pytest.raises(GuestTimeoutError, match=r"ended after 2 s, as asked: sleep 1000") as caught:
        run(Boot(guest_kernel, Clock.REAL, timeout_s=2), "sleep", "1000")
    assert caught.value.exit_status == 124


def test_a_kernel_that_panics_says_so(boot: Boot) -> None:
    with pytest.raises(GuestFailedError, match="Kernel panic"):
        shell(boot, "echo c > /proc/sysrq-trigger")


def test_more_memory_than_there_is(guest_kernel: Kernel) -> None:
    with pytest.raises(EmulationError, match="no room for a guest of 104857600 MB"):
        run(Boot(guest_kernel, memory_bytes=100 * 2**40), "true")


# what it cannot do


def test_what_it_writes_is_forgotten_but_for_the_output_folder(boot: Boot, tmp_path: Path) -> None:
    output, other = tmp_path / "output", tmp_path / "other"
    output.mkdir()
    other.mkdir()
    script = f"mkdir {output}/d && echo kept > {output}/d/f && echo lost > {other}/f && cat {other}/f"
    assert run(boot, "/bin/sh", "-c", script, output=output) == (0, "lost\n", "")
    assert (output / "d" / "f").read_text() == "kept\n"
    assert list(other.iterdir()) == []


@needs_landlock
def test_root_in_the_guest_cannot_write_through_a_second_mount(boot: Boot, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    script = f"""mkdir /m && mount -t hostfs none /m -o / && cat /m{tmp_path}/precious
    echo x > /m{tmp_path}/new; echo x > /m{tmp_path}/precious; rm /m{tmp_path}/precious; mkdir /m{tmp_path}/folder
    ln /m{tmp_path}/precious /m{tmp_path}/link; mv /m{tmp_path}/precious /m{tmp_path}/moved
    chmod 777 /m{tmp_path}/precious"""
    _, out, err = shell(boot, script)
    assert out == "precious"
    assert err.count("ermission denied") >= 5
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
    assert (tmp_path / "precious").read_text() == "precious"


@needs_landlock
@pytest.mark.parametrize("command", ["ln -s /etc/passwd", "mkfifo", "mknod -m 666 %s c 1 3 ;: "])
def test_it_cannot_plant_links_pipes_or_devices(boot: Boot, tmp_path: Path, command: str) -> None:
    target = f"{tmp_path}/planted"
    line = command % target if "%s" in command else f"{command} {target}"
    assert run(boot, "/bin/sh", "-c", line, output=tmp_path)[1] == ""
    assert list(tmp_path.iterdir()) == []


@needs_landlock
def test_it_cannot_write_through_a_link_that_is_there(boot: Boot, tmp_path: Path) -> None:
    """A link in the output folder is followed by the guest in its own root; a mount of the host's leads to Landlock."""
    output, precious = tmp_path / "output", tmp_path / "precious"
    output.mkdir()
    precious.write_text("precious")
    (output / "link").symlink_to(precious)
    (output / "folder").symlink_to(tmp_path)
    script = f"""mkdir /m && mount -t hostfs none /m -o {output}/folder
    echo x > {output}/link; echo x > /m/precious; echo x > {output}/folder/new; true"""
    run(boot, "/bin/sh", "-c", script, output=output)
    assert precious.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output", "precious"]


@needs_landlock
def test_it_cannot_signal_or_reach_the_machine(boot: Boot) -> None:
    """Its processes and addresses are its own: the host's process 1 is not its, and there is no network but its own."""
    status, out, _ = shell(boot, "ip -o link show up | grep -cv LOOPBACK; ls /proc | grep -c '^[0-9]'")
    assert status == 0
    assert out.split()[0] == "0"
    assert int(out.split()[1]) < 60


def test_without_landlock_it_still_runs(boot: Boot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_module, "landlock_version", lambda: 0)
    assert shell(boot, "echo x > /etc/hosts && echo ran") == (0, "ran\n", "")


# what is left of it


BUSY = "sleep 1000 & python3 -c 'while True: pass' & while :; do sleep 1; done"


def start_busy_guest(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "gtsdsl", "guest", "--", "/bin/sh", "-c", BUSY],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(folder)},
    )


_SEEN: set[str] = set()


def runs_in(folder: Path) -> list[Path]:
    """The folders of guests whose runs are below ``folder``, and those of their memory."""
    runs = list(folder.glob("gtsdsl-*/guest-*"))
    _SEEN.update(run.name for run in runs)
    return runs + [path for name in _SEEN for path in Path("/dev/shm").glob(f"gtsdsl-*-{name}")]


def marked_processes(folder: Path) -> list[int]:
    """The processes of a guest whose run is below ``folder``, told by their mark or by their place."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                environment, place = (process / "environ").read_bytes(), (process / "cwd").readlink()
            except OSError:
                continue
            if f"GTSDSL_RUN={folder}".encode() in environment or place.is_relative_to(folder / f"gtsdsl-{os.getuid()}"):
                found.append(int(process.name))
    return found


def gone(folder: Path, *, folders: bool = True) -> bool:
    """Whether nothing is left, within ten seconds."""
    for _ in range(200):
        if not marked_processes(folder) and not (folders and runs_in(folder)):
            return True
        time.sleep(0.05)
    return False


DELAYS_MS = [0, 30, 60, 90, 120, 150, 180, 220, 260, 300, 400, 500, 700, 1000, 1500]


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("delay_ms", DELAYS_MS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_nothing_is_left_when_it_is_ended_at_any_moment(tmp_path: Path, number: int, delay_ms: int) -> None:
    process = start_busy_guest(tmp_path)
    time.sleep(0.15 + delay_ms / 1000)
    process.send_signal(number)
    process.wait(timeout=60)
    # a kill between the making of the run's folder and the start of its keeper leaves the folder, which `clean` removes
    assert gone(tmp_path, folders=number != signal.SIGKILL)
    subprocess.run([sys.executable, "-m", "gtsdsl", "clean"], env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)
    assert runs_in(tmp_path) == []


@pytest.mark.parametrize("victim", ["keeper", "kernel", "keeper and parent"])
def test_nothing_is_left_when_a_part_of_it_is_killed(guest_kernel: Kernel, tmp_path: Path, victim: str) -> None:
    process = start_busy_guest(tmp_path)
    while not (kernels := [pid for pid in marked_processes(tmp_path) if executable(pid) == guest_kernel.executable]):
        time.sleep(0.05)
    (kernel,) = kernels[:1]
    keeper = int(Path(f"/proc/{kernel}/stat").read_text().rpartition(")")[2].split()[1])
    time.sleep(1)
    for pid in {"keeper": [keeper], "kernel": [kernel], "keeper and parent": [process.pid, keeper]}[victim]:
        os.kill(pid, signal.SIGKILL)
    assert process.wait(timeout=60) == (-9 if "parent" in victim else 125)
    assert gone(tmp_path, folders="parent" not in victim)
    subprocess.run([sys.executable, "-m", "gtsdsl", "clean"], env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)
    assert gone(tmp_path)


def executable(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/exe").readlink()
    except OSError:
        return None


def test_an_exception_ends_it(boot: Boot) -> None:
    job = Job(("sleep", "1000"), Path("/"), {"PATH": os.environ["PATH"]})
    guest = Guest(Boot(boot.kernel, Clock.REAL), job)

    def fail() -> int:
        with guest:
            while (pid := guest.pid) is None:
                time.sleep(0.01)
            pids.append(pid)
            raise RuntimeError

    pids: list[int] = []
    with pytest.raises(RuntimeError):
        fail()
    pid = pids[0]
    assert not Path(f"/proc/{pid}").exists()


# from the command line


@pytest.mark.usefixtures("guest_kernel")
def test_command_line(gtsdsl: Cli) -> None:
    result = gtsdsl("guest", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (result.returncode, result.stdout, result.stderr) == (3, "out\n", "err\n")


@pytest.mark.usefixtures("guest_kernel")
def test_options_after_the_command_are_the_commands(gtsdsl: Cli) -> None:
    assert gtsdsl("guest", "uname", "-s").stdout == "Linux\n"


@pytest.mark.usefixtures("guest_kernel")
def test_the_working_folder_is_the_same(gtsdsl: Cli, tmp_path: Path) -> None:
    assert gtsdsl("guest", "--", "pwd", cwd=tmp_path).stdout == f"{tmp_path}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--memory", "x"],
        ["--memory", "1M"],
        ["--memory", ""],
        ["--clock", "fast"],
        ["--timeout", "-1"],
        ["-o", "/"],
        [],
    ],
)
def test_bad_options_are_told_in_a_line(gtsdsl: Cli, arguments: list[str]) -> None:
    result = gtsdsl("guest", *arguments, *(["--", "true"] if arguments else []))
    assert result.returncode in {2, 3}
    assert "Traceback" not in result.stderr
    assert result.stderr.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user(guest_kernel: Kernel, gtsdsl: Cli) -> None:
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    cache = guest_kernel.executable.parents[3]
    readable = subprocess.run([*nobody, "test", "-x", guest_kernel.executable], check=False).returncode == 0
    runnable = subprocess.run([*nobody, sys.executable, "-c", ""], check=False).returncode == 0
    if not readable or not runnable:
        pytest.skip("the user 65534 may not read this Python or the kernel's cache")
    own = ["env", f"XDG_CACHE_HOME={cache}", "HOME=/nonexistent"]
    result = gtsdsl("guest", "--", "sh", "-c", SCRIPT + "id -u", prefix=[*nobody, *own], cwd=Path("/"))
    assert result.stderr == ""
    assert result.stdout.splitlines()[-1] == "0"
    assert "36.5" in result.stdout


@pytest.mark.usefixtures("guest_kernel")
def test_on_a_terminal_it_gets_the_terminal() -> None:
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (33, 101))
    command = [sys.executable, "-m", "gtsdsl", "guest", "--clock", "real", "--", "sh"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "PS1": "> "})
    try:
        until(ours, b"> ")
        os.write(ours, b"stty size; tty\r")
        until(ours, b"33 101\r\n/dev/tty1\r\n")
        termios.tcsetwinsize(ours, (40, 120))
        process.send_signal(signal.SIGWINCH)
        os.write(ours, b"sleep 1; stty size\r")
        until(ours, b"40 120")
        os.write(ours, b"exit 5\r")
        assert process.wait(timeout=60) == 5
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def until(descriptor: int, wanted: bytes) -> None:
    """Read a terminal until it shows something, for a minute at most."""
    seen = b""
    while wanted not in seen:
        assert select.select([descriptor], [], [], 60)[0], seen
        seen += os.read(descriptor, 4096)


# other people's programs

OVS = "/usr/share/openvswitch/scripts/ovs-ctl start --system-id=test --no-monitor > /dev/null && "
EXAMPLES = Path("/usr/share/doc/mininet/examples")
needs_mininet = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="Debian's mininet is not installed")


@needs_mininet
@pytest.mark.parametrize("switch", ["lxbr", "ovsbr", "ovsbr,datapath=user"])
def test_mininet_of_debian(boot: Boot, switch: str) -> None:
    """The kernel's datapath of Open vSwitch too: its upcalls reach the daemon."""
    status, _, err = shell(boot, f"{OVS} mn --switch={switch} --controller=none --test pingall")
    assert status == 0, err
    assert "0% dropped (2/2 received)" in err


@needs_mininet
@pytest.mark.skipif(shutil.which("ovs-testcontroller") is None, reason="there is no controller for Mininet")
@pytest.mark.parametrize(
    ("example", "shows"),
    [
        ("multiping.py", "1 packets transmitted, 1 received, 0% packet loss"),
        ("linuxrouter.py", "10.0.0.0        0.0.0.0         255.0.0.0"),
    ],
)
def test_an_example_of_mininet_unchanged(boot: Boot, example: str, shows: str) -> None:
    status, out, err = shell(boot, f"{OVS} /usr/bin/python3 {EXAMPLES / example}")
    assert status == 0, err
    assert shows in out + err


# Debian's packaged kernel


def test_the_packaged_kernel(packaged: Kernel) -> None:
    boot = Boot(packaged, Clock.REAL, timeout_s=200)
    script = SCRIPT + "ip link add vx0 type vxlan id 1 dstport 4789 dev near"
    status, out, err = shell(boot, script)
    assert (status, err) == (0, "")
    assert "10 received" in out
