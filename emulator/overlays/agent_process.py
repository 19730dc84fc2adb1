"""The process of a built-in agent in its host's network namespace, from its start to SIGTERM."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Protocol

from emulator.netlink import namespaces
from emulator.netlink.changes import Changes
from emulator.netlink.handle import Handle


class Agent(Protocol):
    """An agent of a host."""

    def serve(self) -> None:
        """Do the agent's work without end."""

    def leave(self) -> None:
        """Take the host out of the overlay, as an administrator does."""


class _LeaveError(Exception):
    """The process got SIGTERM."""


def run_agent(make: Callable[[Handle, Changes], Agent]) -> None:
    """Run the agent of the host whose network namespace the process is in, until SIGTERM; then let the agent leave."""
    # the short-lived parent process has no garbage collector; freeze, so that the memory shared with it stays shared
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGTERM, _raise_leave)
    namespace = namespaces.current("net")
    try:
        with Handle(namespace) as kernel, Changes() as changes:
            agent = make(kernel, changes)
            try:
                agent.serve()
            except _LeaveError:
                agent.leave()
    finally:
        os.close(namespace)


def _raise_leave(_number: int, _frame: FrameType | None) -> None:
    raise _LeaveError
