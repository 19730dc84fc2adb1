"""A store on a host of a network with delays, measured in the virtual clock of a guest."""

from __future__ import annotations

import json
from pathlib import Path

from tests.emulator import guest_scenarios
from tests.emulator.play import script_of
from tests.emulator.samples import Cli

ELECTION_S = 1.0
"""After how long without a leader an etcd elects one, at the latest: its `--election-timeout`. Its programmers let it
skip all but one of the ten ticks if it is alone, at an instant that a random number decides."""


def test_a_store_in_a_host_is_quick_and_as_far_away_as_the_host(emulate: Cli, tmp_path: Path) -> None:
    done = emulate("--script", str(script_of(guest_scenarios.use_a_store_in_a_host, tmp_path)))
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["ready"] <= ELECTION_S
    # the circuit's round trip, because the connection is there already; etcd reads the clock, which takes time of it
    assert 0.0362 <= seen["put"] < 0.0365
    assert seen["watch"] == "the store at 100.64.0.2:2379: the watch is broken: connection timed out"
    assert 2 < seen["noticed"] < 6
    assert seen["request"].startswith("the store at 100.64.0.2:2379: ")
    assert seen["gave up"] <= 5.1
    assert seen["back"] == "2"
    assert seen["event"] == [["delete", "/leased"]]
    assert 9 < seen["ended"] < 11
    assert seen["again"] <= ELECTION_S
    assert seen["version 2"]["action"] == "get"  # of the API, which Docker speaks
    assert seen["died"].startswith("etcd on h2 was ended by signal 9: ")
