"""The published schema of scenarios has the keys of the reader, and takes what the reader takes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator

from gtsdsl.data import shipped
from gtsdsl.loading import load
from gtsdsl.scenario import read_scenario
from gtsdsl.scenario.read import KEYS
from gtsdsl.scenario.sample import sample_text
from gtsdsl.source import Source
from gtsdsl.topology.model import Topology
from tests.emulator.samples import MESH, ROOT

SCHEMA = json.loads(shipped("docs", "schema", "scenario-1.schema.json").read_text())


@pytest.mark.parametrize("kind", KEYS)
def test_each_key_is_in_the_schema(kind: str) -> None:
    assert {*SCHEMA["$defs"][kind]["properties"]} == {*KEYS[kind]}  # type: ignore[index]
    assert {*SCHEMA["properties"]} == {"end", *KEYS}


def test_the_example_fits_the_schema_and_a_mistake_does_not() -> None:
    validator = Draft202012Validator(SCHEMA)
    document = tomllib.loads((ROOT / "examples" / "storm.toml").read_text())
    validator.validate(document)
    mistakes: list[dict[str, object]] = [
        {"cut": [{"link": "l1"}]},
        {"cut": [{"link": "l1", "at": 1, "to": 2}]},
        {"kil": []},
        {"end": "soon"},
    ]
    for wrong in mistakes:
        assert not validator.is_valid(wrong)


def test_the_sample_is_a_scenario_as_soon_as_its_events_are_no_comments(tmp_path: Path) -> None:
    testbed = load(MESH)
    text = sample_text(Topology.of(testbed))
    lines = [
        line.removeprefix("# ") if line.startswith("# [[") or " = " in line else line for line in text.splitlines()
    ]
    for name in ("train.trace", "orbit.csv"):
        (tmp_path / name.replace("train", "radio")).write_text((ROOT / "examples" / name).read_text())
    source = Source(str(tmp_path / "storm.toml"), "\n".join(lines))
    assert {event.kind for event in read_scenario(source, testbed).events} == {*KEYS}
    Draft202012Validator(SCHEMA).validate(tomllib.loads(source.text))
