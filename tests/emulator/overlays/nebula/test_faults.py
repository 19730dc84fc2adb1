"""Nebula during failures: the others go on, all recovers, and how long that takes in the virtual clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.overlays.guest import run
from tests.emulator.overlays.nebula import scenarios

pytestmark = pytest.mark.usefixtures("guest_kernel")

ATTEMPT_S = 1.0
"""The longest time between two attempts of a handshake: ten times the interval of 100 ms."""
REPORT_S = 10.0
"""After which a host tells the lighthouse again where it is."""
STEP_S = 0.5
"""The time of a test's own echoes, and of the tests whether a tunnel is there."""


def test_a_tunnel_without_an_answer_ends_after_15_s(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "nebula", scenarios.cut_a_host_off)
    assert found["gone"]
    assert found["peers"] == ["h2", "h4", "h5"]


def test_without_the_lighthouse_tunnels_go_on_and_a_host_that_starts_waits_for_it(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "nebula", scenarios.cut_the_lighthouse_off)
    assert all(found["others"])
    assert found["meanwhile"] == [False, False]
    assert found["there"] <= REPORT_S + ATTEMPT_S + STEP_S
    assert found["back"] <= REPORT_S + ATTEMPT_S + STEP_S


def test_a_host_without_its_nebula_is_cut_off_until_another_is_started(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "nebula", scenarios.kill_agents)
    assert any("nebula on h2 was ended by signal 9" in line for line in found["dead"])
    assert found["back"] <= REPORT_S + ATTEMPT_S
    assert found["same"]
    # the others have a tunnel that the new `nebula` does not know, and its answer makes them shake hands again
    assert max(found["at_once"]) <= ATTEMPT_S + STEP_S
    assert found["stopped"] <= STEP_S
    assert found["returned"] <= ATTEMPT_S + STEP_S
    assert max(found["lighthouse"]) <= REPORT_S + ATTEMPT_S + STEP_S
