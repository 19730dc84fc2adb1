"""Result files: an outcome with all that is needed to repeat its run."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from jsonschema_rs import Draft202012Validator

from emulator.kernel.choose import KernelChoice
from emulator.kernel.kinds import Clock, KernelKind
from emulator.measure.probe import circuit_probe
from emulator.options import OverlayOptions
from emulator.outcome import CommandResult, Outcome
from emulator.outside.results import SCHEMA, result_json
from emulator.outside.runner import RunSettings
from emulator.overlays.model import FirstPacket, first_containers
from emulator.overlays.outcome import OverlayOutcome
from emulator.overlays.pairs import joined as joined_pairs
from emulator.overlays.pairs import pair_probe
from emulator.overlays.spec import make_spec
from emulator.plan import plan
from emulator.task import Command, Task
from gtsdsl.data import shipped
from tests.emulator.topologies import joined

PLAN = plan(joined([("h1", "h2")], sites={"h1": "AMS", "h2": "MIL"}))
TASK = Task(PLAN, probe_count=1, commands=(Command("h1", "false"),))
OUTCOME = Outcome(
    1,
    tuple(circuit_probe(circuit, 4, (1.5,), (0.5,), 1) for circuit in PLAN.circuits),
    commands=(CommandResult("h1", "false", 1, 10),),
)
NATIVE = RunSettings(choice=KernelChoice(KernelKind.NATIVE, Clock.REAL, None))


def overlay_task() -> Task:
    return replace(TASK, overlay=make_spec(PLAN, OverlayOptions("flannel")))


def overlay_outcome(task: Task) -> Outcome:
    assert task.overlay is not None
    container_of = first_containers(task.overlay)
    pairs = tuple(
        pair_probe(pair, (container_of[pair[0]], container_of[pair[1]]), path, 50, 2.0, (3.0,), 1)
        for pair, path in joined_pairs(PLAN).items()
    )
    found = OverlayOutcome(
        agent="flanneld 0.1",
        overhead_bytes=50,
        store="etcd 3.4",
        store_ns=5,
        addresses={"c1": "10.244.0.2", "c2": "10.244.1.2"},
        first_packets=(FirstPacket("h1", "h2", 1),),
        pairs=pairs,
        state={host: {} for host in task.overlay.hosts},
    )
    return replace(OUTCOME, overlay=found)


def result(task: Task, outcome: Outcome, began: datetime | None = None) -> dict[str, Any]:
    """Return a result, read back, of a command that began now or at a time."""
    text = result_json(NATIVE, task, outcome, ["gtsdsl", "emulate", "pair.dsl"], began or datetime.now(UTC))
    found: dict[str, Any] = json.loads(text)
    return found


def test_results_fit_their_schema_with_and_without_an_overlay() -> None:
    validator = Draft202012Validator(json.loads(shipped("docs", "schema", SCHEMA).read_text()))
    validator.validate(result(TASK, OUTCOME))
    task = overlay_task()
    found = result(task, overlay_outcome(task))
    assert found["overlay"]["store"] == "etcd 3.4"
    assert not validator.is_valid({**found, "surprise": 1})


def test_a_result_repeats_its_command_and_its_plan() -> None:
    found = result(TASK, OUTCOME)
    assert found["command"] == ["gtsdsl", "emulate", "pair.dsl"]
    assert (found["clock"], found["exit_status"], found["overlay"]) == ("real", 1, None)
    assert found["commands"] == [{"host": "h1", "command": "false", "exit_status": 1, "duration_ns": 10}]
    assert [host["name"] for host in found["plan"]["hosts"]] == ["h1", "h2"]


def test_this_machines_kernel_has_its_release_and_no_memory_of_a_guest() -> None:
    kernel = result(TASK, OUTCOME)["kernel"]
    assert (kernel["kind"], kernel["version"]) == ("native", platform.release())
    assert (kernel["memory_bytes"], kernel["sysctls"], kernel["seeded"]) == (None, {}, False)


def test_an_overlays_variant_and_subnet_pool_keep_their_first_names() -> None:
    task = overlay_task()
    spec = result(task, overlay_outcome(task))["overlay"]["spec"]
    assert (spec["name"], spec["form"], spec["network"]) == ("flannel", "vxlan", "10.244.0.0/16")
    assert not spec.keys() & {"variant", "subnet_pool"}


def test_a_pair_of_sites_that_the_study_measured_has_its_figures() -> None:
    task = overlay_task()
    (pair,) = result(task, overlay_outcome(task))["overlay"]["pairs"]
    assert pair["study"] == {"overlay": "flannel", "min_ms": 42.5, "mean_ms": 42.9, "p99_ms": 43.0}


def test_two_results_of_one_outcome_differ_only_in_the_wall_clock() -> None:
    first, second = (result(TASK, OUTCOME, datetime(2026, 1, day, tzinfo=UTC)) for day in (1, 2))
    assert first.pop("wall_clock")["began"] == "2026-01-01T00:00:00+00:00"
    assert second.pop("wall_clock")["began"] == "2026-01-02T00:00:00+00:00"
    assert first == second
