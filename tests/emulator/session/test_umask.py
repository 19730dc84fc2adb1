"""A run under any umask: it works, lets nobody else write, and leaves nothing behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.emulator.leftovers import Leftovers
from tests.emulator.samples import Cli
from tests.emulator.users import WITHOUT_POWER

MASKS = [0o000, 0o002, 0o022, 0o077, 0o277, 0o477, 0o777]


def under(mask: int) -> tuple[str, ...]:
    return (*WITHOUT_POWER, "sh", "-c", f'umask {mask:03o}; exec "$@"', "sh")


@pytest.mark.parametrize("mask", MASKS)
def test_an_emulation(emulate: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: int) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir(mode=0o700)
    # the guest sees the host's files
    look = f"h1: find {tmp_path}/runs -xdev -perm /022 ! -type l"
    done = emulate("--probe", "--exec", look, "--json", "result.json", "--capture", "l1=l1.pcap", prefix=under(mask))
    assert (done.returncode, done.stderr) == (0, "")
    assert str(tmp_path / "runs") not in done.stdout
    for name in ("result.json", "l1.pcap"):
        assert (tmp_path / "work" / name).stat().st_mode & 0o777 == 0o666 & ~mask | 0o600
    left = Leftovers(tmp_path / "runs")
    assert (left.folders, left.processes) == ([], [])


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("mask", MASKS)
def test_a_guest_with_an_output_folder(gtsdsl: Cli, tmp_path: Path, mask: int) -> None:
    done = gtsdsl("guest", "-o", "out", "--", "sh", "-c", "echo 42 > out/file", prefix=under(mask))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "work" / "out" / "file").read_text() == "42\n"
    assert (tmp_path / "work" / "out").stat().st_uid == os.getuid()
