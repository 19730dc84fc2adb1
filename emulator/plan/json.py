"""A plan to JSON text and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from emulator.plan.model import VERSION, Plan
from emulator.system.decode import decode_value, load
from emulator.system.errors import EmulationError

if TYPE_CHECKING:
    from gtsdsl.scenario.model import Scenario

_NOUN = "the plan"


def to_json(plan: Plan, scenario: Scenario | None = None) -> str:
    """Return a plan as JSON text, one host, switch and circuit a line. The same plan gives the same text.

    With a scenario, the text has its timeline; it is for users then, and `from_json` does not read it.
    """
    head: dict[str, object] = {"version": VERSION, "testbed": plan.testbed, "seed": plan.seed}
    if plan.cpu is not None:
        head["cpu"] = asdict(plan.cpu)
    parts = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    for key, items in (("hosts", plan.hosts), ("switches", plan.switches), ("circuits", plan.circuits)):
        lines = ",\n".join(f"    {json.dumps(asdict(item))}" for item in items)
        parts.append(f"  {json.dumps(key)}: [" + (f"\n{lines}\n  ]" if lines else "]"))
    parts.append(f'  "routing": {json.dumps(None if plan.routing is None else asdict(plan.routing))}')
    if scenario is not None:
        parts.append(f'  "scenario": {json.dumps(_timeline(scenario))}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _timeline(scenario: Scenario) -> dict[str, object]:
    from gtsdsl.scenario.model import timeline

    points = []
    for point in timeline(scenario):
        event = scenario.events[point.event]
        points.append({**asdict(point), "kind": event.kind, "subject": event.subject})
    end = {"end_ns": scenario.end_ns, "awaits_commands": scenario.awaits_commands}
    return {"file": scenario.file, **end, "points": points}


def from_json(text: str) -> Plan:
    """Return the plan that `to_json` wrote.

    Raises:
        EmulationError: the text is not a plan, or a plan of another version.
    """
    document = load(text, _NOUN)
    version = document.pop("version", None) if isinstance(document, dict) else VERSION
    if version != VERSION:
        raise EmulationError(f"{_NOUN} has version {str(version)[:20]!a}; this gtsdsl reads version {VERSION}")
    if isinstance(document, dict):
        document.setdefault("cpu", None)
    return decode_value(Plan, document, _NOUN)
