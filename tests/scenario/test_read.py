"""The TOML file of a scenario: what it says, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from gtsdsl.diagnostics import GtsError
from gtsdsl.inputs.files import read_source
from gtsdsl.loading import load, loads
from gtsdsl.model.testbed import Testbed
from gtsdsl.scenario import load_scenario, read_scenario
from gtsdsl.scenario.model import timeline
from gtsdsl.scenario.read import MOST_EVENTS
from gtsdsl.scenario.text import timeline_lines
from gtsdsl.scenario.traces import MOST_LINES
from gtsdsl.source import Source
from tests.emulator.samples import MESH, ROOT

STORM = ROOT / "examples" / "storm.toml"


@pytest.fixture(scope="module")
def mesh() -> Testbed:
    return load(MESH)


def findings(text: str, folder: Path, testbed: Testbed | None) -> list[str]:
    """Return the findings about a scenario, as ``LINE:COLUMN: message``, with the file if it is a trace."""
    with pytest.raises(GtsError) as caught:
        read_scenario(Source(str(folder / "storm.toml"), text), testbed)
    found = []
    for item in caught.value.diagnostics:
        assert item.code in {"GTS009", "GTS002", "GTS005", "GTS012"}
        start = item.source.span(item.place).start if item.place is not None else 0
        line, column = item.source.position(start)
        name = "" if item.source.name.endswith("storm.toml") else f"{Path(item.source.name).name}:"
        hint = f" ({item.hint})" if item.hint else ""
        found.append(f"{name}{line}:{column}: {item.message}{hint}")
    return found


def test_a_scenario_is_a_timeline(mesh: Testbed) -> None:
    assert [(point.at_ns // 10**9, point.text) for point in timeline(load_scenario(STORM, mesh))] == [
        (0, "l3: bandwidth there of train.trace"),
        (0, "l4: delay of orbit.csv"),
        (10, "cut l1"),
        (20, "l2: bandwidth 20"),
        (30, "cut l8 silently"),
        (35, "restore l8"),
        (40, "l2: bandwidth as before"),
        (50, "kill h2"),
        (60, "l4: delay as before"),
        (60, "h4: start ping -c 3 h5"),
    ]
    assert load_scenario(STORM, mesh).end_ns == 70 * 10**9
    assert not load_scenario(STORM, mesh).awaits_commands


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[[cut]]\nat = "1s"\nlink = "l11"', "3:8: the topology has no link `l11` (did you mean `l1`?)"),
        ('[[kill]]\nat = "1s"\nhost = "h9"', "3:8: the topology has no host `h9`"),
        ('[[cut]]\nat = "1s"\nlink = "h1"', "3:8: the topology has no link `h1`"),
        ('[[cut]]\nat = "1s"\nlnk = "l1"', "3:1: [[cut]] has no key `lnk` (did you mean `link`?)"),
        ('[[cutt]]\nat = "1s"', "1:3: unknown key `cutt` (did you mean `cut`?)"),
        ('[[cut]]\nfrom = 20\nto = 10\nlink = "l1"', "3:6: the scenario goes back in time: `to` is not after `from`"),
        ('[[cut]]\nfrom = 20\nto = 20\nlink = "l1"', "3:6: the scenario goes back in time"),
        ('[[cut]]\nat = -1\nlink = "l1"', "2:6: a time is counted from the start of the scenario"),
        ('[[cut]]\nat = "1 day"\nlink = "l1"', "2:6: `1 day` is not a time"),
        ('[[cut]]\nat = 1e-9\nlink = "l1"', "2:6: a time is a whole number of microseconds"),
        ('[[cut]]\nat = nan\nlink = "l1"', "2:6: this is not a time"),
        ('[[cut]]\nat = true\nlink = "l1"', "2:6: this is not a time"),
        ('[[cut]]\nat = 1e7\nlink = "l1"', "2:6: a scenario lasts at most 1,000,000 s"),
        ('[[cut]]\nfrom = 1\nlink = "l1"', "1:3: a [[cut]] has either `at`, or `from` and `to`"),
        ('[[cut]]\nat = 1\nto = 2\nlink = "l1"', "1:3: a [[cut]] has either `at`, or `from` and `to`"),
        ("[[cut]]\nat = 1", "1:3: `link` is missing"),
        ("[[cut]]\nat = 1\nlink = 3", "3:8: `link` must be a text in quotes"),
        ('[[cut]]\nat = 1\nlink = "l1"\nsilent = "yes"', "4:10: this must be true or false"),
        ('[cut]\nat = 1\nlink = "l1"', "1:2: this must be an array of tables: [[cut]]"),
        ('[[cut]]\nat = 9\nlink = "l1"\n[[cut]]\nat = 5\nlink = "l2"', "5:6: this is before the [[cut]] above"),
        ('[[change]]\nat = 1\nlink = "l1"\nbandwidth = 0', "4:13: 0 Mbit/s is out of range"),
        ('[[change]]\nat = 1\nlink = "l1"\ndelay = "18"', "4:9: "),
        ('[[change]]\nat = 1\nlink = "l1"\ndelay = "1ms/2ms/3ms"', "4:9: "),
        ('[[change]]\nat = 1\nlink = "l1"\nloss = "101%"', "4:8: "),
        ('[[change]]\nat = 1\nlink = "l1"\nloss = ["1%"]', "4:8: `loss` must be a number or a text in quotes"),
        ('[[change]]\nat = 1\nlink = "l1"', "1:3: this changes nothing"),
        ('[[change]]\nat = 1\nlink = "l1"\nrtt = "9ms"\ndelay = "1ms"', "4:1: `rtt` and `delay` are the same thing"),
        ('[[start]]\nat = 1\nhost = "h1"\ncommand = "ping h2"', "4:11: `command` must be an array"),
        ('[[start]]\nat = 1\nhost = "h1"\ncommand = []', "4:11: `command` must be an array"),
        ('[[start]]\nat = 1\nhost = "h1"\ncommand = ["a\\u0000"]', "4:11: a command has a program"),
        ('[[cpus]]\nat = 1\nhost = "h1"\ncpus = 0', "4:8: `cpus` must be a number of processors, 0.01 or more"),
        ('[[cpus]]\nat = 1\nhost = "h1"\ncpus = nan', "4:8: `cpus` must be a number of processors"),
        ('[[cpus]]\nat = 1\nhost = "h1"\ncpus = "half"', "4:8: `cpus` must be a number of processors"),
        ('[[cpus]]\nat = 1\nhost = "h1"', "1:3: `cpus` is missing"),
        ('[[cpus]]\nat = 1\nhost = "h9"\ncpus = 1', "3:8: the topology has no host `h9`"),
        ('[[cpus]]\nat = 1\nhost = "h1"\ncpus = 1\nfor = 1', "1:3: a share that comes again has both `for` and"),
        ('[[cpus]]\nat = 1\nhost = "h1"\ncpus = 1\nfor = 2\nevery = 2', "5:7: `for` is above 0 and less than"),
        ('[[cpus]]\nat = 1\nhost = "h1"\ncpus = 1\nfor = 0\nevery = 2', "5:7: `for` is above 0 and less than"),
        (
            '[[cpus]]\nat = 1\nhost = "h1"\ncpus = 1\nfor = "10us"\nevery = "1ms"',
            "6:9: `every` is 2 ms or more",
        ),
        (
            'end = 1e6\n[[cpus]]\nat = 1\nhost = "h1"\ncpus = 1\nfor = "1ms"\nevery = "2ms"',
            "2:3: the traces of a scenario have at most 10,000,000 lines",
        ),
        ('end = 5\n[[cut]]\nat = 9\nlink = "l1"', "1:7: the scenario ends before its last event"),
        ('end = 0\n[[cut]]\nat = 10\nlink = "l1"', "1:7: the scenario ends before its last event"),
        ("", "1:1: this scenario has no event"),
        ("[[cut]\n", "1:6: not TOML"),
    ],
)
def test_a_mistake_is_refused_with_its_place(text: str, expected: str, tmp_path: Path, mesh: Testbed) -> None:
    assert any(item.startswith(expected) for item in findings(text, tmp_path, mesh)), findings(text, tmp_path, mesh)


VARIES, DOUBLES, KEEPS = 'jitter = "1ms"\n', 'duplicate = "1%"\n', 'order = "kept"\n'


@pytest.mark.parametrize(
    ("own", "changes", "expected"),
    [
        ("", [("at = 1", VARIES + DOUBLES)], ["1:3: `l1` at 1 s: packets cannot both vary"]),
        ("", [("at = 1", VARIES + DOUBLES + KEEPS)], []),
        ("", [("at = 1", VARIES), ("at = 2", DOUBLES)], ["5:3: `l1` at 2 s: packets cannot both vary"]),
        ("", [("from = 1\nto = 2", VARIES), ("at = 2", DOUBLES)], []),
        (DOUBLES, [("at = 1", VARIES)], ["1:3: `l1` at 1 s: packets cannot both vary"]),
        (DOUBLES + KEEPS, [("at = 1", VARIES)], []),
        (
            DOUBLES,
            [("from = 1\nto = 9", KEEPS), ("at = 2", VARIES)],
            ["1:3: `l1` at 9 s: packets cannot both vary"],
        ),
    ],
)
def test_a_change_that_the_link_cannot_have_then_is_refused(
    own: str, changes: list[tuple[str, str]], expected: list[str], tmp_path: Path
) -> None:
    testbed = loads(MESH.read_text().replace('id = "l1";', f'id = "l1"\n{own}'))
    text = "".join(f'[[change]]\n{when}\nlink = "l1"\n{what}' for when, what in changes)
    if expected:
        found = findings(text, tmp_path, testbed)
        assert [item[: len(start)] for item, start in zip(found, expected, strict=True)] == expected
    else:
        assert read_scenario(Source(str(tmp_path / "storm.toml"), text), testbed).events


def test_an_mtu_too_small_for_ipv6_is_refused_where_there_is_ipv6(tmp_path: Path, mesh: Testbed) -> None:
    source = Source(str(tmp_path / "storm.toml"), '[[change]]\nat = 1\nlink = "l1"\nmtu = 600\n')
    for has_ipv6, expected in ((True, "error[GTS009]"), (None, "warning[GTS052]")):
        with pytest.raises(GtsError) as caught:
            read_scenario(source, mesh, has_ipv6=has_ipv6)
        assert f"{expected}: `l1` at 1 s: IPv6 needs an MTU of 1280 bytes, not 600" in str(caught.value)
    assert read_scenario(source, mesh, has_ipv6=False).events


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ("[[cut]]\nat = 5", "4:3: `link` is missing"),
        ('[[cut]]\nlink = "l2"', "4:3: a [[cut]] has either `at`, or `from` and `to`"),
        ('[[cut]]\nat = 5\nlink = "l1"', "4:3: the state of `l1` is set by the [[cut]] at 1 s too"),
        (
            '[[kill]]\nat = 1\nhost = "h1"\n[[start]]\nat = 0\nhost = "h1"\ncommand = ["true"]\n'
            '[[start]]\nat = 2\nhost = "h1"\ncommand = ["true"]',
            "11:3: `h1` is killed at 1 s",
        ),
    ],
)
def test_a_mistake_of_a_whole_table_is_shown_at_that_table(
    second: str, expected: str, tmp_path: Path, mesh: Testbed
) -> None:
    (found,) = findings(f'[[cut]]\nat = 1\nlink = "l1"\n{second}\n', tmp_path, mesh)
    assert found.startswith(expected)


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ('[[change]]\nfrom = 1\nto = 9\nlink = "l1"\ndelay = "1ms"',) * 2 + ("delay",),
        (
            '[[change]]\nfrom = 1\nto = 9\nlink = "l1"\ndelay = "1ms"',
            '[[change]]\nat = 5\nlink = "l1"\nrtt = "9ms"',
            "delay",
        ),
        ('[[cut]]\nat = 1\nlink = "l1"', '[[cut]]\nfrom = 5\nto = 6\nlink = "l1"', "state"),
        (
            '[[cut]]\nfrom = 1\nto = 9\nsilent = true\nlink = "l1"',
            '[[change]]\nat = 5\nlink = "l1"\nloss = "1%"',
            "loss",
        ),
        (
            '[[trace]]\nat = 1\nlink = "l1"\nbandwidth = "one.trace"\ndirection = "back"',
            '[[change]]\nat = 5\nlink = "l1"\nbandwidth = 5',
            "bandwidth",
        ),
        ('[[kill]]\nat = 1\nhost = "h1"', '[[kill]]\nat = 9\nhost = "h1"', "power"),
        (
            '[[cpus]]\nat = 1\nhost = "h1"\ncpus = 0.5\nfor = "1s"\nevery = "2s"',
            '[[cpus]]\nat = 9\nhost = "h1"\ncpus = 0.5',
            "number of cpus",
        ),
    ],
)
def test_two_events_that_set_one_thing_at_one_time_are_refused(
    first: str, second: str, what: str, tmp_path: Path, mesh: Testbed
) -> None:
    (tmp_path / "one.trace").write_text("1\n")
    (found,) = findings(f"{first}\n{second}\n", tmp_path, mesh)
    assert f"the {what}" in found
    assert "at the same time" in found


def test_changes_one_after_the_other_are_fine(tmp_path: Path, mesh: Testbed) -> None:
    text = "".join(f'[[change]]\nat = {at}\nlink = "l1"\nbandwidth = {at + 1}\n' for at in range(5))
    text += '[[change]]\nfrom = 5\nto = 6\nlink = "l1"\nbandwidth = 9\n'
    text += '[[change]]\nat = 6\nlink = "l1"\nbandwidth = 9\n'
    text += "".join(f'[[cpus]]\nat = {at}\nhost = "h1"\ncpus = 0.5\n' for at in range(2))
    assert len(read_scenario(Source(str(tmp_path / "storm.toml"), text), mesh).events) == 9


def test_a_command_on_a_killed_host_and_a_trace_of_a_duplicating_link_are_refused(
    tmp_path: Path, mesh: Testbed
) -> None:
    (tmp_path / "one.trace").write_text("1\n")
    killed = '[[kill]]\nfrom = 1\nto = 5\nhost = "h1"\n[[start]]\nat = 4\nhost = "h1"\ncommand = ["true"]'
    assert findings(killed, tmp_path, mesh) == ["5:3: `h1` is killed at 1 s, and starts nothing then"]
    doubling = (
        '[[change]]\nat = 9\nlink = "l1"\nduplicate = "1%"\n[[trace]]\nat = 0\nlink = "l1"\nbandwidth = "one.trace"'
    )
    (found,) = findings(doubling, tmp_path, mesh)
    assert "duplicate" in found


TRACE = '[[trace]]\nat = 0\nlink = "l3"\n'


@pytest.mark.parametrize(
    ("attribute", "content", "expected"),
    [
        ("bandwidth", "1\n2\nx\n", "t.txt:3:1: `x` is not a time"),
        ("bandwidth", "1\n\n2\n", "t.txt:2:1: `` is not a time"),
        ("bandwidth", "5\n4\n", "t.txt:2:1: the trace goes back in time"),
        ("bandwidth", "0\n0\n", "t.txt:1:1: a trace must last"),
        ("bandwidth", "", "t.txt:1:1: a trace must last"),
        ("bandwidth", "99999999999\n", "t.txt:1:1: `99999999999` is not a time"),
        ("delay", "0,5\n1;6\n", "t.txt:2:1: `1;6` is not a time in seconds, a comma and a delay in ms"),
        ("delay", "0,5\n0,6\n", "t.txt:2:1: the trace goes back in time"),
        ("delay", "0,5\n1,-6\n", "t.txt:2:1: `1,-6` is not a time"),
        ("delay", "0,5\n1,1e999999999\n", "t.txt:2:1: "),
        ("delay", "0,5\n1,61000\n", "t.txt:2:1: a delay lasts at most 60,000 ms"),
        ("delay", "5,5\n", "t.txt:1:1: a trace of delays has two lines or more"),
    ],
)
def test_a_mistake_in_a_trace_has_its_place_there(
    attribute: str, content: str, expected: str, tmp_path: Path, mesh: Testbed
) -> None:
    (tmp_path / "t.txt").write_text(content)
    found = findings(f'{TRACE}{attribute} = "t.txt"', tmp_path, mesh)
    assert any(item.startswith(expected) for item in found), found
    assert any("the trace `t.txt` cannot be used" in item for item in found)


@pytest.mark.parametrize("file", ["../secret", "/etc/passwd", "", "link.trace", "a\\u0000b"])
def test_a_trace_is_below_the_folder_of_the_scenario(file: str, tmp_path: Path, mesh: Testbed) -> None:
    (tmp_path / "link.trace").symlink_to("/etc/passwd")
    (found,) = findings(f'{TRACE}bandwidth = "{file}"', tmp_path, mesh)
    assert found.startswith("4:13: ")
    assert "is not below the folder of this file" in found


def test_a_trace_that_ends_too_early_must_repeat(tmp_path: Path, mesh: Testbed) -> None:
    (tmp_path / "t.txt").write_text("500\n1000\n")
    text = '[[trace]]\nfrom = 0\nto = 2\nlink = "l3"\nbandwidth = "t.txt"\n'
    (found,) = findings(f"{text}repeat = false", tmp_path, mesh)
    assert found == "5:13: the trace ends after 1 s, before `to`: let it `repeat`"
    assert read_scenario(Source(str(tmp_path / "storm.toml"), text), mesh).end_ns == 2 * 10**9


def test_a_direction_that_is_not_there_is_refused_by_the_names_of_the_ends(tmp_path: Path, mesh: Testbed) -> None:
    (tmp_path / "t.txt").write_text("1\n")
    (found,) = findings(f'{TRACE}bandwidth = "t.txt"\ndirection = "up"', tmp_path, mesh)
    assert found == ('5:13: this link has no such direction: write "there" (from h1 to h4), "back" or "both"')


def test_events_and_lines_of_traces_are_bounded(tmp_path: Path, mesh: Testbed) -> None:
    many = "".join(f'[[change]]\nat={at}\nlink="l1"\nbandwidth=9\n' for at in range(MOST_EVENTS + 1))
    assert any(f"at most {MOST_EVENTS:,} events" in item for item in findings(many, tmp_path, mesh))
    (tmp_path / "t.txt").write_text("999\n" * (MOST_LINES - 1) + "1000\n")
    text = f'{TRACE}bandwidth = "t.txt"'
    (event,) = read_scenario(Source(str(tmp_path / "storm.toml"), text), mesh).events
    assert event.trace is not None
    assert len(event.trace.times_us) == MOST_LINES
    (tmp_path / "t.txt").write_text("1\n" * (MOST_LINES + 1))
    assert any("a trace has at most 1,000,000 lines" in item for item in findings(text, tmp_path, mesh))
    (tmp_path / "t.txt").write_bytes(b"1\n" * 10**7)
    assert any("more than 16 MiB" in item for item in findings(text, tmp_path, mesh))


@pytest.mark.parametrize(
    ("attribute", "content", "expected"),
    [
        ("bandwidth", "1\n" * 1001, "4:13: a trace of bandwidth that repeats has at most 1,000,000 lines a second"),
        ("delay", "0,5\n0.000001,5\n", "4:9: a trace of delay that repeats has at most 1,000 lines a second"),
        ("delay", "0,5\n0.0009,6\n", "4:9: a trace of delay that repeats has at most 1,000 lines a second"),
    ],
)
def test_a_trace_that_repeats_has_few_steps_a_second(
    attribute: str, content: str, expected: str, tmp_path: Path, mesh: Testbed
) -> None:
    (tmp_path / "t.txt").write_text(content)
    text = f'{TRACE}{attribute} = "t.txt"\n'
    assert findings(text, tmp_path, mesh) == [expected]
    assert read_scenario(Source(str(tmp_path / "storm.toml"), f"{text}repeat = false"), mesh).events


def test_the_steps_of_all_traces_until_the_end_are_bounded(tmp_path: Path, mesh: Testbed) -> None:
    (tmp_path / "t.txt").write_text("0,5\n0.001,6\n0.002,5\n")  # two steps each 2 ms
    for until, is_refused in (("end = 10000\n", False), ("end = 10001\n", True), ("", False)):
        text = f'{until}{TRACE}delay = "t.txt"\n'
        if is_refused:
            (found,) = findings(text, tmp_path, mesh)
            assert "the traces of a scenario have at most 10,000,000 lines together until its end" in found
        else:
            assert read_scenario(Source(str(tmp_path / "storm.toml"), text), mesh).events


def test_no_trace_is_read_beyond_a_bound(tmp_path: Path, mesh: Testbed, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(path: Path) -> Source:
        read.append(path.name)
        return read_source(path)

    monkeypatch.setattr("gtsdsl.scenario.traces.read_source", noted)

    def told(names: list[str], text: str) -> list[str]:
        read.clear()
        for name in names:
            (tmp_path / name).write_text(text)
        tables = "".join(f'[[trace]]\nat = 0\nlink = "l3"\nbandwidth = "{name}"\n' for name in names)
        return findings(tables, tmp_path, mesh)

    assert sum("x.t:1:1:" in item for item in told(["x.t"] * 25, "bad\n")) == 1
    assert read == ["x.t"]
    assert sum("no other trace is read" in item for item in told([f"{i}.t" for i in range(9)], "bad\n")) == 6
    assert read == ["0.t", "1.t", "2.t"]
    large = "999\n" * 600_000 + "1000\n"
    assert sum("1,000,000 lines together" in item for item in told([f"{i}.t" for i in range(9)], large)) == 8
    assert read == ["0.t", "1.t"]
    count = MOST_EVENTS + 1
    assert told(["0.t"] * count, "1000\n") == [f"4001:3: a scenario has at most 1,000 events, not {count:,}"]
    assert not read


def test_the_timeline_says_that_a_scenario_without_an_end_waits_for_its_commands(tmp_path: Path, mesh: Testbed) -> None:
    start = '[[start]]\nat = 3\nhost = "h1"\ncommand = ["true"]\n'
    for text, last in ((start, "3 s  end, when the commands have ended"), (f"end = 5\n{start}", "5 s  end")):
        *_, line = timeline_lines(read_scenario(Source(str(tmp_path / "storm.toml"), text), mesh))
        assert line.strip() == last


def test_without_a_topology_only_names_go_unchecked(tmp_path: Path) -> None:
    text = '[[cut]]\nat = 1\nlink = "anything"\n'
    assert read_scenario(Source(str(tmp_path / "storm.toml"), text)).events[0].subject == "anything"
