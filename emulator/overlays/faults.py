"""Faults of a network and of an overlay on it: each is brought about at entry, and ended at exit."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from emulator.lab.circuits import set_egress, set_state
from emulator.lab.daemons import Daemon, DaemonError
from emulator.lab.lab import Lab
from emulator.overlays.deployment import Deployment
from emulator.plan import Circuit
from emulator.system.poll import wait_until
from gtsdsl.model.losses import Loss

_READY_S = 300.0
_STEP_S = 0.05


@contextmanager
def circuit_down(lab: Lab, *circuits: Circuit) -> Iterator[None]:
    """Set both interfaces of circuits down; set them up again at exit."""
    ends = [end for circuit in circuits for end in circuit.ends]
    for end in ends:
        set_state(lab, end, is_up=False)
    yield
    for end in ends:
        set_state(lab, end, is_up=True)


@contextmanager
def circuit_silent(lab: Lab, circuit: Circuit) -> Iterator[None]:
    """Let a circuit of the plan lose all packets, in both directions. No interface is down, so no kernel notices.

    Raises:
        EmulationError: the kernel has no netem.
    """
    impaired = [(end, end.egress) for end in circuit.ends if end.egress is not None]
    for end, egress in impaired:
        set_egress(lab, end, replace(egress, loss=Loss(100.0)))
    yield
    for end, egress in impaired:
        set_egress(lab, end, egress)


@contextmanager
def store_killed(deployment: Deployment) -> Iterator[None]:
    """Kill the store; start it again with its data at exit."""
    _store_daemon(deployment).stop(signal.SIGKILL)
    yield
    if deployment.store is not None:
        deployment.store.start()


@contextmanager
def store_unreachable(deployment: Deployment) -> Iterator[None]:
    """Let the store answer nothing, as if its host could not be reached; the overlay's own packets pass."""
    daemon = _store_daemon(deployment)
    daemon.pause()
    try:
        yield
    finally:
        daemon.resume()


@contextmanager
def agent_killed(deployment: Deployment, host: str) -> Iterator[None]:
    """Kill the agent of a host; start it again at exit.

    Docker's containers end with their daemon. They are attached again when the daemon is ready.

    Raises, at exit:
        DaemonError: the daemon is not ready in time.
    """
    overlay = deployment.overlay
    overlay.kill(host)
    yield
    overlay.start(host)
    if overlay.spec.runtime == "docker":
        if not wait_until(lambda: overlay.is_ready(host), _READY_S, _STEP_S):
            raise DaemonError(f"the agent of {host} is not ready {_READY_S:g} s after it was started again")
        for container in overlay.spec.containers:
            if container.host == host:
                deployment.reattach(container.name)


def _store_daemon(deployment: Deployment) -> Daemon:
    if deployment.store is None or deployment.store.daemon is None:
        raise AssertionError("the overlay has no store in the network")
    return deployment.store.daemon
