"""The library that does small tasks of `dockerd` leaves the state that Docker's own code leaves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.docker import programs, reexec
from emulator.kernel.cache import Kernel
from tests.emulator.samples import ROOT, Cli
from tests.emulator.users import as_user, folder_of

USER = 65534

# Its arguments: Python, and the library or nothing. It prints the status of each task, and the state of a namespace.
TASKS = r"""
mount -t tmpfs none /mnt && cd /mnt && : > ns && mkdir libnetwork
python=$1 library=$2
run() {
    (test -z "$library" || export LD_AUDIT="$library" GTSDSL_IPTABLES_RESTORE=/usr/sbin/iptables-restore
     exec -a "$1" /usr/sbin/dockerd "${@:2}") 2> error
    echo "$1 $? $(test ! -s error || echo with a message)"
}
inside() { nsenter --net=/mnt/ns "$@"; }
unshare --net bash -c "$(declare -f run); library=$library; run netns-create /mnt/ns"
inside ip link add br0 type bridge
run set-ipv6 /mnt/ns all false
run set-ipv6 /mnt/ns br0 true
run set-default-vlan /mnt/ns br0
run setup-resolver /mnt/ns 127.0.0.11:40001 127.0.0.11:40002
run redirector /mnt/ns 198.19.0.2/24 ""
run redirector /mnt/missing 198.19.0.2/24 ""
run set-ipv6 /mnt/missing all false
run netns-create /mnt/missing
inside cat /proc/sys/net/ipv6/conf/all/disable_ipv6 /proc/sys/net/ipv6/conf/br0/disable_ipv6
inside unshare --mount sh -c 'mount -t sysfs sysfs /sys; cat /sys/class/net/br0/bridge/default_pvid'
inside iptables-save | grep -v '^#'
for answer in success failure; do
    "$python" -c '
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind("libnetwork/daemon.sock")
listener.listen()
print("listening", flush=True)
connection, _ = listener.accept()
print(connection.recv(1000).decode(), flush=True)
connection.send(sys.argv[1].encode())' $answer > said &
    until grep -qs listening said; do sleep 0.01; done
    run libnetwork-setkey -exec-root=/mnt c1 daemon <<< '{"id":"c1","status":"creating","pid":12,"bundle":"/b"}' |
        cut -d ' ' -f 1,2
    wait; cat said; rm said libnetwork/daemon.sock
done
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs a C compiler: apt-get install gcc libc6-dev")
@pytest.mark.skipif(not programs.version().startswith("20."), reason="needs Docker 20.10: apt-get install docker.io")
@pytest.mark.usefixtures("guest_kernel")
def test_each_task_leaves_the_state_that_dockers_own_leaves(gtsdsl: Cli) -> None:
    reexec.build()
    library = reexec.variables(Path("/usr/sbin/iptables"))["LD_AUDIT"]
    own, ours = (
        gtsdsl("guest", "--", "bash", "-c", TASKS, "bash", sys.executable, chosen, cwd=ROOT) for chosen in ("", library)
    )
    assert ours.stdout == own.stdout
    lines = ours.stdout.splitlines()
    assert lines[:10] == [
        "netns-create 0 ", "set-ipv6 0 ", "set-ipv6 0 ", "set-default-vlan 0 ", "setup-resolver 0 ",
        "redirector 0 ", "redirector 4 with a message",
        "set-ipv6 2 with a message", "netns-create 1 with a message", "1",
    ]  # fmt: skip
    assert '{"ContainerID":"c1","Key":"/proc/12/ns/net"}' in lines
    assert [line for line in lines if line.startswith("libnetwork")] == ["libnetwork-setkey 0", "libnetwork-setkey 1"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run as another user")
@pytest.mark.skipif(not shutil.which("gcc"), reason="needs a C compiler: apt-get install gcc libc6-dev")
@pytest.mark.skipif(not programs.version().startswith("20."), reason="needs Docker 20.10: apt-get install docker.io")
def test_a_guest_of_an_ordinary_user_uses_the_library_too(tmp_path: Path, guest_kernel: Kernel) -> None:
    cache = folder_of(USER, tmp_path, guest_kernel)
    os.chown(cache / "gtsdsl", USER, USER)
    found = "from emulator.docker import programs, reexec; print(reexec.variables(programs.working_iptables()))"
    python = [*as_user(USER), "env", f"XDG_CACHE_HOME={cache}", sys.executable]
    subprocess.run([*python, "-c", "from emulator.docker import reexec; reexec.build()"], cwd=ROOT, check=True)
    command = [*python, "-m", "gtsdsl", "guest", "--", sys.executable, "-c", found]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert f"'LD_AUDIT': '{cache}/gtsdsl/docker/reexec-" in done.stdout, done.stderr


def test_dockerd_does_its_tasks_itself_without_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(programs, "PATH", str(tmp_path))
    reexec.build()
    assert reexec.variables(Path("/usr/sbin/iptables")) == {}


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs a C compiler: apt-get install gcc libc6-dev")
@pytest.mark.parametrize(("version", "is_used"), [("20.10.24", True), ("26.1.5", False), ("", False)])
def test_only_the_docker_whose_tasks_are_known_uses_the_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, is_used: bool
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(programs, "version", lambda: version)
    reexec.build()
    assert bool(reexec.variables(Path("/usr/sbin/iptables"))) is is_used
