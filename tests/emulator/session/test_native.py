"""Networks in this machine's kernel, of root and of an ordinary user. A guest plays the machine: it has netem."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.emulator.users import as_user

from .conftest import MESH, Emulate

AS_USER = (
    f'umask 0; mkdir -p -m 1777 /tmp/home; exec {shlex.join(as_user(1000))} env HOME=/tmp/home TMPDIR=/tmp/home "$@"'
)
LEFT = 'find "${TMPDIR:-/tmp}" /tmp/home -mindepth 2 -path "*gtsdsl-*" -type d 2>/dev/null; pgrep -c ping; true'


def run_natively(gtsdsl: Emulate, script: str, *arguments: str) -> tuple[int, str, str]:
    """Run a shell script in a guest; its arguments are `gtsdsl emulate --kernel native` of the mesh."""
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(MESH), "--kernel", "native", *arguments]
    done = gtsdsl("guest", "--", "sh", "-c", script, "sh", *command, cwd=Path(__file__).parents[3])
    return done.returncode, done.stdout, done.stderr


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("script", ['"$@"', AS_USER], ids=["root", "user"])
def test_circuits_and_names(gtsdsl: Emulate, script: str) -> None:
    status, out, err = run_natively(gtsdsl, script, "--probe", "--count", "2", "--exec", "h1: ping -q -c 2 h5; id -u")
    assert (status, err) == (0, "")
    assert len(re.findall(r"^l\d+ .* [+-][0-4]\.\d{3} µs", out, re.M)) == 10
    assert "= 27.90" in out
    assert "\n0\n" in out
    assert "real clock, this machine" in out


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("name", ["KILL", "TERM", "INT", "HUP"])
def test_nothing_is_left_of_it(gtsdsl: Emulate, name: str) -> None:
    script = f"""export TMPDIR=/tmp/runs; mkdir $TMPDIR
    "$@" > /dev/null & sleep 20; pgrep -c ping
    kill -{name} $!; wait $!; sleep 2; gtsdsl() {{ {sys.executable} -m gtsdsl "$@"; }}; gtsdsl clean > /dev/null; {LEFT}
    find $TMPDIR -mindepth 2 -type d; grep -c gtsdsl /proc/mounts"""
    if name == "INT":  # a shell starts what is in the background with Ctrl-C ignored
        script = script.replace('"$@" > /dev/null &', 'env --default-signal=INT "$@" > /dev/null &', 1)
    _, out, _ = run_natively(gtsdsl, script, "--exec", "h1: ping h2 & ping h3")
    running, left, *rest = out.splitlines()
    assert int(running) == 2
    assert left == "0"
    assert [line for line in rest if not line.isdigit()] == []


@pytest.mark.usefixtures("guest_kernel")
def test_a_shell_by_lines(gtsdsl: Emulate) -> None:
    status, out, err = run_natively(gtsdsl, "printf 'h1 ping -q -c 2 h2\\nlinks\\n' | \"$@\"")
    assert (status, err) == (0, "")
    assert "= 36.20" in out
    assert "l10 " in out
