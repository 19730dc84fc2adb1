"""Scenarios in a running network: each event at its time, and what packets, hosts and commands notice of it."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from gtsdsl.data import shipped
from tests.emulator.leftovers import Leftovers, is_soon
from tests.emulator.samples import HANG_S, MESH, Cli
from tests.emulator.scenario import LATE_NS, flood

_FLOOD = Path(flood.__file__)
SCHEMA = json.loads(shipped("docs", "schema", "emulation-result-1.schema.json").read_text())


@pytest.fixture
def storm(gtsdsl: Cli, tmp_path: Path, guest_kernel: object) -> Any:
    """A function that runs a scenario over the mesh of five sites, and returns its part of the result."""
    assert guest_kernel

    def run(text: str, end_s: int | None, *arguments: str, status: int = 0, says: str = "") -> dict[str, Any]:
        (tmp_path / "storm.toml").write_text(text if end_s is None else f"end = {end_s}\n{text}")
        options = ("--scenario", str(tmp_path / "storm.toml"), "--allow-programs", "--json", str(tmp_path / "out.json"))
        done = gtsdsl("emulate", str(MESH), *options, *arguments)
        assert done.returncode == status, done.stderr
        assert says in done.stderr
        document = json.loads((tmp_path / "out.json").read_text())
        Draft202012Validator(SCHEMA).validate(document)
        found: dict[str, Any] = document["scenario"]
        return found

    return run


def start(at: str, host: str, *command: str) -> str:
    """Return the table of a command that starts."""
    return f'[[start]]\nat = "{at}"\nhost = "{host}"\ncommand = {json.dumps(command)}\n'


def flooded(
    at_s: int, seconds: int, interval_us: int, near: str = "h1", far: str = "h2", delay_us: int = 18_100
) -> str:
    """Return the tables of a flood between two hosts, which begins at a second."""
    receive = start(f"{at_s}s", far, "python3", str(_FLOOD), "receive", str(seconds + 2), str(delay_us))
    return receive + start(f"{at_s}s", near, "python3", str(_FLOOD), "send", far, str(seconds), str(interval_us))


def radio(seconds: int) -> list[int]:
    """Return a trace of bandwidth whose rate changes each 100 ms between 1 and 18 Mbit/s, with an outage of 300 ms."""
    draw = random.Random(7)  # noqa: S311 - not for secrets
    times: list[int] = []
    for begin in range(0, 1000 * seconds, 100):
        count = 0 if 1200 <= begin < 1500 else draw.randrange(8, 150)
        times += sorted(draw.randrange(begin + 1, begin + 101) for _ in range(count))
    return [*times, 1000 * seconds]


def test_a_trace_of_bandwidth_is_followed_within_a_percent_of_each_second(storm: Any, tmp_path: Path) -> None:
    times_ms = radio(4)
    (tmp_path / "radio.trace").write_text("".join(f"{time_ms}\n" for time_ms in times_ms))
    trace = '[[trace]]\nat = 0\nlink = "l1"\nbandwidth = "radio.trace"\ndirection = "there"\n'
    found = storm(trace + flooded(1, 6, 500), 10)
    assert found["happenings"][0]["late_ns"] < 1_000_000  # less than the time between two slots
    counts = json.loads(found["commands"][0]["output"])
    wanted = Counter((time_ms + 4000 * turn) // 1000 for turn in range(3) for time_ms in times_ms)
    for second, count in enumerate(counts[1:5], 2):  # the flood begins at 1 s, and the trace repeats after 4 s
        assert abs(count - wanted[second]) <= max(1.0, 0.01 * wanted[second]), (second, counts, wanted)


def pinged(at: str, near: str, far: str) -> str:
    """Return the table of 50 echoes, one each 100 ms."""
    return start(at, near, "ping", "-n", "-i", "0.1", "-c", "50", "-W", "1", far)


def replies_ms(output: str) -> dict[int, float]:
    """Return the round trips of the echoes that were answered, by their numbers from 0 on."""
    found = re.finditer(r"icmp_seq=(\d+) .*time=([0-9.]+) ms", output)
    return {int(match[1]) - 1: float(match[2]) for match in found}


def test_circuits_and_hosts_are_as_the_scenario_says_and_then_as_before(storm: Any) -> None:
    found = storm(
        '[[cut]]\nfrom = 1\nto = 2\nlink = "l1"\nsilent = true\n'
        '[[cut]]\nfrom = 1\nto = 2\nlink = "l10"\n'
        '[[change]]\nfrom = 1\nto = 2\nlink = "l3"\ncorrupt = "100%"\n'
        '[[change]]\nfrom = 3\nto = "4s"\nlink = "l1"\ndelay = "50ms/60ms"\n'
        '[[kill]]\nfrom = "1000001us"\nto = 2\nhost = "h3"\n'
        + pinged("0s", "h1", "h2")
        + pinged("0s", "h1", "h3")
        + pinged("0s", "h1", "h4")
        + pinged("0s", "h4", "h5")
        + start("0s", "h3", "sleep", "1000")
        + start("0s", "h5", "sleep", "1000")
        + start("0s", "h4", "sh", "-c", "exit 7"),
        7,
        status=7,
    )
    # at one time, only what goes down follows what went down before
    late_ns = {item["text"]: item["actual_ns"] - item["asked_ns"] for item in found["happenings"] if item["asked_ns"]}
    assert {text: late for text, late in late_ns.items() if late > LATE_NS}.keys() <= {
        "cut l10",
        "h3 is back",
        "restore l10",
    }, late_ns
    assert [item["error"] for item in found["happenings"]] == [None] * len(found["happenings"])
    assert 1_000_001_000 in [item["asked_ns"] for item in found["happenings"]]
    *pings, killed, endless, failed = found["commands"]
    assert (killed["exit_status"], endless["exit_status"], failed["exit_status"]) == (None, None, 7)
    for end in pings:
        of = replies_ms(end["output"])
        lost = {*range(50)} - of.keys()
        if end["command"][-1] == "h4":  # a wrong bit in the frame's own addresses harms nobody
            assert lost <= {*range(10, 20)}
            assert len(lost) > 5
        else:
            assert lost == {*range(10, 20)}, end["output"]
        if end["command"][-1] == "h2":
            assert {round(of[number]) for number in range(30, 39)} == {110}
            assert {round(of[number], 1) for number in {*of} - {0, *range(29, 41)}} == {36.2}


@pytest.mark.parametrize("routing", ["ospf,hello=1,dead=4", "bgp,hold=9"])
def test_the_routing_protocol_of_a_killed_host_comes_back_with_it(storm: Any, routing: str) -> None:
    found = storm(
        '[[kill]]\nfrom = 2\nto = 20\nhost = "h2"\n'
        + start("15s", "h1", "ping", "-c", "1", "-W", "1", "h2")
        + start("200s", "h1", "ping", "-c", "1", "-W", "1", "h2"),  # a session of BGP may be tried again after 130 s
        202,
        "--routing",
        routing,
        status=2,
    )
    assert [item["error"] for item in found["happenings"]] == [None] * 4
    away, back = found["commands"]
    assert away["exit_status"] == 2, away["output"]
    assert back["exit_status"] == 0, back["output"]


def test_a_change_of_the_bandwidth_keeps_the_packets_that_wait(storm: Any) -> None:
    """Mininet's own change loses packets: its users saw gaps in their plots (mininet 650)."""
    found = storm(
        '[[change]]\nat = 0\nlink = "l1"\nbandwidth = 12.112\n'  # 1,000 packets of 1,514 bytes a second
        '[[change]]\nfrom = 3\nto = "3100ms"\nlink = "l1"\nbandwidth = 3.028\n' + flooded(1, 4, 2_000),
        8,
    )
    counts, sent = (json.loads(end["output"]) for end in found["commands"])
    assert sent > 1900
    assert sum(counts) == sent


def test_the_shell_shows_a_scenario_and_runs_beside_it(tmp_path: Path, guest_kernel: object) -> None:
    assert guest_kernel
    (tmp_path / "storm.toml").write_text('[[cut]]\nat = 2\nlink = "l1"\n[[cut]]\nat = 60\nlink = "l2"\n')

    def shell(lines: str, *options: str) -> str:
        command = [sys.executable, "-m", "gtsdsl", "emulate", str(MESH), "--clock", "virtual", *options]
        return subprocess.run(command, input=lines, capture_output=True, text=True, check=True, timeout=HANG_S).stdout

    lines = "h1 ping -q -c 1 h2\nh1 sleep 3\nscenario\nh1 ping -q -c 1 -W 1 h2\n"
    said = shell(lines, "--scenario", str(tmp_path / "storm.toml"))
    assert " 0% packet loss" in said
    assert "Network is unreachable" in said  # the kernel removes the routes of an interface that is down
    assert re.search(r"^ +2 s  cut l1\n +60 s  cut l2 \(not reached\)$", said, re.MULTILINE), said
    assert "no scenario" in shell("scenario\n")


def test_a_scenario_starts_commands_only_if_the_user_allows_it(gtsdsl: Cli, tmp_path: Path) -> None:
    (tmp_path / "storm.toml").write_text(start("1s", "h1", "true"))
    done = gtsdsl("emulate", str(MESH), "--scenario", str(tmp_path / "storm.toml"))
    assert done.returncode == 2
    assert "starts commands: add --allow-programs if you trust this file" in done.stderr


def test_a_scenario_without_an_end_waits_for_its_commands(storm: Any) -> None:
    found = storm(
        start("1s", "h1", "sh", "-c", "sleep 5; seq 9; exit 3")
        + '[[start]]\nfrom = 1\nto = 2\nhost = "h2"\ncommand = ["sleep", "1000"]\n'
        + '[[kill]]\nat = 3\nhost = "h3"\n'
        + start("4s", "h2", "echo", "last"),
        None,
        status=3,
        says="h1: sh -c sleep 5; seq 9; exit 3 ended with status 3\n  5\n  6\n  7\n  8\n  9\n",
    )
    assert found["end_ns"] == 4 * 10**9
    ends = [(end["exit_status"], end["output"]) for end in found["commands"]]
    assert ends == [(3, "1\n2\n3\n4\n5\n6\n7\n8\n9\n"), (None, ""), (0, "last\n")]


def test_an_event_that_fails_is_in_the_result_and_decides_the_status(storm: Any, tmp_path: Path) -> None:
    """Packets with measured delays that overtake cannot come twice. The scenario alone does not say so."""
    (tmp_path / "samples.csv").write_text("rtt_ms\n36\n37\n39\n")
    found = storm(
        '[[change]]\nat = 0\nlink = "l1"\nloss = "1%"\n[[change]]\nat = 1\nlink = "l1"\nduplicate = "1%"\n',
        2,
        "--delay-from",
        str(tmp_path / "samples.csv"),
        "--order",
        "free",
        status=1,
    )
    assert [item["error"] is None for item in found["happenings"]] == [True, False]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_scenario_that_is_interrupted_leaves_nothing_behind(
    number: signal.Signals, tmp_path: Path, guest_kernel: object
) -> None:
    assert guest_kernel
    left = Leftovers(tmp_path)
    (tmp_path / "storm.toml").write_text("end = 100000\n" + start("0s", "h1", "sleep", "99999"))
    options = ["--scenario", str(tmp_path / "storm.toml"), "--allow-programs", "--clock", "real"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gtsdsl", "emulate", str(MESH), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=left.environment,
    )
    assert is_soon(lambda: bool(left.runs), process)
    time.sleep(3)  # the scenario has probably begun; if it has not, the test is still one
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait(HANG_S) == 128 + number
    assert is_soon(lambda: not left.processes and not left.folders)
