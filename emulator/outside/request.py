"""A testbed and the user's options to a request: the plan, the overlay, the Docker hosts, the memory of a guest."""

from __future__ import annotations

from dataclasses import dataclass, replace

from emulator.kernel.guest import MEMORY_BYTES
from emulator.options import HostOptions, OverlayOptions
from emulator.plan import Options, plan
from emulator.system.errors import OptionError
from emulator.task import Task
from gtsdsl.model.testbed import Testbed


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A network to run, as a user asked for it."""

    task: Task
    """The network's plan, overlay and Docker hosts, and nothing to do yet: `dataclasses.replace` adds that."""
    memory_bytes: int = MEMORY_BYTES
    """The memory that a guest needs for the network."""


def request_run(
    testbed: Testbed, options: Options, overlay: OverlayOptions | None = None, hosts: HostOptions | None = None
) -> RunRequest:
    """Return the request to run a testbed.

    Raises:
        EmulationError: the testbed cannot be run with these options; the message says why.
    """
    hosts = hosts or HostOptions()
    _check_together(overlay, hosts)
    if options.cpu is not None and hosts.flavors:
        options = replace(options, cpu=replace(options.cpu, flavors=True))
    # overlays and Docker are imported only if they are used, because imports are most of the time of a short run
    if overlay is not None:
        from emulator.overlays import spec as overlays
        from emulator.overlays.ways import limited

        location = None
        if overlay.store is None:
            network_plan = plan(testbed, options)
        else:
            from emulator.stores.placement import plan_with_store

            network_plan, location = plan_with_store(testbed, options, overlay.store)
        spec = overlays.make_spec(network_plan, overlay, store=location, flavors=hosts.flavors)
        network_plan = limited(network_plan, spec, options.cpu)
        return RunRequest(Task(network_plan, overlay=spec), overlays.memory_bytes(spec))
    network_plan = plan(testbed, options)
    if hosts.kind == "process":
        return RunRequest(Task(network_plan))
    from emulator.docker import hosts as docker

    docker_hosts = docker.docker_hosts_of(network_plan, hosts)
    return RunRequest(Task(network_plan, docker_hosts=docker_hosts), docker.memory_bytes(docker_hosts))


def _check_together(overlay: OverlayOptions | None, hosts: HostOptions) -> None:
    """Refuse options that need others, or exclude others."""
    if hosts.kind == "docker":
        if overlay is not None:
            raise OptionError("--hosts docker has no containers in its hosts: omit --overlay, or use --runtime docker")
        return
    if hosts.image_map:
        raise OptionError("--image-map is for hosts that are containers: add --hosts docker")
    if overlay is not None:
        return
    if hosts.image is not None:
        raise OptionError("--image is for containers: add --hosts docker, or --overlay with --runtime docker")
    if hosts.flavors:
        raise OptionError("--flavors limits containers, or Docker hosts: add --overlay or --hosts docker")
