"""A testbed and what a user wants of it to what is run: the plan, the overlay, the containers, a guest's memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.docker.model import DockerHost
from emulator.kernel.guest import MEMORY_BYTES
from emulator.overlays.model import OverlaySpec, Runtime
from emulator.plan import Options, Plan, plan
from gtsdsl.model.testbed import Testbed


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What is to be run. ``machines`` are the hosts that are containers of Docker, ``memory_bytes`` is a guest's."""

    plan: Plan
    overlay: OverlaySpec | None = None
    machines: tuple[DockerHost, ...] = ()
    memory_bytes: int = MEMORY_BYTES


def ask(
    testbed: Testbed,
    options: Options,
    *,
    overlay: str | None = None,
    containers: int = 1,
    runtime: Runtime | None = None,
    store: str | None = None,
    overlay_network: str | None = None,
    image: str | None = None,
    flavors: bool = False,
    image_map: Mapping[str, str] | None = None,
) -> RunRequest:
    """What is to be run, as `gtsdsl emulate` has it in options of the same names.

    Without an ``overlay``, ``flavors`` are about the hosts that an ``image_map`` makes containers.

    Raises:
        EmulationError: it cannot be; the message says why.
    """
    # each is loaded by who asks for it only: it would be most of the time of a short run
    if overlay is not None:
        from emulator.overlays import spec

        place = None
        if store is None:
            made = plan(testbed, options)
        else:
            from emulator.stores.placement import plan_with_store

            made, place = plan_with_store(testbed, options, store)
        asked = spec.make_spec(
            made,
            overlay,
            containers=containers,
            runtime=runtime,
            store=place,
            subnet_pool=overlay_network or spec.SUBNET_POOL,
            image_path=image,
            flavors=flavors,
        )
        return RunRequest(made, asked, memory_bytes=spec.memory_bytes(asked))
    made = plan(testbed, options)
    if image_map is None:
        return RunRequest(made)
    from emulator.docker.hosts import docker_hosts_of, memory_bytes

    machines = docker_hosts_of(made, image_map, flavors=flavors)
    return RunRequest(made, machines=machines, memory_bytes=memory_bytes(machines))
