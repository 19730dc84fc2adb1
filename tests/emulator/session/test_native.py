"""Networks in this machine's kernel, of root and of an ordinary user. A guest plays the machine: it has netem."""

from __future__ import annotations

import re
import sys

import pytest

from tests.emulator.native import AS_USER, LEFT, run_natively
from tests.emulator.samples import Cli


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("script", ['"$@"', AS_USER], ids=["root", "user"])
def test_circuits_and_names(gtsdsl: Cli, script: str) -> None:
    status, out, err = run_natively(gtsdsl, script, "--probe", "--count", "2", "--exec", "h1: ping -q -c 2 h5; id -u")
    assert (status, err) == (0, "")
    assert len(re.findall(r"^l\d+ .* [+-][0-4]\.\d{3} µs", out, re.M)) == 10
    assert "= 27.90" in out
    assert "\n0\n" in out
    assert "real clock, native kernel" in out


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("name", ["KILL", "TERM", "INT", "HUP"])
def test_nothing_is_left_of_it(gtsdsl: Cli, name: str) -> None:
    script = f"""export TMPDIR=/tmp/runs; mkdir $TMPDIR; grep -c gtsdsl /proc/mounts
    "$@" > /dev/null & sleep 20; pgrep -c ping
    kill -{name} $!; wait $!; sleep 2; gtsdsl() {{ {sys.executable} -m gtsdsl "$@"; }}; gtsdsl clean > /dev/null; {LEFT}
    find $TMPDIR -mindepth 2 -type d; grep -c gtsdsl /proc/mounts"""
    if name == "INT":  # a shell starts what is in the background with Ctrl-C ignored
        script = script.replace('"$@" > /dev/null &', 'env --default-signal=INT "$@" > /dev/null &', 1)
    _, out, _ = run_natively(gtsdsl, script, "--exec", "h1: ping h2 & ping h3")
    mounts_before, running, *rest = out.splitlines()
    assert int(running) == 2
    *left, mounts_after = rest
    assert left == ["0"]  # no folder, and no ping
    assert mounts_after == mounts_before


@pytest.mark.usefixtures("guest_kernel")
def test_a_shell_by_lines(gtsdsl: Cli) -> None:
    status, out, err = run_natively(gtsdsl, "printf 'h1 ping -q -c 2 h2\\nlinks\\n' | \"$@\"")
    assert (status, err) == (0, "")
    assert "= 36.20" in out
    assert "l10 " in out
