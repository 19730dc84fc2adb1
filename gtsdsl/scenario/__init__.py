"""A scenario: what happens in a running network at which time, as a TOML file beside the topology says it."""

from __future__ import annotations

from gtsdsl.scenario.model import Scenario
from gtsdsl.scenario.read import load_scenario, read_scenario

__all__ = ["Scenario", "load_scenario", "read_scenario"]
