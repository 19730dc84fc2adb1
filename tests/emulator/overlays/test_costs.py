"""The round trip over each overlay with a cost table: as long as the delays, the bits and the processors' work say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.cpu.table import STAGES
from emulator.overlays.catalog import ways
from tests.emulator.overlays.subjects import SUBJECTS, Subject
from tests.emulator.samples import PAIR, Cli

LARGEST_ERROR_US, BY_PROGRAM_US = 5.0, 10.0
"""The most that a measured round trip differs from the expected one; more where a program forwards, which reads the
clock."""

pytestmark = pytest.mark.usefixtures("guest_kernel")


@pytest.mark.parametrize("subject", [it for it in SUBJECTS if not it.options], ids=str)
def test_a_round_trip_has_the_work_of_all_stages_in_it(gtsdsl: Cli, subject: Subject, tmp_path: Path) -> None:
    topology, table, output = (tmp_path / name for name in ("pair.dsl", "table.toml", "result.json"))
    topology.write_text(PAIR)
    table.write_text("".join(f'[stages.{it}]\npacket_ns = 9000\nbyte_ns = 0.1\nsource = "a test"\n' for it in STAGES))
    words = ("--overlay", subject.argument, "--cpu-model", str(table), "--cpus", "h1=0.5")
    done = gtsdsl("emulate", str(topology), *words, "--probe", "--count", "5", "--json", str(output))
    assert (done.returncode, done.stderr) == (0, "")
    (pair,) = json.loads(output.read_text())["overlay"]["pairs"]
    largest_us = BY_PROGRAM_US if "user-space" in ways()[subject.argument].stages else LARGEST_ERROR_US
    assert pair["lost"] == 0
    assert abs(pair["error_us"]) <= largest_us, pair
