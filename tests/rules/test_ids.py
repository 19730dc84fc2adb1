"""Ids that are missing, stand twice or are hard to refer to."""

import pytest

from gtsdsl.model.testbed import Testbed
from tests.rules.build import PAIR, Item, bed, codes, findings, host, link, only, port, vsi


def test_a_pair_is_clean() -> None:
    assert findings(bed(*PAIR)) == ()


def test_a_host_alone_is_clean() -> None:
    assert findings(bed(host("h"))) == ()


def test_a_duplicate_resource_names_the_first() -> None:
    first, second = host("h1"), vsi("h1")
    finding = only(bed(first, second))
    assert finding.code == "GTS020"
    assert "`h1`" in finding.message
    assert finding.place == second.place
    assert finding.notes[0].place == first.place


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param((host("h1", "p", "p"),), ["GTS020"], id="port of a host"),
        pytest.param((host("h1", "p", "q", "p", "q", "p"),), ["GTS020"] * 3, id="each port but the first"),
        pytest.param((host("h1", "p"), host("h2", "p"), *PAIR[2:]), [], id="same port id on two hosts"),
        pytest.param((*PAIR, link("l")), ["GTS020"], id="a second link is not called unused too"),
        pytest.param((host("h"), host("h"), host("h")), ["GTS020", "GTS020"], id="three times"),
        pytest.param((bed(host("h"), id="s"), bed(host("h"), id="s")), ["GTS020"], id="nested testbeds"),
        pytest.param((bed(host("h"), id="s"), host("h")), ["GTS040"], id="the same id inside and outside is fine"),
        pytest.param((bed(host("h"), id="s", ports=("up", "up")),), ["GTS020"], id="exported port"),
        pytest.param((bed(host("h"), host("h"), id="s"),), ["GTS020"], id="inside a nested testbed"),
    ],
)
def test_duplicates(items: tuple[Item, ...], expected: list[str]) -> None:
    assert codes(bed(*items)) == expected


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param((host(""),), ["GTS021"], id="host"),
        pytest.param((link(""),), ["GTS021"], id="link: not called unused"),
        pytest.param((vsi("", controllerIPv4="10.0.0.1"),), ["GTS021"], id="switch: its control port is not asked for"),
        pytest.param((host("h", port("")),), ["GTS021"], id="port"),
        pytest.param((*PAIR, host("")), ["GTS021"], id="host: not called unreachable"),
        pytest.param((host(""), host("")), ["GTS021", "GTS021"], id="two: not called duplicates"),
        pytest.param((bed(host("h"), id=""),), ["GTS021"], id="nested testbed"),
    ],
)
def test_missing_ids_are_said_once(items: tuple[Item, ...], expected: list[str]) -> None:
    assert codes(bed(*items)) == expected


def test_a_missing_id_is_shown_at_the_block() -> None:
    nameless = host("")
    finding = only(bed(nameless))
    assert finding.message == "host has no id"
    assert finding.place == nameless.place


@pytest.mark.parametrize("id", ["h1", "H-1", "h_1", "1", "-", "_", "a" * 255])
def test_usual_ids(id: str) -> None:
    assert codes(bed(host(id))) == []


@pytest.mark.parametrize(
    "id",
    [
        "h.1",
        "a/b",
        "..",
        "h 1",
        'h"1',
        "h\n1",
        "h1\n",
        "::error::x",
        "\x1b[31m",
        "</script>",
        "$(reboot)",
        "`id`",
        "\u202eh1",
        "ｈ１",
        "hôte",
        "h1\x00",
        " ",
        "a" * 256,
        "a" * 100_000,
    ],
)
@pytest.mark.parametrize("kind", ["host", "port", "exported"])
def test_unusual_ids(id: str, kind: str) -> None:
    made = {
        "host": bed(host(id)),
        "port": bed(host("h", id)),
        "exported": bed(host("h"), ports=(id,)),
    }[kind]
    finding = only(made)
    assert finding.code == "GTS028"
    assert not finding.is_error
    assert finding.message.isprintable()
    assert len(finding.message) < 300


@pytest.mark.parametrize(
    ("id", "expected"),
    [
        ("Six switches, v1.2 (Amsterdam/Milan)", []),
        ("Prüfstand", []),
        ("two\nlines", ["GTS028"]),
        ("\u202eright", ["GTS028"]),
        ("t" * 256, ["GTS028"]),
    ],
)
def test_the_root_is_only_to_be_readable(id: str, expected: list[str]) -> None:
    assert codes(Testbed("T", id, resources=(host("h"),))) == expected


def test_an_unusual_id_is_said_at_each_place() -> None:
    assert codes(bed(host("h", "a.b"), *PAIR[2:3], host("g", "a.b"))).count("GTS028") == 2


def test_what_a_loop_repeats_is_said_once() -> None:
    same = host("h")
    assert codes(bed(*[same.__class__("host", "h", "AMS", place=same.place) for _ in range(100)])) == ["GTS020"]
