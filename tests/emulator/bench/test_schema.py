"""The published schema of a benchmark's results has all their fields, and no others."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from emulator.bench.results import (
    VERSION,
    CellResult,
    CostTableText,
    Environment,
    Machine,
    Origin,
    Processors,
    Results,
    Topology,
    Variant,
)
from emulator.system.decode import encode
from emulator.workloads.model import Figure, Series, Setting, WorkloadResult
from gtsdsl.data import shipped
from gtsdsl.scenario.outcome import Happening
from tests.emulator.bench.samples import result, results_of

SCHEMA: dict[str, Any] = json.loads(shipped("docs", "schema", f"bench-results-{VERSION}.schema.json").read_text())
CELL = SCHEMA["$defs"]["cell"]
MEASURED = CELL["properties"]["measured"]

PARTS = {
    Results: SCHEMA,
    Origin: SCHEMA["properties"]["origin"],
    Machine: SCHEMA["properties"]["origin"]["properties"]["machine"],
    Topology: SCHEMA["properties"]["topologies"]["items"],
    CellResult: CELL,
    Environment: CELL["properties"]["environment"],
    Setting: CELL["properties"]["settings"]["items"],
    WorkloadResult: MEASURED,
    Figure: MEASURED["properties"]["figures"]["items"],
    Series: MEASURED["properties"]["series"]["items"],
    Happening: CELL["properties"]["scenario"]["items"],
    Processors: CELL["properties"]["cpu"],
    Variant: CELL["properties"]["variant"],
    CostTableText: SCHEMA["properties"]["cost_tables"]["items"],
}


@pytest.mark.parametrize("kind", PARTS, ids=lambda kind: kind.__name__)
def test_each_field_is_in_the_schema(kind: type[Results]) -> None:
    names = [item.name for item in fields(kind)]
    assert PARTS[kind]["required"] == names == list(PARTS[kind]["properties"])


def test_the_schema_is_that_of_the_version() -> None:
    assert SCHEMA["properties"]["version"] == CELL["properties"]["version"] == {"const": VERSION}


MEASURED_CELL = replace(
    result(),
    measured=WorkloadResult(
        {"iperf": "2.1"}, (Figure("a", None, "us"),), (Series("a", "us", (1.0, 2.0), 0.5),), ("Read this.",)
    ),
    settings=(Setting("congestion", "bbr"),),
    cpu=Processors("round.toml", "0" * 64, False, {"h1": 0.5}, ("nic", "socket")),
    variant=Variant("0.5", "off"),
    scenario=(Happening(10**9, 10**9 + 512, "cut l1"), Happening(2 * 10**9, None, "restore l1", "no")),
)


@pytest.mark.parametrize("cell", [MEASURED_CELL, result(mean_us=None)], ids=["measured", "failed"])
def test_results_fit_the_schema(cell: CellResult) -> None:
    validator = Draft202012Validator(SCHEMA)
    document = json.loads(encode(results_of(cell, topology=Topology("Mesh", "{}", None))))
    validator.validate(document)
    assert not validator.is_valid({**document, "surprise": 1})
    assert not validator.is_valid({**document, "cells": [{**document["cells"][0], "level": "moon"}]})
