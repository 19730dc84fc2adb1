"""The text of a measured cost table: what is read back from it, and what it says of its origin."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from emulator.calibration import document
from emulator.calibration.document import left_out, table_text
from emulator.calibration.measurement import MAX_SPREAD, MAX_WAITED, Measurement
from emulator.cpu.reader import parse_table
from emulator.cpu.table import STAGES
from emulator.system.errors import EmulationError
from gtsdsl import __version__
from gtsdsl.source import Source
from tests.emulator.calibration.test_fit import COSTS, WITHOUT_PYTHON, samples

COMMAND = "gtsdsl cpu calibrate -o machine.toml"


def measurement(noise: float = 0.01, **changes: Any) -> Measurement:
    whole = Measurement(samples(40, noise), WITHOUT_PYTHON, {}, cpu=1, repetitions=40, waited=0.01)
    return dataclasses.replace(whole, **changes)


def test_what_is_written_is_read_back() -> None:
    table = parse_table(Source("machine.toml", table_text(measurement(), COMMAND)))
    assert table.stages.keys() == STAGES.keys() - {"nic", "wireguard"}
    for name, stage in table.stages.items():
        assert stage.cost.packet_ns == pytest.approx(COSTS[name].packet_ns, rel=0.3)
        assert stage.packet_ns_interval is not None
        assert (stage.byte_ns_interval is None) == (name == "rule")
        assert f"gtsdsl {__version__}" in stage.source
        assert "processor 1 of" in stage.source
        assert "40 repetitions" in stage.source
    assert COMMAND in table_text(measurement(), COMMAND)


def test_what_is_left_out_is_named_with_its_reason() -> None:
    found = measurement(samples={it: column for it, column in samples(9, 0).items() if it != "ipip"})
    found = dataclasses.replace(found, missing={"ipip": "this kernel has no IP in IP"})
    text = table_text(found, COMMAND)
    assert "ipip" not in parse_table(Source("machine.toml", text)).stages
    assert "# - ipip: this kernel has no IP in IP\n" in text
    assert [*left_out(found)] == ["nic", "ipip", "wireguard"]


def test_a_quiet_machine_is_not_refused_and_the_table_says_nothing_of_noise() -> None:
    measurement().require_quiet()
    assert "busy" not in table_text(measurement(), COMMAND)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"samples": samples(40, 0.2)}, f"between repetitions (at most {MAX_SPREAD:.0%})"),
        ({"waited": 0.5}, f"other work had processor 1 for 50% of the time (at most {MAX_WAITED:.0%})"),
        ({"impossible": 1}, "Python's part is at least as long as 1 measured time of packets"),
        ({"impossible": 3}, "Python's part is at least as long as 3 measured times of packets"),
    ],
)
def test_a_busy_machine_is_refused_and_a_table_that_was_forced_says_so(changes: dict[str, Any], said: str) -> None:
    found = measurement(**changes)
    with pytest.raises(EmulationError, match="too busy to be measured") as caught:
        found.require_quiet()
    assert said in str(caught.value)
    assert "--force" in str(caught.value)
    text = table_text(found, COMMAND)
    assert said in text
    table = parse_table(Source("machine.toml", text))
    assert "too busy" in table.description
    assert all("too busy" in stage.source for stage in table.stages.values())


@pytest.mark.parametrize(
    "name", ['a "quoted" name', "back\\slash", "two\nlines\x00\x1b[31m", "Zürich 中", "]\n[stages.nic]"]
)
def test_no_name_of_a_machine_and_no_command_changes_the_table(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "processor", lambda: name)
    table = parse_table(Source("machine.toml", table_text(measurement(), name)))
    assert table.stages.keys() == STAGES.keys() - {"nic", "wireguard"}
    assert all(character.isprintable() for character in table.description)
    assert table.description.startswith(" ".join(name.replace("\x00", " ").replace("\x1b", " ").split())[:4])
