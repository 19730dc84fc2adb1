"""Shares of packets: correlated, and with a gap."""

from __future__ import annotations

import pytest

from gtsdsl.model.shares import Reorder, Share, parse_reorder, parse_share
from gtsdsl.model.values import Value


@pytest.mark.parametrize(
    ("text", "share"), [("1%", Share(1)), ("1 % 25 %", Share(1, 25)), ("0.1% 100%", Share(0.1, 100))]
)
def test_a_share_as_tc_writes_it(text: str, share: Share) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize(
    ("text", "reorder"),
    [
        ("25%", Reorder(25)),
        ("25% 50%", Reorder(25, 50)),
        ("25% gap 5", Reorder(25, 0, 5)),
        ("25% 50% gap 5", Reorder(25, 50, 5)),
    ],
)
def test_a_reordering_as_tc_writes_it(text: str, reorder: Reorder) -> None:
    assert parse_reorder(text) == reorder


@pytest.mark.parametrize("value", ["", "1", 1, None, "1% 2% 3%", "101%", "1% 101%", "gap 5", "gemodel 1%"])
def test_what_is_no_share(value: Value) -> None:
    for parse in (parse_share, parse_reorder):
        with pytest.raises(ValueError, match=r"share|more than 100"):
            parse(value)


@pytest.mark.parametrize("gap", ["0", "-1", "1.5", "five", "", "1000001", "5 6"])
def test_what_is_no_gap(gap: str) -> None:
    with pytest.raises(ValueError, match=r"has no gap|is not a share"):
        parse_reorder(f"25% gap {gap}")
