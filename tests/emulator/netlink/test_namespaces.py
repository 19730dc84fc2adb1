"""Network namespaces: made together, entered and left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.netlink import namespaces
from emulator.system.errors import EmulationError
from tests.emulator.descriptors import open_descriptors

pytestmark = pytest.mark.networks


def test_the_thread_comes_back_from_other_namespaces() -> None:
    before = Path("/proc/thread-self/ns/net").readlink()
    ((descriptor, inside),) = namespaces.create(1, lambda _: Path("/proc/thread-self/ns/net").readlink())
    assert Path("/proc/thread-self/ns/net").readlink() == before != inside
    with pytest.raises(ZeroDivisionError), namespaces.entered(descriptor):  # noqa: PT012
        assert Path("/proc/thread-self/ns/net").readlink() == inside
        1 / 0  # noqa: B018
    assert Path("/proc/thread-self/ns/net").readlink() == before
    os.close(descriptor)


def test_namespaces_that_cannot_be_made_leave_no_descriptor() -> None:
    before = open_descriptors()

    def fail_at_third(index: int) -> None:
        if index == 2:
            raise EmulationError("no")

    with pytest.raises(EmulationError, match="no"):
        namespaces.create(5, fail_at_third)
    assert open_descriptors() == before
