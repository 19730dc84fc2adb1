"""Ids of any characters become unique names that a tool takes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtsdsl.topology.safe_names import safe_names
from tests.hostile import HOSTILE_IDS

WORD = r"[A-Za-z][A-Za-z0-9_]*"


@pytest.mark.parametrize(
    ("ids", "names"),
    [
        (["h1", "h2"], ["h1", "h2"]),
        (["s1/h1"], ["s1_h1"]),
        (["a b", "a_b"], ["a_b1", "a_b"]),
        (["a b", "a-b", "a.b"], ["a_b", "a_b1", "a_b2"]),
        (["", "1", "host"], ["n1", "n2", "host1"]),
        (["abcdefghijk", "abcdefghijkl"], ["abcdefgh", "abcdefg1"]),
        (["webserver01", "webserver02", "webserver/02"], ["webser01", "webser02", "webser03"]),
        (["n"], ["n"]),
        (["Host", "HOST"], ["Host", "HOST"]),
    ],
)
def test_names(ids: list[str], names: list[str]) -> None:
    assert list(safe_names(ids, pattern=WORD, limit=8, reserved=["host"]).values()) == names


def test_names_that_differ_in_case_alone_are_one_where_a_tool_says_so() -> None:
    names = safe_names(["a", "A", "HOST"], pattern=WORD, limit=8, reserved=["host"], fold_case=True)
    assert list(names.values()) == ["a", "A1", "HOST1"]


@given(st.lists(st.one_of(st.text(max_size=12), st.sampled_from(HOSTILE_IDS)), unique=True, max_size=40))
def test_names_are_unique_valid_and_short(ids: list[str]) -> None:
    names = safe_names(ids, pattern=WORD, limit=6, reserved=["h1", "n3"])
    assert list(names) == ids
    assert len({*names.values(), "h1", "n3"}) == len(ids) + 2
    assert all(re.fullmatch(WORD, name) and len(name) <= 6 for name in names.values())


def test_many_ids_of_one_likeness_take_linear_time() -> None:
    names = safe_names((f"a{'!' * index}" for index in range(1, 5000)), pattern=WORD, limit=8)
    assert len(set(names.values())) == 4999
