"""A stranger's video: what it must be, and what a file that is none gets."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from emulator.workloads.rtsp import mp4
from emulator.workloads.rtsp.mp4 import VideoError


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def track(codec: bytes, clock_hz: int, ticks: int, version: int = 0) -> bytes:
    header = struct.pack(">4x8xII" if version == 0 else ">4x16xIQ", clock_hz, ticks)
    description = box(b"stsd", struct.pack(">II", 0, 1), box(codec, bytes(70)))
    table = box(b"minf", box(b"vmhd", bytes(12)), box(b"stbl", description))
    return box(b"trak", box(b"tkhd", bytes(84)), box(b"mdia", box(b"mdhd", bytes([version]) + header[1:]), table))


def movie(*tracks: bytes) -> bytes:
    return box(b"ftyp", b"isom") + box(b"mdat", bytes(100)) + box(b"moov", *tracks)


@pytest.mark.parametrize("version", [0, 1])
def test_the_duration_is_that_of_the_track_in_h264(tmp_path: Path, version: int) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(movie(track(b"mp4a", 48_000, 48_000 * 9), track(b"avc1", 12_800, 12_800 * 20, version)))
    assert mp4.read(path).duration_s == 20


def test_a_box_may_have_a_long_size_and_the_last_one_none(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    long_box = struct.pack(">I4sQ", 1, b"mdat", 16 + 5) + bytes(5)
    last = struct.pack(">I4s", 0, b"moov") + track(b"avc1", 1000, 5000)
    path.write_bytes(long_box + last)
    assert mp4.read(path).duration_s == 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an MP4 file with a video in H.264"),
        (b"#EXTM3U\n#EXTINF:10,\n/etc/passwd\n", "is damaged, or not an MP4 file"),
        (movie(track(b"hvc1", 1000, 5000)), "is not an MP4 file with a video in H.264"),
        (movie(track(b"avc1", 1000, 5000))[:-20], "is damaged, or not an MP4 file"),
        (movie(track(b"avc1", 1000, 5000, 1)).replace(b"mdhd\x01", b"mdhd\x07"), "is damaged, or not an MP4 file"),
        (struct.pack(">I4sQ", 1, b"moov", 2**63) + bytes(8), "is damaged, or not an MP4 file"),
        (struct.pack(">I4s", 4, b"moov") + bytes(8), "is damaged, or not an MP4 file"),
        (movie(track(b"avc1", 1000, 0)), "does not say its duration"),
        (movie(track(b"avc1", 0, 1000)), "does not say its duration"),
        (box(b"free") * 20_000, "is damaged, or not an MP4 file"),
    ],
    ids=[
        "empty",
        "a playlist",
        "H.265",
        "cut",
        "version 7",
        "a box beyond the end",
        "a box in itself",
        "a fragmented file",
        "no clock",
        "many boxes",
    ],
)
def test_what_is_no_video_in_h264_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=f"video.mp4 {message}"):
        mp4.read(path)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, message in {
        "pipe": "is not a file",
        ".": "cannot be read: Is a directory",
        "none": "cannot be read: No such file",
    }.items():
        with pytest.raises(VideoError, match=message):
            mp4.read(tmp_path / name)


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    with path.open("wb") as file:
        file.truncate(mp4.MOST_BYTES + 1)
    with pytest.raises(VideoError, match="has more than 2 GiB"):
        mp4.read(path)
