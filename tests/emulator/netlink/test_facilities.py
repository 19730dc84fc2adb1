"""Facilities of the kernel are tried in a temporary namespace."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from emulator.netlink.connection import NetlinkError
from emulator.netlink.facilities import lacks
from emulator.netlink.handle import Handle

pytestmark = pytest.mark.networks


def test_what_the_kernel_has_is_not_said() -> None:
    assert list(lacks("loopback interface", "loopback", lambda kernel: kernel.set_up("lo"))) == []


def test_what_it_lacks_is_said_with_the_module() -> None:
    def attempt(_kernel: Handle) -> None:
        raise NetlinkError("wg0", errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    (sentence,) = lacks("WireGuard", "wireguard", attempt)
    assert sentence.startswith("this kernel has no WireGuard: load it with `modprobe wireguard`, or use a guest kernel")


def test_another_refusal_is_an_error() -> None:
    def attempt(_kernel: Handle) -> None:
        raise NetlinkError("wg0", errno.EPERM, os.strerror(errno.EPERM))

    with pytest.raises(NetlinkError, match="Operation not permitted"):
        list(lacks("WireGuard", "wireguard", attempt))


def test_a_facility_is_tried_in_a_namespace_of_its_own() -> None:
    here = Path("/proc/thread-self/ns/net")
    before = here.stat().st_ino
    tried: list[int] = []
    assert list(lacks("it", "it", lambda _: tried.append(here.stat().st_ino))) == []
    assert tried != [before]
    assert here.stat().st_ino == before
