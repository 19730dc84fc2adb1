"""Requests: what a testbed and the user's options come to."""

from __future__ import annotations

import pytest

from emulator.kernel.guest import MEMORY_BYTES
from emulator.options import HostOptions, OverlayOptions
from emulator.outside.request import request_run
from emulator.plan import Options
from emulator.system.errors import EmulationError, OptionError
from tests.emulator.topologies import joined

PAIR = joined([("h1", "h2")])


def test_a_plan_alone() -> None:
    request = request_run(PAIR, Options())
    assert [host.name for host in request.task.plan.hosts] == ["h1", "h2"]
    assert (request.task.overlay, request.task.docker_hosts, request.memory_bytes) == (None, (), MEMORY_BYTES)


def test_an_overlay_has_a_specification_and_its_containers() -> None:
    request = request_run(PAIR, Options(), OverlayOptions("flannel:udp", containers=2))
    assert request.task.overlay is not None
    assert (request.task.overlay.name, request.task.overlay.variant) == ("flannel", "udp")
    assert [container.name for container in request.task.overlay.containers] == ["c1", "c2", "c3", "c4"]


def test_a_store_at_a_host_is_in_the_specification() -> None:
    request = request_run(PAIR, Options(), OverlayOptions("flannel", store="h2"))
    assert request.task.overlay is not None
    assert request.task.overlay.store is not None
    assert request.task.overlay.store.host == "h2"


def test_an_unknown_overlay_is_refused() -> None:
    with pytest.raises(EmulationError, match="flanel"):
        request_run(PAIR, Options(), OverlayOptions("flanel"))


def test_docker_hosts_need_an_image_for_each_image_id() -> None:
    hosts = HostOptions(kind="docker", image_map={"none": "x.tar"})
    with pytest.raises(EmulationError, match="--image-map names an imageId that no host of the topology has: none"):
        request_run(PAIR, Options(), hosts=hosts)


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        (HostOptions(image="x.tar"), "--image is for containers: add --hosts docker, or --overlay with"),
        (HostOptions(image_map={"none": "x.tar"}), "--image-map is for hosts that are containers: add --hosts docker"),
        (HostOptions(flavors=True), "--flavors limits containers, or Docker hosts: add --overlay or --hosts docker"),
    ],
)
def test_a_program_too_is_told_which_options_need_others(hosts: HostOptions, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        request_run(PAIR, Options(), hosts=hosts)
