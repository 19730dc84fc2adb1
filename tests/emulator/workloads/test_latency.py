"""The workload `latency`: echoes and netperf's transactions, exact in the virtual clock."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from emulator.kernel.cache import Kernel
from emulator.measure.echo import FRAME_BYTES
from emulator.tools.cache import BuiltTool
from emulator.tools.choice import UsedTool, used_tool
from emulator.tools.recipes import NETPERF
from emulator.workloads import netperf as module
from emulator.workloads import workload
from emulator.workloads.model import Setting, WorkloadRequest
from emulator.workloads.statistics import netperf_percentile
from tests.emulator.samples import Cli
from tests.emulator.users import as_user, folder_of

DELAY_US = 36_200
"""The round trip without the time of the bits on the circuit."""
WIRE_US = DELAY_US + 2 * FRAME_BYTES * 8 / 1000
"""The round trip of an echo."""
LATE_US = 5
"""The most by which a measured round trip is longer, because each reading of the clock takes 256 ns."""


def request(*settings: tuple[str, str], duration_s: float = 10.0) -> WorkloadRequest:
    texts = tuple(Setting(*it) for it in settings)
    return WorkloadRequest("latency", ("h1", "h2"), settings=texts, duration_s=duration_s)


def measured(gtsdsl: Cli, pair: Path, output: Path, *arguments: str) -> dict[str, Any]:
    """Measure latency between two hosts; return the result of the cell."""
    command = ["bench", str(pair), "--overlays", "none", "--workloads", "latency", *arguments, "-o", str(output)]
    done = gtsdsl(*command)
    assert done.returncode == 0, done.stderr
    (cell,) = json.loads((output / "results.json").read_text())["cells"]
    found: dict[str, Any] = cell["measured"]
    return found


@pytest.mark.usefixtures("guest_kernel", "netperf")
def test_netperfs_transactions_stand_beside_the_echoes_and_two_runs_are_the_same(
    gtsdsl: Cli, pair: Path, tmp_path: Path
) -> None:
    settings = ["--setting", "latency.tools=echo,udp_rr,tcp_rr", "--setting", "latency.interval_s=0"]
    first, second = (
        measured(gtsdsl, pair, tmp_path / name, *settings, "--duration", "4") for name in ("first", "second")
    )
    assert first == second
    assert "2.7." in first["tools"]["netperf"]
    (series,) = first["series"]
    samples_us = series["values"]
    assert (len(samples_us), series["interval_s"]) == (111, None)  # 4 s are 110.5 round trips
    found = {item["name"]: item["value"] for item in first["figures"]}
    assert found["rtt.sent"] == 111
    assert WIRE_US <= found["rtt.min"] <= found["rtt.median"] <= found["rtt.max"] < WIRE_US + LATE_US
    assert found["rtt.median"] < WIRE_US + 1.5

    udp, tcp = (
        {key: found[f"netperf.{test}.{key}"] for key in ("min", "mean", "p50", "p90", "p99", "max", "stddev", "rate")}
        for test in ("udp_rr", "tcp_rr")
    )
    # netperf cuts to whole us, so nanoseconds, which hang on the machine, decide about a sample
    least, mean, most = udp["min"], udp["mean"], udp["max"]
    assert DELAY_US <= least <= mean <= most <= DELAY_US + LATE_US
    largest = math.sqrt((mean - least) * (most - mean))  # the inequality of Bhatia and Davis
    assert udp["stddev"] <= largest + 0.02
    if most == least + 1:  # with two values, it is an equality
        assert udp["stddev"] == pytest.approx(largest, abs=0.02)
    assert udp["rate"] == pytest.approx(1e6 / udp["mean"], rel=0.01)
    # netperf prints what its histogram makes of constant samples; 4 s are 110.5 of them
    counts = (110, 111)
    assert udp["p99"] in {netperf_percentile([udp["min"]] * count, 0.99) for count in counts}
    assert udp["p50"] in {netperf_percentile([udp["min"]] * count, 0.5) for count in counts}
    assert 36_980 < udp["p99"] < 37_000

    assert DELAY_US <= tcp["min"] <= DELAY_US + LATE_US
    assert tcp["max"] == pytest.approx(2 * tcp["min"], abs=2 * LATE_US)  # the connection takes a round trip, too
    assert tcp["mean"] > udp["mean"] + 100
    assert any("netperf's histogram" in remark for remark in first["remarks"])
    assert any(f"the largest sample is {tcp['max']:g} us" in remark for remark in first["remarks"])
    assert len(first["remarks"]) == 2


@pytest.mark.usefixtures("guest_kernel", "netperf")
def test_netperf_alone_measures_for_its_own_duration(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    settings = ["--setting", "latency.tools=udp_rr", "--setting", "latency.netperf_duration_s=1"]
    found = measured(gtsdsl, pair, tmp_path / "report", *settings, "--duration", "100")
    assert {item["name"].rpartition(".")[0] for item in found["figures"]} == {"netperf.udp_rr"}
    assert found["series"] == []
    # 27 round trips are 26 in the bucket's part: int(0.99 * 27)
    assert {item["name"]: item["value"] for item in found["figures"]}["netperf.udp_rr.p99"] == netperf_percentile(
        [36_201] * 27, 0.99
    )


@pytest.mark.networks
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_an_ordinary_users_guest_runs_the_netperf_that_the_user_built(
    gtsdsl: Cli, guest_kernel: Kernel, netperf: BuiltTool, pair: Path, tmp_path: Path
) -> None:
    """The guest's root is another user, and would not trust the user's cache: it gets the programs' paths."""
    cache = folder_of(65534, tmp_path, guest_kernel)
    kept = Path(netperf.programs[0].path).parent
    shutil.copytree(kept, cache / "gtsdsl" / "tools" / kept.name)
    subprocess.run(["chown", "-R", "65534:65534", str(cache)], check=True)
    output = cache / "report"
    command = ["bench", str(pair), "--overlays", "none", "--workloads", "latency", "--duration", "1"]
    command += ["--setting", "latency.tools=udp_rr", "-o", str(output)]
    own = ["env", f"XDG_CACHE_HOME={cache}", "HOME=/nonexistent"]
    done = gtsdsl(*command, prefix=[*as_user(65534), *own], cwd=Path("/"))
    assert done.returncode == 0, done.stderr
    (cell,) = json.loads((output / "results.json").read_text())["cells"]
    used = used_tool(NETPERF)  # the built one, or this machine's own
    assert used is not None
    assert cell["measured"]["tools"] == {"netperf": used.version}


@pytest.mark.usefixtures("guest_kernel", "netperf")
def test_lost_datagrams_are_no_samples_and_are_told(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    pair.write_text(pair.read_text().replace('link { id = "l1";', 'link { id = "l1"; loss = "2%";'))
    chosen = ["--setting", "latency.tools=udp_rr", "--duration", "10"]
    measured_here = measured(gtsdsl, pair, tmp_path / "report", *chosen)
    found = {item["name"]: item["value"] for item in measured_here["figures"]}
    least, most = found["netperf.udp_rr.min"], found["netperf.udp_rr.max"]
    assert DELAY_US <= least <= most <= DELAY_US + LATE_US  # no sample waited
    assert 5 < found["netperf.udp_rr.rate"] < 25
    assert any("UDP_RR waited for lost datagrams, 1 s each" in remark for remark in measured_here["remarks"])


def test_netperf_is_asked_for_only_where_it_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "used", lambda: None)
    latency = workload("latency")
    assert list(latency.lacks(request())) == []
    assert list(latency.files(request())) == []
    assert list(latency.lacks(request(("tools", "echo,tcp_rr")))) == [
        "netperf is missing: gtsdsl tools build netperf, or measure with --setting latency.tools=echo"
    ]


def test_the_programs_of_netperf_are_part_of_what_a_cell_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "used", lambda: UsedTool(("/a/netperf", "/a/netserver"), "2.7.1, this machine's"))
    latency = workload("latency")
    assert list(latency.files(request())) == []
    asked = request(("tools", "udp_rr"))
    assert list(latency.files(asked)) == [Path("/a/netperf"), Path("/a/netserver")]
    assert [(it.name, it.version) for it in latency.programs(asked)] == [
        ("netperf", "2.7.1, this machine's"), ("netserver", "2.7.1, this machine's"),
    ]  # fmt: skip


def test_more_echoes_than_a_result_keeps_are_refused() -> None:
    latency = workload("latency")
    (said,) = latency.lacks(request(("interval_s", "0.001"), duration_s=1_000_000))
    assert said == (
        "latency would send 1000000000 echoes, and keeps at most 1000000: choose a longer latency.interval_s or a "
        "shorter --duration"
    )
    assert list(latency.lacks(request(("interval_s", "0"), duration_s=1_000_000))) == []
