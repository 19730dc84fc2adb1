"""A host's part of the processors, on each guest kernel, without cgroup-tools."""

from __future__ import annotations

from pathlib import Path

from tests.emulator import guest_scenarios
from tests.emulator.play import script_of
from tests.emulator.samples import Cli


def test_a_hosts_part_of_the_processors(emulate: Cli, tmp_path: Path) -> None:
    done = emulate("--script", str(script_of(guest_scenarios.limit_processors, tmp_path)))
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["25000 True True", "-1 True True", "50000 True True"]
