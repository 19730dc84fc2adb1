"""The test pattern in the user's cache: encoded once, by one of several processes, the same each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from emulator.system.programs import find_program
from emulator.workloads.rtsp import mp4, video
from emulator.workloads.rtsp.mp4 import VideoError
from tests.emulator.kernel.standins import put

FFMPEG = find_program("ffmpeg")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gtsdsl" / "videos"


def put_ffmpeg(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program named ffmpeg into a folder, in front of all others."""
    folder.mkdir()
    put(folder / "ffmpeg", f"#!/bin/sh\n{script}\n")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.slow(reason="encodes ten seconds of video twice")
@pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is missing: apt-get install ffmpeg")
def test_two_processes_encode_once_and_a_later_one_the_same(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_ffmpeg(tmp_path / "bin", f'echo started >> "{tmp_path}/log"\nexec "{FFMPEG}" "$@"', monkeypatch)
    script = "from emulator.workloads.rtsp import video; print(video.encode(2.0))"
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    paths = {Path(process.communicate()[0].strip()) for process in both}
    assert (tmp_path / "log").read_text() == "started\n" * 2  # to encode, and to repeat
    (path,) = paths
    assert path == video.pattern(2.0)
    assert {it.name for it in cache.iterdir()} == {path.name, "lock"}
    assert mp4.read(path).duration_s == pytest.approx(20, abs=0.1)  # ten more than needed, in whole repetitions
    content = path.read_bytes()
    assert video.encode(2.0) == path
    path.unlink()
    assert video.encode(2.0).read_bytes() == content


def test_a_failure_of_ffmpeg_is_said_and_leaves_nothing(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_ffmpeg(tmp_path / "bin", "for path; do :; done; echo half > \"$path\"; echo 'no x264' >&2; exit 1", monkeypatch)
    with pytest.raises(VideoError, match=r"^ffmpeg cannot encode the video: no x264$"):
        video.encode(2.0)
    assert [it.name for it in cache.iterdir()] == ["lock"]


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_ffmpeg(tmp_path / "bin", "exit 0", monkeypatch)
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(VideoError, match=r"pattern-[0-9a-f]{16}\.mp4 cannot be written: Not a directory$"):
        video.encode(2.0)


def test_a_longer_measurement_has_another_video() -> None:
    assert video.pattern(10.0) == video.pattern(1.0) != video.pattern(10.1)
