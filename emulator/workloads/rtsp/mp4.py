"""The facts about an MP4 file on which a stream depends: the codec of its video, and its duration.

The file may be a stranger's. Only its tables of contents are read, at most `_MOST_BOXES` of them; no program of this
machine opens the file outside the network.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from emulator.system.errors import EmulationError
from gtsdsl.text import printable

MOST_BYTES = 2**31
"""The largest video, 2 GiB: three hours at 1,500 kbit/s. Each key of a cell reads it."""
_MOST_BOXES = 10_000
_BOX, _LARGE_BOX = struct.Struct(">I4s"), struct.Struct(">Q")
_TIMES = {0: struct.Struct(">4x8xII"), 1: struct.Struct(">4x16xIQ")}
"""The clock and the duration in ``mdhd``, by the version of the box (ISO/IEC 14496-12, 8.4.2)."""
_H264 = (b"avc1", b"avc3")


class VideoError(EmulationError):
    """A video cannot be streamed."""


@dataclass(frozen=True, slots=True)
class Video:
    """A video. ``duration_s`` is that of its track in H.264."""

    duration_s: float


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    begin: int
    end: int


def read(path: Path) -> Video:
    """Return the facts about a video.

    Raises:
        VideoError: the file cannot be read, is not a regular file or too large, or has no video in H.264.
    """
    name = printable(str(path), 300)
    try:
        # O_NONBLOCK: to open a pipe must not block
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise VideoError(f"{name} is not a file")
            if found.st_size > MOST_BYTES:
                raise VideoError(f"{name} has more than {MOST_BYTES // 2**30} GiB: cut it to what the run takes")
            durations = list(_durations(file, found.st_size))
    except OSError as error:
        raise VideoError(f"{name} cannot be read: {error.strerror}") from None
    except (ValueError, struct.error):
        raise VideoError(f"{name} is damaged, or not an MP4 file") from None
    if not durations:
        raise VideoError(f"{name} is not an MP4 file with a video in H.264: convert it, as with `ffmpeg -c:v libx264`")
    if not durations[0]:
        raise VideoError(f"{name} does not say its duration, as a fragmented file: write it anew by `ffmpeg -c copy`")
    return Video(durations[0])


def _durations(file: IO[bytes], size: int) -> Iterator[float]:
    """Yield the duration of each track in H.264, in seconds."""
    left = [_MOST_BOXES]
    for movie in _boxes(file, _Box(b"", 0, size), b"moov", left):
        for track in _boxes(file, movie, b"trak", left):
            for media in _boxes(file, track, b"mdia", left):
                if any(kind in _H264 for kind in _codecs(file, media, left)):
                    for header in _boxes(file, media, b"mdhd", left):
                        yield _duration_s(file, header)


def _codecs(file: IO[bytes], media: _Box, left: list[int]) -> Iterator[bytes]:
    for information in _boxes(file, media, b"minf", left):
        for table in _boxes(file, information, b"stbl", left):
            for description in _boxes(file, table, b"stsd", left):
                entry = _read(file, description.begin + 8, _BOX.size)  # after the version and the number of entries
                yield _BOX.unpack(entry)[1]


def _duration_s(file: IO[bytes], header: _Box) -> float:
    version = _read(file, header.begin, 1)[0]
    times = _TIMES.get(version)
    if times is None:
        raise ValueError(f"version {version} of mdhd")
    clock_hz, ticks = times.unpack(_read(file, header.begin, times.size))
    return float(ticks) / float(clock_hz) if clock_hz else 0.0


def _boxes(file: IO[bytes], parent: _Box, kind: bytes, left: list[int]) -> Iterator[_Box]:
    """Yield the boxes of a kind in another box; ``left`` has the number of boxes that may still be read."""
    at = parent.begin
    while at + _BOX.size <= parent.end:
        left[0] -= 1
        if left[0] < 0:
            raise ValueError(f"more than {_MOST_BOXES} boxes")
        size, found = _BOX.unpack(_read(file, at, _BOX.size))
        begin = at + _BOX.size
        if size == 1:
            (size,) = _LARGE_BOX.unpack(_read(file, begin, _LARGE_BOX.size))
            begin += _LARGE_BOX.size
        end = parent.end if size == 0 else at + size
        if not begin <= end <= parent.end:
            raise ValueError("a box is larger than the one around it")
        if found == kind:
            yield _Box(found, begin, end)
        at = end


def _read(file: IO[bytes], at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)
