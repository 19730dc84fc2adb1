"""Attributes of netlink messages."""

from __future__ import annotations

import pytest

from emulator.netlink.messages import attributes, nested, s64, text, u32


@pytest.mark.parametrize("data", [u32(4, 6), s64(5, -7), text(6, "a"), text(6, "abcd"), nested(7, u32(1, 2))])
def test_attributes_are_padded_and_come_back(data: bytes) -> None:
    assert len(data) % 4 == 0
    assert len(list(attributes(data + data))) == 2
