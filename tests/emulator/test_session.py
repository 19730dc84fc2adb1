"""`emulator.emulate` and the pytest plugin: a network that a Python program works in."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator import Session, emulate
from emulator.kernel.cache import Kernel
from emulator.system.errors import EmulationError
from gtsdsl.diagnostics import GtsError
from tests.emulator.samples import PAIR


@pytest.fixture(scope="module")
def net(guest_kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    assert guest_kernel
    path = tmp_path_factory.mktemp("topology") / "pair.dsl"
    path.write_text(PAIR)
    with emulate(path) as network:
        yield network


def test_a_command_gives_what_subprocess_gives(net: Session) -> None:
    done = net["h1"].run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_hosts_reach_each_other_by_name(net: Session) -> None:
    assert "36.2 ms" in net["h1"].run(["ping", "-c", "2", "h2"], check=True).stdout


def test_check(net: Session) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        net["h1"].run(["false"], check=True)


def test_arguments_arrive_as_they_are(net: Session) -> None:
    for word in ("", " ", "a b", "'", '"', "$(id)", "\n", "é", "-n", "*"):
        assert net["h2"].run(["printf", "%s", word]).stdout == word


def test_cmd_is_for_a_shell(net: Session) -> None:
    assert net.get("h1").cmd("echo $((6 * 7)); echo err >&2") == "42\nerr\n"


def test_hosts_are_listed(net: Session) -> None:
    assert [host.name for host in net.hosts] == ["h1", "h2"]


def test_a_host_that_is_not_there(net: Session) -> None:
    with pytest.raises(KeyError, match="unknown host h3"):
        net["h3"]


def test_a_timeout_is_in_the_networks_clock(net: Session) -> None:
    before_ns = net.time_ns()
    with pytest.raises(subprocess.TimeoutExpired):
        net["h1"].run(["sleep", "10000"], timeout_s=100)
    assert 100 <= (net.time_ns() - before_ns) / 1e9 < 100.1


def test_a_server_runs_until_it_is_stopped(net: Session) -> None:
    server = net["h2"].start(["python3", "-m", "http.server", "80"])
    net.sleep(1)
    fetch = "import urllib.request as it; print(it.urlopen('http://h2').status)"
    assert net["h1"].run(["python3", "-c", fetch], timeout_s=30).stdout == "200\n"
    done = server.stop()
    assert done.returncode == -15
    assert "GET / HTTP" in done.stderr
    with pytest.raises(EmulationError, match="waited for already"):
        server.wait()


def test_the_clock_stands_still_between_requests(net: Session) -> None:
    before_ns = net.time_ns()
    time.sleep(0.5)
    assert net.time_ns() - before_ns < 1_000_000


def test_circuits_are_measured_and_changed(net: Session) -> None:
    (before,) = net.probe()
    assert [it.family for it in net.probe(family="both")] == [4, 6]
    for item in (before, *net.probe(family=6)):  # each direction, too
        for way in (item.there, item.back):
            assert way.error_us is not None
            assert abs(way.error_us) <= 5
    net.link("l1", "rtt", "50ms")
    (slow,) = net.probe()
    assert slow.measured_us == pytest.approx(50_001.568, abs=5)
    net.link("l1", "down")
    assert net["h1"].run(["ping", "-c", "1", "-W", "1", "h2"]).returncode != 0
    net.link("l1", "up")
    net.link("l1", "rtt", "36.2ms")
    (after,) = net.probe()
    assert after.expected_us == before.expected_us
    assert after.error_us is not None
    assert abs(after.error_us) <= 5


@pytest.mark.parametrize(("circuit", "word"), [("l2", "down"), ("l1", "sideways"), ("", "up"), ("$(id)", "up")])
def test_a_change_that_makes_no_sense_is_an_error_and_the_network_runs_on(
    net: Session, circuit: str, word: str
) -> None:
    with pytest.raises(EmulationError):
        net.link(circuit, word)
    assert net["h1"].run(["true"]).returncode == 0


def test_a_topology_with_errors(tmp_path: Path) -> None:
    path = tmp_path / "bad.dsl"
    path.write_text('Bad { id = "B"; adjacency h1.p, h2.p }')
    with pytest.raises(GtsError), emulate(path):
        pass


@pytest.mark.parametrize(
    ("overlay", "renamed", "message"),
    [
        ("none", {"containers": 500}, "500 containers on each host"),
        ("none", {"overlay_network": "x"}, "the containers' network x: "),
        ("none", {"store": "h1"}, "keeps nothing in a store"),
        ("geneve", {"runtime": "other"}, "no containers of the runtime other"),
        (None, {"image_map": {"none.qcow2": "none.tar"}}, "none.qcow2"),
    ],
)
def test_the_keywords_of_version_0_1_are_aliases(
    tmp_path: Path, overlay: str | None, renamed: dict[str, Any], message: str
) -> None:
    (tmp_path / "pair.dsl").write_text(PAIR)
    with (
        pytest.warns(DeprecationWarning, match=rf"{next(iter(renamed))}: use overlay=Over") as warned,
        pytest.raises(EmulationError, match=message),
        emulate(tmp_path / "pair.dsl", overlay=overlay, **renamed),
    ):
        pass
    assert warned[0].filename == __file__


def test_an_unknown_keyword_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"emulate\(\) has no parameter kernl"), emulate("pair.dsl", kernl="uml"):
        pass


def test_a_scenario_runs_in_the_networks_clock_and_says_what_it_did(guest_kernel: Kernel, tmp_path: Path) -> None:
    assert guest_kernel
    (tmp_path / "pair.dsl").write_text(PAIR)
    (tmp_path / "storm.toml").write_text('[[change]]\nfrom = 5\nto = 9\nlink = "l1"\ndelay = "50ms"\n')
    with emulate(tmp_path / "pair.dsl", scenario=tmp_path / "storm.toml") as network:
        assert [item.actual_ns for item in network.happenings()] == [None, None]
        assert "36.2 ms" in network["h1"].run(["ping", "-c", "2", "h2"], check=True).stdout
        network.sleep(5)
        assert "100 ms" in network["h1"].run(["ping", "-c", "2", "h2"], check=True).stdout
        begin, end = network.happenings()
        assert (begin.text, end.actual_ns) == ("l1: delay 50ms", None)
        assert begin.actual_ns is not None
        assert 0 <= begin.actual_ns - 5 * 10**9 < 2_000


def test_a_scenario_of_another_topology_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pair.dsl").write_text(PAIR)
    (tmp_path / "storm.toml").write_text('[[cut]]\nat = 5\nlink = "l7"\n')
    with (
        pytest.raises(GtsError, match="has no link `l7`"),
        emulate(tmp_path / "pair.dsl", scenario=tmp_path / "storm.toml"),
    ):
        pass
