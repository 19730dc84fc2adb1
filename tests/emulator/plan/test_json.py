"""A plan goes through JSON, and other texts are refused."""

from __future__ import annotations

import json

import pytest

from emulator.plan import from_json, plan, to_json
from emulator.system.errors import EmulationError
from gtsdsl.model.testbed import Testbed
from tests.emulator.topologies import joined, mesh, ring
from tests.targets.samples import pair, triangle


@pytest.mark.parametrize(
    "testbed", [pair(), triangle(), mesh(5), ring(9), joined([("H1", "h1"), ("localhost", "exit")])]
)
def test_a_plan_goes_through_json(testbed: Testbed) -> None:
    made = plan(testbed)
    assert from_json(to_json(made)) == made
    assert json.loads(to_json(made))["version"] == 1


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version": 99}', '{"version": 1}', '{"version": 1, "testbed": 1, "hosts": [1]}', "[" * 10**5],
)
def test_what_is_no_plan(text: str) -> None:
    with pytest.raises(EmulationError, match=r"^[^\n]{1,200}$"):
        from_json(text)
