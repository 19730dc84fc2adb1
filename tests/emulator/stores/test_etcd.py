"""A store on a host of a network with delays, measured in the virtual clock of a guest."""

from __future__ import annotations

import json
from pathlib import Path

from emulator.stores import etcd
from tests.emulator import guest_scenarios
from tests.emulator.play import script_of
from tests.emulator.samples import Cli

START_S = 3 * etcd._ELECTION_MS / 1000
"""The longest start of an etcd: it elects itself within two election timeouts, and a third is for all else.

With etcd's own timeout, which is 1 s, the start takes up to 1 s.
"""


def test_a_store_in_a_host_is_quick_and_as_far_away_as_the_host(emulate: Cli, tmp_path: Path) -> None:
    done = emulate("--script", str(script_of(guest_scenarios.use_a_store_in_a_host, tmp_path)))
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["ready"] <= START_S
    # one round trip, because the connection is there already; etcd's threads wait for each other for some time
    assert 0.0362 <= seen["put"] < 0.05
    assert seen["watch"] == "the store at 100.64.0.2:2379: the watch is broken: connection timed out"
    assert 2 < seen["noticed"] < 6
    assert seen["request"].startswith("the store at 100.64.0.2:2379: ")
    assert seen["gave up"] <= 5.1
    assert seen["back"] == "2"
    assert seen["event"] == [["delete", "/leased"]]
    assert 9 < seen["ended"] < 11
    assert seen["again"] <= START_S
    if etcd.installed_version() < etcd.FIRST_WITHOUT_V2:
        assert seen["version 2"]["action"] == "get"  # of the API, which Docker speaks
    assert seen["died"].startswith("etcd on h2 was ended by signal 9: ")
