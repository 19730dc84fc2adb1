"""TUN interfaces: how one is made, how long it lives, and the sentence about a kernel that makes none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.netlink import namespaces, tun
from emulator.netlink.handle import Handle
from emulator.netlink.state import read
from emulator.netlink.tun import TUN, open_tun

needs_tun = pytest.mark.skipif(not Path(TUN).exists(), reason=f"this machine has no {TUN}: `modprobe tun` adds it")


@needs_tun
@pytest.mark.networks
def test_a_tun_interface_has_no_header_and_lives_as_long_as_its_descriptor(namespace: int, handle: Handle) -> None:
    with namespaces.entered(namespace):
        descriptor = open_tun("tun0")
    try:
        details = [dict(link.details) for link in read(namespace).links if link.name == "tun0"]
        assert details == [{"type": "tun", "packet_information": False}]
        assert not os.get_blocking(descriptor)
    finally:
        os.close(descriptor)
    assert not handle.has_link("tun0")


@needs_tun
@pytest.mark.networks
@pytest.mark.usefixtures("handle")
def test_a_name_in_use_is_refused_and_leaves_no_descriptor_open(namespace: int) -> None:
    before = set(Path("/proc/self/fd").iterdir())
    with namespaces.entered(namespace), pytest.raises(OSError, match="Invalid argument"):
        open_tun("br0")
    assert set(Path("/proc/self/fd").iterdir()) <= before


@pytest.mark.networks
def test_a_missing_tun_device_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tun, "TUN", "/dev/net/no-such-tun")
    before = Path("/proc/self/ns/net").stat().st_ino
    assert list(tun.lacks()) == [
        "/dev/net/no-such-tun cannot be used (No such file or directory): `modprobe tun`, or a guest kernel "
        "(`gtsdsl kernel build`)"
    ]
    assert Path("/proc/self/ns/net").stat().st_ino == before
