"""A result that cannot be the outcome of its task is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest

from emulator.agents.model import AgentProgram
from emulator.measure.drops import Drops
from emulator.measure.probe import circuit_probe, circuits_by_family
from emulator.options import OverlayOptions
from emulator.outcome import CommandResult, Outcome
from emulator.outside.verify import verify_outcome, verify_probes
from emulator.overlays.model import FirstPacket, first_containers
from emulator.overlays.outcome import OverlayOutcome
from emulator.overlays.pairs import joined, pair_probe
from emulator.overlays.spec import make_spec
from emulator.plan import plan
from emulator.system.decode import decode, decode_value, encode
from emulator.system.errors import EmulationError
from emulator.task import Command, Task
from emulator.workloads.model import Figure, Series, WorkloadRequest, WorkloadResult
from tests.emulator.topologies import joined as joined_testbed
from tests.emulator.topologies import ring

COUNT = 3
PLAN = plan(ring(3))
TASK = Task(PLAN, "actions", probe_count=COUNT, commands=(Command("h1", "true"), Command("h2", "false")))
OUTCOME = Outcome(
    3,
    tuple(circuit_probe(circuit, 4, (1.5, 2.5, 1.0), (0.5, 1.5, 0.5), COUNT) for circuit in PLAN.circuits),
    commands=(CommandResult("h1", "true", 0, 10), CommandResult("h2", "false", 3, 10)),
)
SWITCHED = plan(joined_testbed([("a", "s"), ("b", "s"), ("c", "s"), ("a", "b")], switches=["s"]))
OVERLAY = make_spec(SWITCHED, OverlayOptions("flannel", containers=2))
OVERLAY_TASK = Task(SWITCHED, "actions", OVERLAY, probe_count=1)


WORKLOAD = WorkloadResult(
    {"iperf": "2.1.8"}, (Figure("tcp.received", 900.5, "Mbit/s"),), (Series("rtt", "us", (1.0,)),)
)


def overlay_outcome() -> Outcome:
    container_of = first_containers(OVERLAY)
    pairs = tuple(
        pair_probe(pair, (container_of[pair[0]], container_of[pair[1]]), path, 50, 2.0, (3.0,), 1)
        for pair, path in joined(SWITCHED).items()
    )
    found = OverlayOutcome(
        agent="flanneld 0.1",
        overhead_bytes=50,
        store="etcd 3.4",
        store_ns=5,
        addresses={container.name: f"10.244.0.{number}" for number, container in enumerate(OVERLAY.containers, 1)},
        first_packets=tuple(FirstPacket(*pair, 1) for pair in (("a", "b"), ("a", "c"), ("b", "c"))),
        pairs=pairs,
        state={host: {"links": []} for host in OVERLAY.hosts},
    )
    circuits = (circuit_probe(*asked, (1.0,), (0.5,), 1) for asked in circuits_by_family(SWITCHED, (4,)))
    return Outcome(0, tuple(circuits), found)


def test_a_possible_outcome_is_taken_also_through_json() -> None:
    for task, outcome in ((TASK, OUTCOME), (OVERLAY_TASK, overlay_outcome())):
        assert verify_outcome(task, decode(Outcome, encode(outcome), "the result")) == outcome
    assert verify_probes(PLAN, OUTCOME.probe, COUNT, (4,)) == OUTCOME.probe
    assert verify_outcome(Task(PLAN, "actions", commands=TASK.commands), replace(OUTCOME, probe=())).exit_status == 3


def test_circuits_without_a_reply_and_commands_that_did_not_run_are_possible() -> None:
    lost = replace(OUTCOME, exit_status=1, probe=(circuit_probe(PLAN.circuits[0], 4, (), (), 3), *OUTCOME.probe[1:]))
    assert verify_outcome(TASK, replace(lost, commands=())).exit_status == 1
    assert verify_outcome(replace(TASK, keep_going=True), lost).exit_status == 1
    assert verify_outcome(replace(TASK, script="x.py", commands=()), replace(OUTCOME, exit_status=-1, commands=()))


def set_at(value: object, *path: str | int) -> Callable[[dict[str, Any]], None]:
    """Something that puts a value at a place of an outcome's JSON."""

    def change(fields: dict[str, Any]) -> None:
        at: Any = fields
        for step in path[:-1]:
            at = at[step]
        if isinstance(at, list) and path[-1] == len(at):
            at.append(json.loads(json.dumps(value)))
        else:
            at[path[-1]] = json.loads(json.dumps(value))

    return change


FORGED = {
    "a link that is not in the plan": set_at("l9", "probe", 0, "id"),
    "another end": set_at("h9", "probe", 0, "second"),
    "too many circuits": set_at(asdict(OUTCOME.probe[0]), "probe", 3),
    "no circuits": set_at([], "probe"),
    "another way of measuring": set_at("magic", "probe", 0, "by"),
    "another delay": set_at(1.0, "probe", 0, "configured_us"),
    "another expectation": set_at(1.0, "probe", 0, "expected_us"),
    "another median": set_at(1.0, "probe", 0, "measured_us"),
    "no median": set_at(None, "probe", 0, "measured_us"),
    "another error": set_at(0.0, "probe", 0, "error_us"),
    "more echoes sent": set_at(4, "probe", 0, "sent"),
    "echoes that are less than none": set_at(-1, "probe", 0, "lost"),
    "a time before the echo": set_at(-1.0, "probe", 0, "samples_us", 0),
    "an endless time": set_at(1e300, "probe", 0, "samples_us", 0),
    "more replies than echoes": set_at([1.0] * 4, "probe", 0, "samples_us"),
    "a part that is longer than the whole": set_at(9.0, "probe", 0, "there_samples_us", 0),
    "a round trip without its part": set_at([], "probe", 0, "there_samples_us"),
    "another delay of a direction": set_at(1.0, "probe", 0, "back", "expected_us"),
    "a host that is not in the plan": set_at("h9", "commands", 0, "host"),
    "a command that nobody asked for": set_at("rm", "commands", 0, "command"),
    "terminal's codes": set_at("\x1b[2J", "commands", 0, "command"),
    "more commands": set_at(asdict(OUTCOME.commands[0]), "commands", 2),
    "fewer commands": set_at([], "commands"),
    "a command's status that is none": set_at(256, "commands", 1, "exit_status"),
    "time that runs backwards": set_at(-1, "commands", 0, "duration_ns"),
    "time without end": set_at(10**30, "commands", 0, "duration_ns"),
    "success": set_at(0, "exit_status"),
    "a status that is none": set_at(2**70, "exit_status"),
    "an overlay": set_at(asdict(overlay_outcome())["overlay"], "overlay"),
    "a workload": set_at(asdict(WORKLOAD), "workload"),
}


@pytest.mark.parametrize("what", FORGED)
def test_an_impossible_outcome_is_refused(what: str) -> None:
    fields = json.loads(encode(OUTCOME))
    FORGED[what](fields)
    with pytest.raises(EmulationError, match=r"^the guest's result is refused: ") as caught:
        verify_outcome(TASK, decode_value(Outcome, fields, "the result"))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


FORGED_OVERLAYS = {
    "none": set_at(None, "overlay"),
    "an agent's terminal codes": set_at("\x1b[2J", "overlay", "agent"),
    "an agent's endless name": set_at("a" * 10**6, "overlay", "agent"),
    "a store's two lines": set_at("etcd\nerror: x", "overlay", "store"),
    "no store": set_at(None, "overlay", "store"),
    "a store before its start": set_at(-1, "overlay", "store_ns"),
    "packets that become shorter": set_at(-1, "overlay", "overhead_bytes"),
    "another container": set_at("10.0.0.1", "overlay", "addresses", "c99"),
    "an address that is none": set_at("\x1b]0;x\x07", "overlay", "addresses", "c1"),
    "another host's state": set_at({}, "overlay", "state", "h9"),
    "a pair that is none": set_at("h9", "overlay", "first_packets", 0, "first"),
    "fewer pairs": set_at([], "overlay", "first_packets"),
    "a packet before the start": set_at(-1, "overlay", "first_packets", 0, "after_ns"),
    "a measurement that was not asked for": set_at("h9", "overlay", "pairs", 0, "first"),
    "other circuits": set_at(["l9"], "overlay", "pairs", 0, "circuits"),
    "other containers": set_at(["c2", "c1"], "overlay", "pairs", 0, "containers"),
    "another median": set_at(1.0, "overlay", "pairs", 0, "container_us"),
    "a time before the echo": set_at([-1.0], "overlay", "pairs", 0, "samples_us"),
    "a machine's endless time": set_at(1e300, "overlay", "pairs", 0, "machine_us"),
}


@pytest.mark.parametrize("what", FORGED_OVERLAYS)
def test_an_impossible_outcome_of_an_overlay_is_refused(what: str) -> None:
    fields = json.loads(encode(overlay_outcome()))
    FORGED_OVERLAYS[what](fields)
    with pytest.raises(EmulationError, match=r"^the guest's result is refused: ") as caught:
        verify_outcome(OVERLAY_TASK, decode_value(Outcome, fields, "the result"))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_state_that_is_too_deep_to_be_written_is_refused() -> None:
    fields = json.loads(encode(overlay_outcome()))
    deep: list[object] = []
    for _ in range(500):
        deep = [deep]
    fields["overlay"]["state"]["a"] = {"links": deep}
    with pytest.raises(EmulationError, match="nested more than 20 deep"):
        decode_value(Outcome, fields, "the result")


DROPS = (Drops("circuit", "h1", "l1", 5), Drops("socket", "h2", None, 1), Drops("backlog", "", None, 2))


def test_drops_at_places_of_the_plan_are_possible() -> None:
    outcome = replace(OUTCOME, drops=DROPS)
    assert verify_outcome(TASK, decode(Outcome, encode(outcome), "the result")) == outcome


def test_a_script_may_have_added_hosts_and_circuits() -> None:
    task = replace(TASK, script="/script.py")
    outcome = replace(OUTCOME, drops=(Drops("circuit", "new", "new-eth0-h1-eth2", 5),))
    assert verify_outcome(task, outcome) == outcome


@pytest.mark.parametrize(
    "forged",
    [
        Drops("circuit", "h1", "l2", 5),
        Drops("circuit", "h1", None, 5),
        Drops("circuit", "h9", "l1", 5),
        Drops("socket", "h9", None, 5),
        Drops("socket", "h1", "l1", 5),
        Drops("backlog", "h1", None, 5),
        Drops("elsewhere", "h1", None, 5),
        Drops("socket", "h1", None, 0),
        Drops("socket", "h1", None, -1),
        Drops("socket", "h1", None, 2**63),
        DROPS[1],
    ],
    ids=repr,
)
def test_drops_elsewhere_are_refused(forged: Drops) -> None:
    with pytest.raises(EmulationError, match="is refused"):
        verify_outcome(TASK, replace(OUTCOME, drops=(*DROPS, forged)))


def test_a_script_adds_nothing_that_moves_the_cursor() -> None:
    with pytest.raises(EmulationError, match="is refused"):
        verify_outcome(
            replace(TASK, script="/script.py"), replace(OUTCOME, drops=(Drops("socket", "\x1b[2J", None, 5),))
        )


def test_an_outcome_names_the_programs_that_the_task_has_as_agents() -> None:
    program = AgentProgram("flanneld", "0.28.10", "/opt/flanneld", "0123456789abcdef", "tencent-vpc")
    task = replace(OVERLAY_TASK, overlay=replace(OVERLAY, programs={"a": program}))
    overlay = overlay_outcome().overlay
    assert overlay is not None
    named = replace(overlay_outcome(), overlay=replace(overlay, agent=f"{program.title} on 1 host, others"))
    assert verify_outcome(task, decode(Outcome, encode(named), "the result")) == named
    assert decode(Task, encode(task), "the task") == task
    with pytest.raises(EmulationError, match="its overlay names other agents than the task has"):
        verify_outcome(task, overlay_outcome())


FORGED_WORKLOADS = {
    "two figures of one name": set_at([asdict(figure) for figure in WORKLOAD.figures * 2], "workload", "figures"),
    "terminal's codes in a figure": set_at("\x1b[2J", "workload", "figures", 0, "name"),
    "an endless unit": set_at("s" * 10**6, "workload", "figures", 0, "unit"),
    "two lines in a series": set_at("a\nerror: b", "workload", "series", 0, "name"),
    "terminal's codes in a version": set_at({"iperf": "\x1b[2J"}, "workload", "tools"),
    "two lines in a remark": set_at(["a\nb"], "workload", "remarks"),
}


@pytest.mark.parametrize("what", FORGED_WORKLOADS)
def test_an_impossible_measurement_of_a_workload_is_refused(what: str) -> None:
    task = replace(OVERLAY_TASK, workload=WorkloadRequest("throughput", ("a", "b")))
    outcome = replace(overlay_outcome(), workload=WORKLOAD)
    assert verify_outcome(task, outcome) == outcome
    fields = json.loads(encode(outcome))
    FORGED_WORKLOADS[what](fields)
    with pytest.raises(EmulationError, match=r"^the guest's result is refused: its workload has impossible "):
        verify_outcome(task, decode_value(Outcome, fields, "the result"))
