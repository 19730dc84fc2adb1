"""The round trip over each overlay with a cost table: as long as the delays, the bits and the processors' work say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.cpu.table import STAGES
from emulator.overlays import overlay_class
from emulator.overlays.catalog import ways
from tests.emulator.overlays.libnetwork.docker import require_docker_for
from tests.emulator.overlays.subjects import SUBJECTS, Subject
from tests.emulator.samples import PAIR, Cli

LARGEST_ERROR_US, BESIDE_PROGRAMS_US = 5.0, 10.0
"""The most that a measured round trip differs from the expected one. It is more beside other programs, such as etcd,
because each reading of the clock takes virtual time."""

pytestmark = pytest.mark.usefixtures("guest_kernel")


def is_forwarded_by_a_program(subject: Subject) -> bool:
    return "user-space" in ways()[subject.argument].stages


def runs_beside_programs(subject: Subject) -> bool:
    """Return whether a program forwards, or runs while the echoes go to and fro: a daemon, a store."""
    kind = overlay_class(subject.overlay)
    return is_forwarded_by_a_program(subject) or bool(kind.daemons) or kind.needs_store(subject.variant)


@pytest.mark.parametrize("subject", [it for it in SUBJECTS if not it.options], ids=str)
def test_a_round_trip_has_the_work_of_all_stages_in_it(gtsdsl: Cli, subject: Subject, tmp_path: Path) -> None:
    require_docker_for(subject)
    topology, table, output = (tmp_path / name for name in ("pair.dsl", "table.toml", "result.json"))
    topology.write_text(PAIR)
    table.write_text("".join(f'[stages.{it}]\npacket_ns = 9000\nbyte_ns = 0.1\nsource = "a test"\n' for it in STAGES))
    words = ("--overlay", subject.argument, "--cpu-model", str(table), "--cpus", "h1=0.5")
    done = gtsdsl("emulate", str(topology), *words, "--probe", "--count", "9", "--json", str(output))
    assert (done.returncode, done.stderr) == (0, "")
    (pair,) = json.loads(output.read_text())["overlay"]["pairs"]
    assert pair["lost"] == 0
    # no other program reads the clock during each echo, unless it forwards
    fastest_us = min(pair["samples_us"]) - pair["expected_us"]
    assert -1 <= fastest_us <= (BESIDE_PROGRAMS_US if is_forwarded_by_a_program(subject) else LARGEST_ERROR_US), pair
    assert abs(pair["error_us"]) <= (BESIDE_PROGRAMS_US if runs_beside_programs(subject) else LARGEST_ERROR_US), pair
