"""An outcome to a result file: JSON with all that is needed to repeat the run (docs/schema)."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata

from emulator.kernel.tuning import SYSCTLS
from emulator.outcome import Outcome
from emulator.outside.runner import RunSettings
from emulator.plan.json import to_json
from emulator.task import Task
from gtsdsl.circuits import measurement

SCHEMA = "emulation-result-1.schema.json"
VERSION = 1

_SPEC_NAMES = {"variant": "form", "subnet_pool": "network"}
"""The names that fields of an overlay's specification have in results, where they differ."""
_PACKAGES = ("gtsdsl", "mininet", "pyroute2", "docker")


def result_json(settings: RunSettings, task: Task, outcome: Outcome, command: Sequence[str], began: datetime) -> str:
    """Return the text of a result file.

    In a virtual clock, two runs with the same command differ in ``wall_clock`` only. ``began`` is the start of the run.
    """
    now = datetime.now(UTC)
    document: dict[str, object] = {
        "version": VERSION,
        "command": list(command),
        "kernel": _kernel(settings),
        "clock": settings.choice.clock.value,
        "versions": _versions(),
        "exit_status": outcome.exit_status,
        "probe": [asdict(item) for item in outcome.probe],
        "overlay": _overlay(task, outcome),
        "commands": [asdict(item) for item in outcome.commands],
        "drops": [asdict(item) for item in outcome.drops],
        "scenario": _scenario(task, outcome),
        "plan": json.loads(to_json(task.plan)),
        "wall_clock": {"began": began.isoformat(), "seconds": round((now - began).total_seconds(), 3)},
    }
    return json.dumps(document, indent=1) + "\n"


def _scenario(task: Task, outcome: Outcome) -> dict[str, object] | None:
    if task.scenario is None or outcome.scenario is None:
        return None
    return {"file": task.scenario.file, "end_ns": task.scenario.end_ns, **asdict(outcome.scenario)}


def _overlay(task: Task, outcome: Outcome) -> dict[str, object] | None:
    if task.overlay is None or outcome.overlay is None:
        return None
    spec = {_SPEC_NAMES.get(name, name): value for name, value in asdict(task.overlay).items()}
    spec["encrypted"] = spec.pop("password") is not None  # a result is for others to read
    site_of = {host.name: host.site for host in task.plan.hosts}
    pairs = []
    for pair in outcome.overlay.pairs:
        study = measurement(site_of.get(pair.first), site_of.get(pair.second), task.overlay.name)
        pairs.append({**asdict(pair), "study": None if study is None else asdict(study)})
    return {"spec": spec, **asdict(outcome.overlay), "pairs": pairs}


def _kernel(settings: RunSettings) -> dict[str, object]:
    kernel = settings.choice.kernel
    return {
        "kind": settings.choice.kind.value,
        "version": platform.release() if kernel is None else kernel.version,
        "seeded": False if kernel is None else kernel.seeded,
        "memory_bytes": None if kernel is None else settings.memory_bytes,
        "sysctls": {} if kernel is None else dict(SYSCTLS),
    }


def _versions() -> dict[str, object]:
    versions: dict[str, object] = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # not installed, or run from a checkout
            versions[name] = None
    return versions
