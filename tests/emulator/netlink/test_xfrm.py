"""Associations and policies of IPsec: the sizes of the kernel's structures, and what a guest's kernel makes of them."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from emulator.kernel.cache import Kernel
from emulator.netlink import xfrm
from emulator.netlink.messages import attributes
from tests.emulator.netlink import guest_scenarios
from tests.emulator.netlink.guest import seen_in_guest

_ASSOCIATION = xfrm.Association("100.64.0.1", "100.64.0.2", 0x01020304, bytes(range(36)))
_POLICY = xfrm.Policy("100.64.0.1", "100.64.0.2", 0x01020304, 0x20000)


def test_an_association_has_its_algorithm_and_its_window() -> None:
    body = xfrm.add(_ASSOCIATION).body
    # struct xfrm_usersa_info has 224 bytes: selector, daddr, spi, proto, saddr …, family, mode, window, flags
    assert body[56:60] == bytes((100, 64, 0, 2))
    assert body[72:77] == bytes((1, 2, 3, 4, 50))
    assert body[80:84] == bytes((100, 64, 0, 1))
    assert body[212:217] == struct.pack("=HBBB", 2, 0, 0, 128)
    values = dict(attributes(body, 224))
    assert values[18][:17] == b"rfc4106(gcm(aes))"
    assert values[18][64:] == struct.pack("=II", 288, 128) + bytes(range(36))
    assert values[23] == struct.pack("=6I", 8, 0, 0, 0, 0, 256) + bytes(32)


def test_the_key_is_not_in_the_text_of_an_association() -> None:
    assert "key" not in repr(_ASSOCIATION)


def test_a_policy_is_for_marked_udp_between_two_addresses() -> None:
    body = xfrm.put_policy(_POLICY).body
    assert body[0:4] + body[16:20] == bytes((100, 64, 0, 2, 100, 64, 0, 1))
    assert body[40:45] == struct.pack("=HBBB", 2, 32, 32, 17)
    values = dict(attributes(body, 168))
    assert values[21] == struct.pack("=II", 0x20000, 0x20000)
    assert values[5][16:21] == bytes((1, 2, 3, 4, 50))
    assert len(values[5]) == 64


@pytest.fixture(scope="module")
def seen(guest_kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    assert guest_kernel.virtual_clock
    return seen_in_guest(tmp_path_factory.mktemp("guest"), guest_scenarios.encrypt_between_two_hosts)


def test_the_kernel_has_what_it_was_given(seen: dict[str, Any]) -> None:
    spis = seen["spis"]
    assert all(0x100 <= spi < 2**32 for spi in spis.values())
    assert spis["h1"] != spis["h2"]
    assert sorted(seen["associations"]) == [
        ["100.64.0.1", "100.64.0.2", spis["h2"], bytes(range(100, 136)).hex()],
        ["100.64.0.2", "100.64.0.1", spis["h1"], bytes(range(36)).hex()],
    ]
    assert seen["policies"] == [["100.64.0.1", "100.64.0.2", spis["h2"], 0x20000]]
    shown = " ".join(seen["shown"].split())
    assert f"proto esp spi {spis['h2']:#010x} reqid 0 mode transport" in shown
    assert "replay_window 256, bitmap-length 8" in shown
    assert "src 100.64.0.1/32 dst 100.64.0.2/32 proto udp dir out priority 0 mark 0x20000/0x20000" in shown


def test_what_is_there_is_refused_and_what_is_removed_is_gone(seen: dict[str, Any]) -> None:
    spi = seen["spis"]["h2"]
    assert f"IPsec from 100.64.0.1 to 100.64.0.2, SPI {spi:#x}: the kernel refuses: File exists" in seen["refused"]
    assert seen["left"] == [0, 0]
