"""Files of cost tables: what they say, and each mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.cpu.reader import parse_table, read_table
from emulator.cpu.shipped import NONE, find_table, tables
from emulator.cpu.table import STAGES, Cost, Stage
from gtsdsl.diagnostics import GtsError
from gtsdsl.inputs.toml import MAX_CHARACTERS
from gtsdsl.source import Source, Span

EXAMPLE = Path(__file__).parents[3] / "examples" / "cost_table.toml"
SOCKET = '[stages.socket]\npacket_ns = 1000\nsource = "a test"\n'


def findings(text: str) -> list[tuple[str, str, str]]:
    """Return the code, the message and the marked text of each finding about a table."""
    source = Source("t.toml", text)
    with pytest.raises(GtsError) as caught:
        parse_table(source)
    found = []
    for it in caught.value.diagnostics:
        marked = text[it.place.start : it.place.end] if isinstance(it.place, Span) else ""
        found.append((it.code, it.message, marked))
    return found


def test_a_table_has_its_figures_and_the_defaults_of_the_kernel() -> None:
    table = parse_table(Source("t.toml", SOCKET))
    assert (table.name, table.cores, table.rules, table.backlog_packets) == ("t.toml", 1, 0, 1000)
    assert table.stages == {"socket": Stage(Cost(1000.0, 0.0), "a test")}


def test_a_stage_may_cost_another_time_without_offload() -> None:
    table = read_table(EXAMPLE)
    assert table.cores == 2
    assert table.stages["socket"] == Stage(Cost(9000.0, 0.0), "a round figure", Cost(9000.0, 0.1))
    assert table.stages["vxlan"].cost == Cost(7000.0, 0.1)


def test_a_figure_may_have_an_interval() -> None:
    table = parse_table(Source("t.toml", SOCKET + "packet_ns_interval = [900, 1100.5]\nbyte_ns_interval = [0, 0.1]"))
    stage = table.stages["socket"]
    assert (stage.packet_ns_interval, stage.byte_ns_interval) == ((900.0, 1100.5), (0.0, 0.1))


def test_the_digest_is_that_of_the_text() -> None:
    first, second = (parse_table(Source("t.toml", SOCKET + comment)) for comment in ("", "# more\n"))
    assert first.sha256 != second.sha256
    assert first.sha256 == parse_table(Source("other.toml", SOCKET)).sha256


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        (SOCKET.replace("1000", "-1"), "a cost cannot be negative", "-1"),
        (SOCKET.replace("1000", "nan"), "a cost is a number of nanoseconds", "nan"),
        (SOCKET.replace("1000", "inf"), "a cost is at most 100,000,000 ns", "inf"),
        (SOCKET.replace("1000", "true"), "a cost is a number of nanoseconds", "true"),
        (SOCKET.replace("1000", '"1 ms"'), "a cost is a number of nanoseconds", '"1 ms"'),
        (SOCKET.replace("packet_ns = 1000\n", ""), "there is no cost here", "socket"),
        (SOCKET.replace('source = "a test"\n', ""), "`source` is missing", "socket"),
        (SOCKET.replace('"a test"', '" "'), "this must be a text in quotes", '" "'),
        (SOCKET.replace("stages.socket", "stages.sockets"), "unknown stage `sockets`", "sockets"),
        (SOCKET.replace("packet_ns", "packets_ns"), "unknown key `packets_ns`", "packets_ns"),
        (SOCKET + "without_offload = { byte_ns = -2 }", "a cost cannot be negative", "-2"),
        (SOCKET + "without_offload = 7", "this must be a table", "7"),
        (SOCKET + "packet_ns_interval = 7", "an interval is two numbers of nanoseconds", "7"),
        (SOCKET + "packet_ns_interval = [1]", "an interval is two numbers of nanoseconds", "[1]"),
        (SOCKET + "packet_ns_interval = [-1, 2000]", "a cost cannot be negative", "-1"),
        (SOCKET + "packet_ns_interval = [1, nan]", "a cost is a number of nanoseconds", "nan"),
        (SOCKET + "byte_ns_interval = [0, 100001]", "a cost is at most 100,000 ns", "100001"),
        (SOCKET + "packet_ns_interval = [2000, 900]", "the interval does not hold the figure 1000", "[2000, 900]"),
        (SOCKET + "packet_ns_interval = [1001, 1002]", "the interval does not hold the figure 1000", "[1001, 1002]"),
        (SOCKET + "byte_ns_interval = [0.1, 0.2]", "the interval does not hold the figure 0", "[0.1, 0.2]"),
        ("cores = 0\n" + SOCKET, "this must be a whole number from 1 to 64", "0"),
        ("cores = 1.5\n" + SOCKET, "this must be a whole number from 1 to 64", "1.5"),
        ("rules = -3\n" + SOCKET, "this must be a whole number from 0 to 1,000,000", "-3"),
        ("backlog_packets = 0\n" + SOCKET, "this must be a whole number from 1 to 1,000,000", "0"),
        ("stages = 7\n", "this must be a table", "7"),
        ("core = 2\n" + SOCKET, "unknown key `core`", "core"),
    ],
)
def test_a_mistake_has_its_place(text: str, message: str, marked: str) -> None:
    assert ("GTS060", message, marked) in findings(text)


def test_a_misspelt_stage_gets_a_hint() -> None:
    with pytest.raises(GtsError) as caught:
        parse_table(Source("t.toml", SOCKET.replace("stages.socket", "stages.soket")))
    assert "did you mean `socket`?" in [it.hint for it in caught.value.diagnostics]


def test_all_mistakes_are_found_at_once() -> None:
    assert len(findings("cores = 0\nrules = -1\n" + SOCKET.replace("1000", "-1"))) == 3


def test_a_text_that_is_no_table_is_refused() -> None:
    assert [code for code, *_ in findings("cores = ")] == ["GTS060"]
    assert [message for _, message, _ in findings("cores = 2\n")] == ["the table has no stage"]


def test_a_table_that_is_too_large_is_refused() -> None:
    assert [code for code, *_ in findings("#" * (MAX_CHARACTERS + 1))] == ["GTS005"]


def test_a_name_stands_for_a_shipped_table_and_a_path_for_a_file() -> None:
    assert find_table(NONE) is None
    found = find_table(str(EXAMPLE))
    assert found is not None
    assert found.name == str(EXAMPLE)
    with pytest.raises(KeyError):
        find_table("study-2061")


@pytest.mark.parametrize("name", tables())
def test_each_shipped_table_is_valid_and_cites_its_sources(name: str) -> None:
    table = find_table(name)
    assert table is not None
    assert table.description
    assert table.stages.keys() <= STAGES.keys()
    assert all(stage.source for stage in table.stages.values())
