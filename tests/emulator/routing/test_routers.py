"""Routing by OSPF and BGP: routes, cuts that are seen at once or by a timer, detours, and what reads them."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator import Session, bird, emulate
from emulator.kernel.cache import Kernel
from emulator.routing.routers import bgp_costs, ospf_costs, require_bird
from emulator.system.errors import EmulationError
from gtsdsl.model.routing import Routing
from tests.emulator.kernel.standins import put
from tests.emulator.samples import MESH, Cli

DETOUR_MS = 27.902 + 11.302
"""The round trip from AMS to BRA by PRA."""
DIRECT_MS = 17.402
_QUIET_S = 10.0
"""A host of OSPF announces a change 5 s after the one before, at the earliest (MinLSInterval, RFC 2328)."""
_BACK_S = 130.0
"""BIRD waits for 60 s before it starts a session again that has ended with an error, then for up to 5 s."""
_HOLD_S = 9
_WAKES_S = 3.0
"""BIRD 2.0 removes the routes of a session that a timer has ended when it next wakes up, at least this often."""


@pytest.fixture(scope="module")
def ospf(guest_kernel: Kernel) -> Iterator[Session]:
    assert guest_kernel.virtual_clock
    with emulate(MESH, routing="ospf,hello=1,dead=4") as net:
        yield net


@pytest.fixture(scope="module")
def bgp(guest_kernel: Kernel) -> Iterator[Session]:
    assert guest_kernel.virtual_clock
    with emulate(MESH, routing=f"bgp,hold={_HOLD_S}") as net:
        yield net


def outage_s(net: Session, *words: str, seconds: int, look: Callable[[], object] = lambda: None) -> float:
    """Cut the circuit from AMS to BRA during echoes every 10 ms; return the longest time without answers.

    It is that of the family of addresses which takes longer. Both take the detour, and the circuit again when it is
    repaired. ``look`` is called right after the cut.
    """
    net.sleep(_QUIET_S)
    # with a large buffer, because echoes wait for the MAC address of a neighbour that is gone, and none would be sent
    count = ["-S", "1000000", "-i", "0.01", "-c", str(100 * seconds), "h4"]
    pings = {family: net["h1"].start(["ping", family, "-D", *count]) for family in ("-4", "-6")}
    net.sleep(1.0)
    net.link("l3", *words)
    look()
    outages_s = []
    for ping in pings.values():
        found = re.findall(r"^\[([\d.]+)\] .* time=([\d.]+) ms$", ping.wait().stdout, re.MULTILINE)
        sent_s = [float(received_s) - float(rtt) / 1000 for received_s, rtt in found]
        outages_s.append(max(after_s - before_s for before_s, after_s in itertools.pairwise(sent_s)))
        assert float(found[-1][1]) == pytest.approx(DETOUR_MS, abs=0.01)
    net.link("l3", *(("up",) if words == ("down",) else ("loss", "0%")))
    net.sleep(_BACK_S)
    for family in pings:
        said = net["h1"].run(["ping", family, "-c", "3", "h4"]).stdout
        assert float(re.findall(r"time=([\d.]+) ms", said)[-1]) == pytest.approx(DIRECT_MS, abs=0.01)
    return max(outages_s)


def test_packets_take_the_path_of_least_delay(ospf: Session) -> None:
    lines = ospf["h1"].cmd("ip route show proto bird").splitlines()
    assert [line.strip() for line in lines] == [
        "100.64.0.2 via 10.0.0.5 dev h1-eth2 src 100.64.0.1 metric 32",
        "100.64.0.3 via 10.0.0.3 dev h1-eth1 src 100.64.0.1 metric 32",
        "100.64.0.4 via 10.0.0.5 dev h1-eth2 src 100.64.0.1 metric 32",
        "100.64.0.5 via 10.0.0.7 dev h1-eth3 src 100.64.0.1 metric 32",
    ]


def test_birdc_asks_the_bird_of_its_host(ospf: Session) -> None:
    assert ospf["h1"].cmd("birdc show ospf neighbors").count("Full/PtP") == 8
    for number in (1, 2, 5):
        assert f"Router ID is 100.64.0.{number}\n" in ospf[f"h{number}"].cmd("birdc show status")


def test_ospf_notices_a_circuit_that_is_down_at_its_next_tick(ospf: Session) -> None:
    without_s = outage_s(ospf, "down", seconds=6)
    assert without_s < 1.1


def test_ospf_notices_a_silent_circuit_after_the_dead_interval(ospf: Session) -> None:
    without_s = outage_s(ospf, "loss", "100%", seconds=12)
    assert 3 < without_s < 4 + 2 * 1 + 0.1  # a hello is at most 1 s old at the cut, and a tick may follow another


def test_bgp_prefers_few_hosts_then_little_delay(bgp: Session) -> None:
    assert "100.64.0.2 via 10.0.0.1 dev h1-eth0 src 100.64.0.1 metric 32" in bgp["h1"].cmd("ip route show proto bird")


def test_bgp_notices_a_circuit_that_is_down_at_once(bgp: Session) -> None:
    without_s = outage_s(bgp, "down", seconds=6)
    assert without_s < 0.1


def test_bgp_notices_a_silent_circuit_when_the_hold_timers_of_both_ends_have_ended(bgp: Session) -> None:
    ends_s: list[float] = []

    def read_timers() -> None:
        cut_s = float(bgp["h1"].cmd("date +%s.%N"))
        bgp.sleep(0.1)  # messages that the circuit held at the cut have arrived by then, and start the timer anew
        for host, neighbour in (("h1", "10.0.0.5"), ("h4", "10.0.0.4")):
            read_s, _, shown = bgp[host].cmd("date +%s.%N; birdc show protocols all").partition("\n")
            (session,) = (part for part in shown.split("\nbgp") if re.search(rf" {re.escape(neighbour)}\b", part))
            (left_s,) = re.findall(rf"Hold timer: +([\d.]+)/{_HOLD_S}\b", session)
            ends_s.append(float(read_s) - cut_s + float(left_s))

    without_s = outage_s(bgp, "loss", "100%", seconds=20, look=read_timers)
    # BIRD draws each timer between three quarters of its time and the whole, and a keepalive comes every 3 s
    assert all(0.75 * _HOLD_S - _HOLD_S / 3 < end_s < _HOLD_S + 0.1 for end_s in ends_s)
    assert max(ends_s) - 0.01 < without_s < max(ends_s) + _WAKES_S + 0.05


def test_bfd_notices_a_silent_circuit_after_five_intervals(guest_kernel: Kernel) -> None:
    assert guest_kernel.virtual_clock
    with emulate(MESH, routing="bgp,bfd=100ms") as net:
        assert net["h1"].cmd("birdc show bfd sessions").count(" Up ") == 4
        assert 0.3 < outage_s(net, "loss", "100%", seconds=4) < 0.5 + 0.2


def test_the_costs_are_read_from_the_answers_of_bird() -> None:
    assert ospf_costs(()) == {}
    assert ospf_costs(
        (
            "Table master4:",
            "100.64.0.3/32        unicast [ospf4 00:00:26.102] * I (150/1490) [100.64.0.3]",
            "\tvia 10.0.0.3 on h1-eth1",
            "10.0.0.0/31          unicast [ospf4 00:00:26.102] * I (150/7) [100.64.0.3]",
        )
    ) == {"100.64.0.3": (0, 1490)}
    assert bgp_costs(
        (
            "100.64.0.2/32        unicast [bgp1 00:00:15.143 from 10.0.0.2] * (100) [AS4200000002i]",
            "\tvia 10.0.0.1 on h1-eth0",
            "\tBGP.as_path: 4200000003 4200000002",
            "\tBGP.med: 1810",
        )
    ) == {"100.64.0.2": (2, 1810)}


def test_calico_with_a_bird_of_its_own_is_refused(gtsdsl: Cli) -> None:
    done = gtsdsl("emulate", str(MESH), "--routing", "ospf", "--overlay", "calico:bgp", "--probe")
    assert done.returncode == 2
    assert "two BIRDs remove each other's routes: use calico:vxlan" in done.stderr


def test_a_misspelt_protocol_is_refused_before_anything_starts(gtsdsl: Cli) -> None:
    done = gtsdsl("emulate", str(MESH), "--routing", "osfp", "--probe")
    assert done.returncode == 2
    assert "did you mean `ospf`?" in done.stderr


def test_a_machine_without_bird_is_told_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "some-bird", "#!/bin/sh\necho BIRD version 2.0.12 >&2\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(bird, "PROGRAM", "some-bird")
    require_bird(Routing("ospf"))
    assert bird.version() == "2.0.12"
    monkeypatch.setattr(bird, "PROGRAM", "no-such-bird")
    with pytest.raises(EmulationError, match="--routing ospf: bird is missing: install bird2") as caught:
        require_bird(Routing("ospf"))
    assert caught.value.exit_status == 3


@pytest.mark.usefixtures("guest_kernel")
def test_an_overlay_survives_a_cut_and_its_benchmark_shows_the_detour(gtsdsl: Cli, tmp_path: Path) -> None:
    settings = ["faults=silent_cut", "circuit=AMS-BRA", "fault_s=8"]
    options = [part for text in settings for part in ("--setting", f"convergence.{text}")]
    command = ["bench", str(MESH), "--routing", "ospf,hello=1,dead=4", "--workloads", "convergence", *options]
    done = gtsdsl(*command, "--overlays", "flannel:vxlan", "-o", str(tmp_path / "report"))
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "report" / "results.json").read_text())
    (cell,) = results["cells"]
    values = {item["name"]: item["value"] for item in cell["measured"]["figures"]}
    assert cell["measured"]["remarks"] == []
    assert 3 < values["silent_cut.mended"] < 4 + 2 * 1 + 0.2
    assert values["silent_cut.detour"] == pytest.approx(DETOUR_MS, abs=0.01)
    assert values["silent_cut.back"] < 30
    repeat = gtsdsl("bench", "show", str(tmp_path / "report"), "--cell", cell["key"])
    assert "--routing=ospf,hello=1,dead=4" in repeat.stdout


@pytest.mark.usefixtures("guest_kernel")
def test_two_runs_are_the_same_to_the_byte(gtsdsl: Cli, tmp_path: Path) -> None:
    found = []
    for number in (1, 2):
        path = tmp_path / f"{number}.json"
        command = ["emulate", str(MESH), "--routing", "ospf", "--overlay", "none", "--probe", "--json", str(path)]
        assert gtsdsl(*command).returncode == 0
        result = json.loads(path.read_text())
        found.append(json.dumps([result["probe"], result["overlay"]]))
        pairs = {(pair["first"], pair["second"]): pair for pair in result["overlay"]["pairs"]}
        assert pairs["h1", "h2"]["expected_us"] is None  # by a detour
        assert pairs["h1", "h4"]["circuits"] == ["l3"]
    assert found[0] == found[1]


@pytest.mark.usefixtures("guest_kernel")
def test_the_shell_shows_routes_and_a_circuit_that_comes_up_again() -> None:
    lines = ["link l3 down", "sh sleep 8", "routes h1", "link l3 up", "sh sleep 20", "routes h1", "routes h9"]
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(MESH), "--routing", "ospf"]
    said = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^h1 +100\.64\.0\.4/32 +via (\S+) +h1-eth(\d)  by bird$", said, re.MULTILINE)
    assert found == [("10.0.0.7", "3"), ("10.0.0.5", "2")]
    assert "*** there is no host h9" in said
