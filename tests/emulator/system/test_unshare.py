"""A thread moves to a new network namespace and back; the kernel's refusal is an error."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from emulator.system.unshare import CLONE_NEWNET, setns, unshare


@pytest.mark.networks
def test_only_the_thread_that_calls_moves() -> None:
    seen = []

    def move() -> None:
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        unshare(CLONE_NEWNET)
        seen.append(Path("/proc/thread-self/ns/net").readlink())
        setns(home, CLONE_NEWNET)
        seen.append(Path("/proc/thread-self/ns/net").readlink())
        os.close(home)

    thread = threading.Thread(target=move)
    thread.start()
    thread.join()
    here = Path("/proc/self/ns/net").readlink()
    assert seen[0] != here
    assert seen[1] == here


def test_a_descriptor_of_no_namespace_is_refused() -> None:
    with Path(os.devnull).open() as file, pytest.raises(OSError, match="Invalid argument"):
        setns(file.fileno(), CLONE_NEWNET)
