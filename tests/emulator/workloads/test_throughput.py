"""The workload `throughput`: what the circuit and the overlay allow, exact in the virtual clock."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.system.errors import EmulationError
from emulator.tools.choice import UsedTool
from emulator.workloads import netperf, throughput, workload
from emulator.workloads.model import Setting, WorkloadRequest
from tests.emulator.samples import ROOT, Cli

AMS_BRA = ROOT / "examples" / "point_to_point" / "ams_bra.dsl"


def settings(**values: str) -> list[str]:
    return [word for name, value in values.items() for word in ("--setting", f"throughput.{name}={value}")]


def measure(gtsdsl: Cli, file: Path, output: Path, *arguments: str) -> tuple[list[str], dict[str, Any]]:
    """Measure throughput between two hosts; return the errors, and the result of the cell."""
    done = gtsdsl("bench", str(file), "--workloads", "throughput", *arguments, "-o", str(output))
    (cell,) = json.loads((output / "results.json").read_text())["cells"]
    return [line for line in done.stderr.splitlines() if line.startswith("error: ")], cell["measured"]


def figures(measured: dict[str, Any]) -> dict[str, Any]:
    return {item["name"]: item["value"] for item in measured["figures"]}


def series(measured: dict[str, Any]) -> dict[str, list[float]]:
    return {item["name"]: item["values"] for item in measured["series"]}


@pytest.mark.usefixtures("guest_kernel")
def test_rates_are_what_the_circuit_and_the_overlay_allow(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    chosen = settings(udp_rates_mbps="100,100.0,1000,2000", udp_duration_s="1.5")
    errors, measured = measure(gtsdsl, pair, tmp_path / "report", "--overlays", "geneve", "--duration", "2", *chosen)
    assert errors == []
    found, parts = figures(measured), series(measured)
    assert found["tcp.limit"] == round(1000 * 1398 / 1514, 3)
    assert found["udp.limit"] == round(1000 * 1422 / 1514, 3)
    first, second = parts["tcp.received"]
    assert 0.6 * found["tcp.limit"] < first < 0.8 * found["tcp.limit"]  # the window has to grow first
    assert second == pytest.approx(found["tcp.limit"], rel=0.001)
    assert parts["tcp.retransmissions"] == [0, 0]
    assert (found["udp.100M.received"], found["udp.100M.lost"]) == (pytest.approx(100, rel=0.001), 0)
    # a sender that overruns the circuit's queue: the receiver gets what the circuit allows, and the rest is lost
    assert parts["udp.1000M.received"] == [pytest.approx(found["udp.limit"], rel=0.0005)]
    # the whole time ends with iperf's last datagram, which the queue may drop: iperf sends it again after 250 ms
    assert 0.75 * found["udp.limit"] < found["udp.1000M.received"] <= 1.0005 * found["udp.limit"]
    (early,), whole, overrun = parts["udp.1000M.lost"], found["udp.1000M.lost"], 100 - found["udp.limit"] / 10
    assert 1 < early < whole < overrun  # the queue is full after some time, and then all of the overrun is lost
    assert whole == pytest.approx((early + overrun / 2) / 1.5, abs=0.3)
    assert [len(parts[f"udp.100M.{name}"]) for name in ("received", "lost", "jitter")] == [1, 1, 1]
    assert measured["remarks"] == [
        "TCP's congestion control is cubic",
        "UDP at 2000 Mbit/s is left out, because the circuit has 1000 Mbit/s",
    ]


@pytest.mark.usefixtures("guest_kernel", "netperf")
def test_netperf_measures_tcp_the_same_in_each_run(gtsdsl: Cli, tmp_path: Path) -> None:
    chosen = ["--overlays", "none", "--duration", "10", *settings(tool="netperf", protocols="tcp")]
    (errors, first), (_, second) = (measure(gtsdsl, AMS_BRA, tmp_path / name, *chosen) for name in ("first", "second"))
    assert errors == []
    assert first == second
    assert figures(first) == {
        "tcp.received": pytest.approx(942.9, abs=0.1), "tcp.retransmissions": 0, "tcp.limit": 956.407,
    }  # fmt: skip
    assert {*series(first)} == {"tcp.sent"}
    assert "2.7." in first["tools"]["netperf"]
    assert "iperf" not in first["tools"]


@pytest.mark.usefixtures("guest_kernel")
def test_a_datagram_that_does_not_fit_a_packet_is_sent_in_fragments(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    chosen = settings(protocols="udp", udp_rates_mbps="100,950", udp_duration_s="1", udp_payload_bytes="1470")
    errors, measured = measure(gtsdsl, pair, tmp_path / "report", "--overlays", "geneve", "--duration", "1", *chosen)
    assert errors == []
    found = figures(measured)
    assert found["udp.limit"] == round(1000 * 1470 / (1444 + 74 + 2 * 64), 3)
    assert (found["udp.100M.received"], found["udp.100M.lost"]) == (pytest.approx(100, rel=0.001), 0)
    # a datagram is lost if one of its packets is
    assert found["udp.950M.received"] <= found["udp.limit"]
    assert found["udp.950M.lost"] > 4
    assert measured["remarks"] == [
        "a datagram of 1,470 bytes is sent in 2 packets, because of the MTU; "
        "c2 keeps an incomplete one for 1 s, not 30 s"
    ]


@pytest.mark.usefixtures("guest_kernel")
def test_fragments_arrive_however_many_are_lost(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    """With the kernel's own memory for fragments, nothing arrives from the second second on."""
    chosen = settings(protocols="udp", udp_rates_mbps="300", udp_duration_s="3", udp_payload_bytes="1470")
    slow = ["--cpu-model", "study-2016", "--cpus", "0.07", "--overlays", "geneve", "--duration", "3"]
    errors, measured = measure(gtsdsl, pair, tmp_path / "report", *slow, *chosen)
    assert errors == []
    found, parts = figures(measured), series(measured)["udp.300M.received"]
    assert len(parts) >= 3
    assert all(0.5 * found["udp.knee"] < part <= found["udp.knee"] for part in parts)
    assert found["udp.300M.lost"] > 50


@pytest.mark.usefixtures("guest_kernel")
def test_iperf3_measures_where_it_is_asked_for(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    chosen = settings(tool="iperf3", congestion="bbr,reno", streams="2", window_bytes="1000000", udp_rates_mbps="10")
    errors, measured = measure(gtsdsl, pair, tmp_path / "report", "--overlays", "none", "--duration", "1", *chosen)
    assert errors == []
    found = figures(measured)
    # each connection has at most its window on the way: 2 * 1 MB each 36.2 ms
    assert 200 < found["tcp.reno.received"] < 2 * 8 / 0.0362
    assert 200 < found["tcp.bbr.received"] < 2 * 8 / 0.0362
    assert found["udp.10M.received"] == pytest.approx(10, rel=0.05)
    assert measured["tools"].keys() == {"iperf3"}
    assert any("iperf3's receiver counts" in remark for remark in measured["remarks"])


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (
            {"congestion": "cubic,bbrr"},
            "this kernel has no congestion control bbrr; it has reno, bbr, cubic, dctcp, westwood, htcp, vegas; did "
            "you mean `bbr`?",
        ),
        (
            {"window_bytes": "100000000"},
            "a window of 100000000 bytes is more than this kernel allows: at most 33554432 (net.core.rmem_max, "
            "net.core.wmem_max)",
        ),
    ],
)
def test_what_the_guests_kernel_does_not_have_is_named(
    gtsdsl: Cli, pair: Path, tmp_path: Path, chosen: dict[str, str], said: str
) -> None:
    errors, measured = measure(gtsdsl, pair, tmp_path / "report", "--overlays", "none", *settings(**chosen))
    assert errors == [f"error: none AMS-MIL throughput containers 1: {said}"]
    assert measured is None


def request(**values: str) -> WorkloadRequest:
    texts = tuple(Setting(*it) for it in values.items())
    return WorkloadRequest("throughput", ("h1", "h2"), settings=texts)


def test_a_duration_that_is_too_short_is_refused_before_anything_runs() -> None:
    assert list(workload("throughput").lacks(replace(request(), duration_s=0.5))) == [
        "throughput needs a --duration of at least 1 s, because its tools report once a second"
    ]


@pytest.mark.parametrize(
    ("values", "lacking", "expected"),
    [
        ({}, "iperf", ["iperf is missing: apt-get install iperf"]),
        ({"tool": "iperf3"}, "iperf3", ["iperf3 is missing: apt-get install iperf3"]),
        ({"tool": "iperf3"}, "iperf", []),
        ({"tool": "netperf", "protocols": "tcp"}, "iperf", ["netperf is missing: gtsdsl tools build netperf"]),
        (
            {"tool": "netperf"},
            "iperf",
            ["netperf is missing: gtsdsl tools build netperf", "iperf is missing: apt-get install iperf"],
        ),
    ],
)
def test_the_tools_that_measure_must_be_there(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], lacking: str, expected: list[str]
) -> None:
    monkeypatch.setattr(throughput, "find_program", lambda name: None if name == lacking else f"/bin/{name}")
    monkeypatch.setattr(netperf, "used", lambda: None)
    assert list(workload("throughput").lacks(request(**values))) == expected


def test_the_programs_that_measure_are_what_a_cell_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "find_program", lambda name: f"/bin/{name}")
    monkeypatch.setattr(netperf, "used", lambda: UsedTool(("/a/netperf", "/a/netserver"), "2.7.1"))
    found = workload("throughput")
    assert list(found.files(request())) == [Path("/bin/iperf")]
    assert list(found.files(request(tool="netperf"))) == [
        *(Path("/bin/iperf"), Path("/a/netperf"), Path("/a/netserver"))
    ]
    assert list(found.files(request(tool="iperf3"))) == [Path("/bin/iperf3")]


def test_netperf_with_several_connections_is_refused() -> None:
    with pytest.raises(EmulationError, match="throughput: netperf has one connection: set tool to iperf or iperf3"):
        list(workload("throughput").lacks(request(tool="netperf", streams="2")))
