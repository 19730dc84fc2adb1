"""Jitter: what is written, and the shapes of its distributions."""

from __future__ import annotations

import statistics
import struct
from pathlib import Path

import pytest

from emulator.netlink.tables import shape_table
from gtsdsl.model.jitter import MAX_JITTER_US, SHAPES, TABLE_SIZE, Jitter, Shape, ends, parse_jitter, parse_order
from gtsdsl.model.jitter import quantiles as quantiles_of
from gtsdsl.model.values import Value

_IPROUTE2 = Path("/usr/lib/x86_64-linux-gnu/tc")


@pytest.mark.parametrize(
    ("text", "jitter"),
    [
        ("1ms", Jitter(1000)),
        ("1 ms", Jitter(1000)),
        ("1ms normal", Jitter(1000, 0, "normal")),
        ("1ms 25%", Jitter(1000, 25)),
        ("250us 25% pareto", Jitter(250, 25, "pareto")),
        ("1.5 ms uniform", Jitter(1500)),
        ("0ms paretonormal", Jitter(0, 0, "paretonormal")),
    ],
)
def test_a_jitter_as_tc_writes_it(text: str, jitter: Jitter) -> None:
    assert parse_jitter(text) == jitter


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "is not a jitter"),
        ("normal", "is not a jitter"),
        ("1ms gauss", "is not a jitter; write it as"),
        ("normal 1ms", "is not a jitter"),
        ("25% 1ms", "is not a duration"),
        ("1ms 101%", "more than 100%"),
        ("1ms 25% 25%", "is not a duration"),
        ("3s", "is more than the 2.147 s"),
        ("1", "is not a duration"),
        (1, "is not a jitter"),
        (None, "is not a jitter"),
        (["1ms"], "is not a jitter"),
    ],
)
def test_what_is_no_jitter(value: Value, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_jitter(value)


def test_the_longest_jitter_is_what_netem_counts() -> None:
    assert parse_jitter(f"{MAX_JITTER_US}us").us * 1000 < 2**31


@pytest.mark.parametrize("value", ["Kept", "", "fifo", None, True])
def test_what_is_no_order(value: Value) -> None:
    with pytest.raises(ValueError, match="is not an order of packets"):
        parse_order(value)


@pytest.mark.parametrize(("shape", "deviation"), [("uniform", 3**-0.5), ("normal", 1), ("pareto", 0.82)])
def test_a_shape_has_its_moments(shape: Shape, deviation: float) -> None:
    found = quantiles_of(shape)
    assert statistics.fmean(found) == pytest.approx(0, abs=0.04)
    assert statistics.pstdev(found) == pytest.approx(deviation, abs=0.02)
    assert found == sorted(found)
    assert ends(shape)[0] <= found[0] < found[-1] <= ends(shape)[1] < 4


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "uniform"])
def test_a_table_is_that_of_iproute2(shape: Shape) -> None:
    """Its entries are at the begin of each step and not in the middle, so ours are between two of them."""
    if not (path := _IPROUTE2 / f"{shape}.dist").exists():
        pytest.skip(f"{path} is missing: apt-get install iproute2")
    theirs = [int(word) for line in path.read_text().splitlines() if line[:1] != "#" for word in line.split()]
    ours = [entry for (entry,) in struct.iter_unpack("=h", shape_table(shape))]
    assert len(theirs) == len(ours) == TABLE_SIZE
    for index in range(1, TABLE_SIZE - 1):
        assert theirs[index] - 3 <= ours[index] <= theirs[index + 1] + 3
