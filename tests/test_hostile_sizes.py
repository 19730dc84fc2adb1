"""Inputs as large as may be, of every format and shape, end in findings: in 20 s of processor time and 1 GB."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from gtsdsl.circuits.custom import MAX_CHARACTERS, MAX_CIRCUITS
from gtsdsl.data import shipped
from gtsdsl.inputs.files import MAX_BYTES
from gtsdsl.inputs.json import MAX_DEPTH, MAX_WORDS
from gtsdsl.loading import check
from gtsdsl.model.references import MAX_DOTS
from gtsdsl.model.values import MAX_DIGITS, MAX_STRING
from gtsdsl.rules.index import MAX_PATHS
from gtsdsl.source import Source
from gtsdsl.topology.routes import MAX_ROUTES, MAX_ROUTING_STEPS
from tests.bounds import bounded_gtsdsl
from tests.emulator.samples import MESH

_HEAD = '{"gts":"2.0","type":"T","id":"t","resources":['
_ADJACENCIES = '],"adjacencies":['
_JOINED = '{"class":"host","id":"h","ports":[{"id":"p"}]},{"class":"link","id":"l","ports":[{"id":"src"},{"id":"dst"}]}'
_NESTED = '{{"class":"testbed","id":"{id}","type":"A{id}","parameters":{{}},"resources":[{inner}],"adjacencies":[]}}'


def repeated(item: str, before: str, after: str, count: int) -> str:
    """Return a document with ``count`` equal members, apart from the number in place of ``{i}``."""
    return before + ",".join(item.replace("{i}", str(index)) for index in range(count)) + after


def gts(item: str, count: int) -> str:
    return repeated(item, _HEAD, _ADJACENCIES + "]}", count)


def joins(item: str, resources: str, count: int) -> str:
    return repeated(item, _HEAD + resources + _ADJACENCIES, "]}", count)


def nested(ids: int, count: int) -> str:
    """Hosts inside fifteen testbeds, whose ids have so many characters each."""
    inner = repeated('{"class":"host","id":"h{i}"}', "", "", count)
    for level in range(15):
        inner = _NESTED.format(id=chr(ord("a") + level) * ids, inner=inner)
    return _HEAD + inner + _ADJACENCIES + "]}"


SHAPES: dict[str, Callable[[int], str]] = {
    "parts that all are wrong": lambda n: gts('{"class":1,"x":2}', n),
    "one that is wrong at the end": lambda n: gts('{"class":"host","id":"h{i}"}', n)[:-1] + ',"x":1}',
    "one key again and again": lambda n: repeated('"a":1', '{"gts":"2.0",', "}", n),
    "one key of many twice": lambda n: repeated('"k{i}":1', "{", ',"k0":2}', n),
    "keys without a meaning": lambda n: repeated('"k{i}":1', '{"gts":"2.0",', "}", n),
    "attributes": lambda n: repeated('"k{i}":1', _HEAD + _ADJACENCIES + '],"attributes":{', "}}", n),
    "hosts with one id": lambda n: gts('{"class":"host","id":"h"}', n),
    "unknown classes": lambda n: gts('{"class":"c{i}","id":"h{i}"}', n),
    "unknown attributes": lambda n: gts('{"class":"host","id":"h{i}","attributes":{"a{i}":1}}', n),
    "unknown sites": lambda n: gts('{"class":"host","id":"h{i}","location":"X{i}"}', n),
    "references to nothing": lambda n: joins('["a{i}.b","c{i}.d"]', "", n),
    "one adjacency again and again": lambda n: joins('["h.p","l.src"]', _JOINED, n),
    "references of dots": lambda n: joins(f'["{"a." * 50}","a.b"]', "", n),
    "nested testbeds alike but for the first": lambda n: repeated(
        _NESTED.format(id="a", inner=""),
        _HEAD + _NESTED.format(id="a", inner='{"class":"host","id":"h"}') + ",",
        _ADJACENCIES + "]}",
        n,
    ),
    "testbeds fifteen deep": lambda n: nested(1, n),
    "long ids of nested testbeds": lambda n: nested(20, n),
    "numbers that are none": lambda n: gts('{"class":"host","id":"h","attributes":{"a":NaN}}', n),
    "half surrogate pairs": lambda n: gts('{"class":"host","id":"\\ud800"}', n),
    "an editor's nodes": lambda n: repeated(
        '{"id":"n","group":"host","dsl_id":"h"}', '{"dsl_id":"t","edges":[],"nodes":[', "]}", n
    ),
    "an editor's edges": lambda n: repeated(
        '{"from":"a","to":"b","from_port":"p","to_port":"q"}', '{"dsl_id":"t","nodes":[],"edges":[', "]}", n
    ),
}  # fmt: skip
"""Documents of a number of members, by what is odd about them."""


@pytest.mark.slow("reads inputs of the largest size")
@pytest.mark.parametrize("shape", SHAPES)
def test_memory_is_proportional_to_the_text(shape: str) -> None:
    def bytes_a_character(count: int) -> float:
        text = SHAPES[shape](count)
        tracemalloc.start()
        try:
            check(Source("x.json", text))
            return tracemalloc.get_traced_memory()[1] / len(text)
        finally:
            tracemalloc.stop()

    check(Source("x.json", SHAPES[shape](1)))  # what is kept once, such as the compiled schemas
    small, large = bytes_a_character(500), bytes_a_character(4000)
    assert large < max(1.5 * small, 20)


@pytest.mark.slow("reads inputs of the largest size")
@pytest.mark.parametrize("shape", SHAPES)
def test_work_is_proportional_to_the_text(shape: str) -> None:
    """Counted in calls of Python functions, which depend on no other program."""

    def calls(count: int) -> int:
        text, number = SHAPES[shape](count), 0

        def count_one(*_: object) -> None:
            nonlocal number
            number += 1

        sys.setprofile(count_one)
        try:
            check(Source("x.json", text))
        finally:
            sys.setprofile(None)
        return number

    check(Source("x.json", SHAPES[shape](1)))
    assert calls(1600) < 6 * calls(400)


WORST: dict[str, Callable[[], str]] = {
    "adjacencies": lambda: joins('["h.p","l.src"]', _JOINED, MAX_WORDS // 3 - 20),
    "attributes": lambda: SHAPES["attributes"](MAX_WORDS // 2 - 20),
}
"""The inputs within the bounds that take the most time and memory."""

_LONG = f"a string has more than {MAX_STRING} characters"

REFUSED: dict[str, tuple[Callable[[], str], str]] = {
    "more words": (lambda: "[" + "{}," * (MAX_BYTES // 3 - 1) + "1]", f"more than {MAX_WORDS} keys and values"),
    "one string": (lambda: f'{{"a":"{"x" * (MAX_BYTES - 8)}"}}', _LONG),
    "escapes": (lambda: '{"a":"' + "\\n" * (MAX_BYTES // 2 - 8) + '"}', _LONG),
    "one number": (lambda: '{"a":' + "9" * (MAX_BYTES - 8) + "}", f"a number has more than {MAX_DIGITS} digits"),
    "brackets": (lambda: '{"a":' * 10_000 + "[" * 1_000_000, f"nested more than {MAX_DEPTH} deep"),
    "quotes": (lambda: '{"a":' + '"' * (MAX_BYTES - 8), "this is not JSON"),
    "backslashes": (lambda: '{"a":"' + "\\" * (MAX_BYTES - 8), _LONG),
    "line ends": (lambda: "{" + "\n" * (MAX_BYTES - 8) + "x", "this is not JSON"),
    "long paths": (lambda: nested(50_000, 1000), f"have more than {MAX_PATHS} characters"),
}  # fmt: skip
"""Inputs of the largest size that are beyond a bound, or no JSON, each with its message."""


@pytest.mark.slow("reads inputs of the largest size")
@pytest.mark.parametrize("name", [*WORST, *REFUSED])
def test_an_input_as_large_as_may_be_ends(name: str, tmp_path: Path) -> None:
    made, message = REFUSED[name] if name in REFUSED else (WORST[name], "")
    path = tmp_path / "large.json"
    path.write_text(made())
    assert path.stat().st_size <= MAX_BYTES
    told = checked(path)
    assert message in told
    assert f"{path}:" in told  # where: the line and column stand behind


@pytest.mark.slow("reads inputs of the largest size")
@pytest.mark.parametrize("is_usable", [True, False])
def test_traces_as_large_as_may_be_end(is_usable: bool, tmp_path: Path) -> None:
    lines = "999\n" * 999_999 + "1000\n" if is_usable else "\n" * (MAX_BYTES - 4) + "\U0001f30d"
    (tmp_path / "0.trace").write_text(lines)
    for number in range(1, 50):
        (tmp_path / f"{number}.trace").hardlink_to(tmp_path / "0.trace")
    tables = [
        f'[[trace]]\nfrom={number}\nto={number + 1}\nlink="l1"\nbandwidth="{number}.trace"\n' for number in range(50)
    ]
    (tmp_path / "storm.toml").write_text("".join(tables))
    told = checked(MESH, "--scenario", str(tmp_path / "storm.toml"))
    assert ("at most 1,000,000 lines together" if is_usable else "no other trace is read") in told
    assert str(tmp_path / "storm.toml:250:11") in told


def checked(path: Path, *options: str) -> str:
    """Run `gtsdsl check` on a file with errors, within bounds of time and memory, and return its output."""
    ended = bounded_gtsdsl("check", str(path), *options)
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False), ended.stderr[-2000:]
    return ended.stdout


def test_the_page_has_the_bounds() -> None:
    page = shipped("docs", "formats.md").read_text(encoding="utf-8")
    for row in (
        f"| an input of any format | {MAX_BYTES // 2**20} MiB |",
        f"| keys and values | {MAX_WORDS:,} |",
        f"| characters of a string | {MAX_STRING:,} |",
        f"| digits of a number | {MAX_DIGITS} |",
        f"| objects and arrays inside one another | {MAX_DEPTH} |",
        f"| dots at which a reference may be split | {MAX_DOTS} |",
        f"| characters of the ids in nested testbeds, written out from the root | {MAX_PATHS:,} |",
        f"| characters of a file of circuits | {MAX_CHARACTERS:,} |",
        f"| circuits and sites in one file | {MAX_CIRCUITS:,} |",
        f"| routes of all hosts (`plan`, `emulate`, containerlab, Mininet) | {MAX_ROUTES:,} |",
        f"takes 36,000,000 | {MAX_ROUTING_STEPS:,} |",
    ):
        assert row in page
