"""A task crosses from the user's process to the network as JSON, and comes out as the same value."""

from __future__ import annotations

import json

import pytest

from emulator.docker.model import DockerHost
from emulator.measure.captures import CaptureRequest
from emulator.overlays.model import OverlaySpec
from emulator.plan import plan
from emulator.stores.model import StoreLocation
from emulator.system.decode import decode, encode
from emulator.system.errors import EmulationError
from emulator.task import Command, Task
from tests.targets.samples import pair

PLAN = plan(pair())


def test_a_task_of_a_plan_alone_does_nothing() -> None:
    task = Task(PLAN)
    assert (task.kind, task.probe_count, task.commands, task.script, task.captures) == ("actions", 0, (), None, ())


@pytest.mark.parametrize(
    "task",
    [
        Task(PLAN),
        Task(PLAN, "serve", spins=True),
        Task(PLAN, "shell", lines=("h1 ping h2",), history=("nodes",)),
        Task(
            PLAN,
            probe_count=10,
            commands=(Command("h1", "ping -c 1 h2 | tail -n 1"), Command("h2", "printf 'µs\\0'")),
            script="/home/user/a script.py",
            captures=(CaptureRequest("l1", "l1.pcap"),),
            keep_going=True,
        ),
        Task(
            PLAN,
            overlay=OverlaySpec("flannel", "vxlan", ("h1", "h2"), (), "10.244.0.0/16", "docker", StoreLocation("h1")),
            docker_hosts=(DockerHost("h1", "debian.tar", cpus=2),),
        ),
    ],
)
def test_a_task_crosses_as_json_unchanged(task: Task) -> None:
    assert decode(Task, encode(task), "the task") == task


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", "stop"), ("probe_count", "10"), ("commands", [{"host": "h1"}]), ("keep_going", 1), ("unknown", None)],
)
def test_a_field_of_another_type_and_an_unknown_field_are_refused(field: str, value: object) -> None:
    document = {**json.loads(encode(Task(PLAN))), field: value}
    with pytest.raises(EmulationError, match=r"^the task is malformed: "):
        decode(Task, json.dumps(document), "the task")
