"""The workload `streaming`: real streams in guests, and what it says before anything runs."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from emulator.bench.cells import Matrix, cells_of
from emulator.options import OverlayOptions
from emulator.plan import Options
from emulator.workloads import streaming, workload
from emulator.workloads.model import Setting, WorkloadRequest
from emulator.workloads.rtsp import video
from emulator.workloads.rtsp.gst_server import Installation
from gtsdsl import load
from tests.emulator.samples import PAIR, Cli

ROUND_TRIP_MS = 36.2
THIN = PAIR.replace('id = "l1";', 'id = "l1"; bandwidth = 20;')
"""A circuit of 20 Mbit/s, whose queue holds 131 packets."""
FRAMES_PER_S = 25


@pytest.fixture
def streams() -> None:
    """This machine has what streaming needs, else the test is skipped."""
    if lacks := list(workload("streaming").lacks(request())):
        pytest.skip("; ".join(lacks))


def request(duration_s: float = 10.0, **settings: str) -> WorkloadRequest:
    found = tuple(Setting(name, value) for name, value in settings.items())
    return WorkloadRequest("streaming", ("h1", "h2"), settings=found, duration_s=duration_s)


def cells(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "results.json").read_text())["cells"]
    return found


def frames_bytes(file: Path) -> list[int]:
    """Return the sizes of a video's frames, by the box ``stsz`` of its file (ISO/IEC 14496-12, 8.7.3)."""
    content = file.read_bytes()
    begin = content.index(b"stsz") + 4
    _, common, count = struct.unpack_from(">III", content, begin)
    assert common == 0
    return list(struct.unpack_from(f">{count}I", content, begin + 12))


def figures(cell: dict[str, Any]) -> dict[str, float]:
    return {item["name"]: item["value"] for item in cell["measured"]["figures"]}


@pytest.mark.usefixtures("guest_kernel", "streams")
def test_each_client_gets_the_video_and_two_runs_are_the_same(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    command = ["bench", str(pair), "--overlays", "geneve", "--workloads", "streaming", "--duration", "1.5"]
    settings = ["--setting", "streaming.clients=1,2", "--setting", "streaming.server=second"]
    for name, levels in {"first": ["--hosts-too"], "second": []}.items():
        done = gtsdsl(*command, *settings, *levels, "-o", str(tmp_path / name))
        assert done.returncode == 0, done.stderr
    found = cells(tmp_path / "first")
    assert cells(tmp_path / "second")[0]["measured"] == found[1]["measured"]
    assert [(cell["level"], cell["measured"]["remarks"][0]) for cell in found] == [
        ("hosts", "h2 in MIL serves, h1 in AMS receives"), ("containers", "c2 in MIL serves, c1 in AMS receives"),
    ]  # fmt: skip
    sizes = frames_bytes(video.pattern(1.5))  # another version of ffmpeg makes other ones
    rate_kbps = sum(sizes[: round(1.5 * FRAMES_PER_S)]) * 8 / 1.5 / 1000
    first_ms = sizes[0] * 8 / 1e6  # at 1 Gbit/s
    for cell in found:
        measured = figures(cell)
        assert (measured["clients.2.packets_lost"], measured["clients.2.queue_drops"]) == (0, 0)
        assert measured["clients.2.packets_sent"] == 2 * measured["clients.1.packets_sent"]
        assert measured["clients.1.bitrate"] == pytest.approx(rate_kbps, rel=0.02)
        # the connection, OPTIONS, DESCRIBE, SETUP, PLAY; then the first frame, which is complete
        earliest_ms = 5 * ROUND_TRIP_MS + first_ms
        assert earliest_ms < measured["clients.1.first_frame"] < earliest_ms + 0.3
        assert 0 < measured["clients.1.jitter"] < 0.05
        bitrates = {item["name"]: item["values"] for item in cell["measured"]["series"]}["clients.2.bitrate"]
        assert len(bitrates) == 2


@pytest.mark.usefixtures("guest_kernel", "streams")
def test_the_clients_miss_exactly_what_the_queue_has_dropped(gtsdsl: Cli, tmp_path: Path) -> None:
    path = tmp_path / "thin.dsl"
    path.write_text(THIN)
    command = ["bench", str(path), "--overlays", "none", "--workloads", "streaming", "--duration", "1.6"]
    # ten clients at once: their complete frames, 18 packets each, do not fit in the queue together
    settings = ["--setting", "streaming.clients=10", "--setting", "streaming.ramp_ms=0"]
    done = gtsdsl(*command, *settings, "-o", str(tmp_path / "report"))
    assert done.returncode == 0, done.stderr
    (cell,) = cells(tmp_path / "report")
    measured = figures(cell)
    drops, lost = (int(measured[f"clients.10.{name}"]) for name in ("queue_drops", "packets_lost"))
    assert lost > 10
    # the queue may drop some packets of RTSP and RTCP, and a remark says so
    assert 0 <= drops - lost <= 20
    told = f"dropped {drops} packets, and the clients miss {lost} of the video and "
    assert any(told in remark for remark in cell["measured"]["remarks"]) == (drops != lost)
    part = 100 * lost / measured["clients.10.packets_sent"]
    assert measured["clients.10.lost"] == pytest.approx(part, abs=1e-4)
    assert measured["clients.10.failed"] == 0


def test_a_missing_server_is_named_with_the_command_that_adds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = Installation("", (), ("gir1.2-gst-rtsp-server-1.0", "python3-gi"))
    monkeypatch.setattr(streaming, "installation", lambda: lacking)
    monkeypatch.setattr(video, "find_program", lambda _: None)
    monkeypatch.setattr(video, "cache_folder", lambda: Path("/nonexistent"))
    assert list(workload("streaming").lacks(request())) == [
        "the RTSP server of streaming is missing: apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi",
        "streaming: ffmpeg is missing: apt-get install ffmpeg",
    ]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (request(3601.0), "streaming: its video lasts at most 3600 s: set a shorter --duration"),
        (request(video="/etc"), "streaming: /etc cannot be read: Is a directory"),
        (request(video="/etc/passwd"), "streaming: /etc/passwd is damaged, or not an MP4 file"),
    ],
)
def test_a_video_that_cannot_be_streamed_is_named(
    monkeypatch: pytest.MonkeyPatch, found: WorkloadRequest, message: str
) -> None:
    monkeypatch.setattr(streaming, "installation", lambda: Installation("1.22.0", (), ()))
    assert list(workload("streaming").lacks(found)) == [message]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (Setting("clients", "0"), "streaming.clients: 0 is not between 1 and 256"),
        (Setting("clients", "1,257"), "streaming.clients: 1,257 is not between 1 and 256"),
        (Setting("clients", "two"), "streaming.clients: two is not a whole number"),
        (Setting("server", "third"), "streaming.server: third is none of first, second"),
        (Setting("ramp_ms", "-1"), "streaming.ramp_ms: -1 is not between 0 and 60000"),
        (Setting("client", "1"), "unknown setting streaming.client; did you mean `clients`"),
    ],
)
def test_a_wrong_setting_is_refused(setting: Setting, message: str, pair: Path) -> None:
    matrix = Matrix((OverlayOptions("none"),), ("streaming",), settings={"streaming": (setting,)})
    with pytest.raises(Exception, match=message.replace("(", r"\(")):
        cells_of(load(pair), Options(), matrix)
