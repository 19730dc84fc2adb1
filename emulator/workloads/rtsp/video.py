"""The video that is streamed: the test pattern, which ffmpeg encodes once into the user's cache, or the user's own."""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
from pathlib import Path

from emulator.system import builds
from emulator.system.folders import cache_folder, make_folder, require_own_cache, umask
from emulator.system.programs import environment, find_program
from emulator.system.text import one_line
from emulator.workloads.rtsp import mp4
from emulator.workloads.rtsp.mp4 import VideoError
from gtsdsl.text import printable

FFMPEG = "ffmpeg"
INSTALL = "apt-get install ffmpeg"
LONGEST_S = 3600.0
"""The longest duration that the test pattern is made for: 690 MB."""
_PATTERN_S = 10
"""The duration of the pattern, which is repeated."""
_SPARE_S = 10
"""The time that the video is longer than a measurement: a client waits until the last packets have arrived."""
# One thread, and no random or dated bytes, so that one version of ffmpeg makes the same file each time. A frame that is
# complete in itself comes each second, and no frame refers to a later one, as a camera sends them.
_ENCODE = (
    *("-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate=25:duration={_PATTERN_S}"),
    *("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "baseline"),
    *("-b:v", "1500k", "-maxrate", "1500k", "-bufsize", "1500k", "-g", "25", "-bf", "0"),
    *("-threads", "1", "-flags", "+bitexact", "-fflags", "+bitexact", "-f", "mp4"),
)
_REPEAT = ("-c", "copy", "-fflags", "+bitexact", "-movflags", "+faststart", "-f", "mp4")
_ONCE, _LOCK, _NEW = "once", "lock", "new"


def pattern(duration_s: float) -> Path:
    """Return the path of the test pattern that is long enough for a measurement; `encode` makes the file.

    Raises:
        EmulationError: the cache cannot be used.
    """
    recipe = json.dumps([_ENCODE, _REPEAT, _repetitions(duration_s)]).encode()
    return _folder() / f"pattern-{hashlib.sha256(recipe).hexdigest()[:16]}.mp4"


def encode(duration_s: float) -> Path:
    """Return the path of the test pattern that is long enough; encode it unless it is in the cache.

    If another process encodes it right now, wait for that.

    Raises:
        VideoError: ffmpeg is missing or fails, or the file cannot be written.
        EmulationError: the cache cannot be used.
    """
    path = pattern(duration_s)
    if require_own_cache(path).exists():
        return path
    program = find_program(FFMPEG)
    if program is None:
        raise VideoError(f"ffmpeg is missing: {INSTALL}")
    try:
        with umask(0o077):  # the user's own umask may take the user's rights, or give rights to others
            make_folder(path.parent)
            lock = os.open(path.parent / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not path.exists():
                    _encode(program, path, _repetitions(duration_s))
            finally:
                os.close(lock)
    except OSError as error:
        raise VideoError(f"{path} cannot be written: {error.strerror}") from None
    return path


def require(own: str, duration_s: float) -> None:
    """Check that a user's own video can be streamed for a duration; or, if ``own`` is empty, that the pattern can.

    Raises:
        VideoError: it cannot; the message says why.
        EmulationError: the cache cannot be used.
    """
    if own:
        found = mp4.read(Path(own))
        if found.duration_s < duration_s:
            raise VideoError(
                f"{printable(own, 300)} lasts {found.duration_s:g} s, a measurement {duration_s:g} s: set --duration"
            )
    elif duration_s > LONGEST_S:
        raise VideoError(f"its video lasts at most {LONGEST_S:g} s: set a shorter --duration")
    elif not pattern(duration_s).exists() and find_program(FFMPEG) is None:
        raise VideoError(f"ffmpeg is missing: {INSTALL}")


def _encode(program: str, path: Path, repetitions: int) -> None:
    """Encode the pattern under another name, and then give the file its own."""
    once, new = path.parent / _ONCE, path.parent / _NEW
    try:
        _run(program, [*_ENCODE, str(once)], path.parent)
        _run(
            program,
            ["-stream_loop", str(repetitions - 1), "-f", "mp4", "-i", str(once), *_REPEAT, str(new)],
            path.parent,
        )
        new.replace(path)
    finally:
        for each in (once, new):
            each.unlink(missing_ok=True)


def _run(program: str, arguments: list[str], folder: Path) -> None:
    command = [program, "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *arguments]
    with builds.running(command, folder, environment(os.environ), None) as process:
        _, errors = process.communicate()
    if process.returncode != 0:
        said = [one_line(line) for line in errors.splitlines() if line.strip()]
        raise VideoError(f"ffmpeg cannot encode the video: {said[-1] if said else f'status {process.returncode}'}")


def _repetitions(duration_s: float) -> int:
    return math.ceil((duration_s + _SPARE_S) / _PATTERN_S)


def _folder() -> Path:
    return cache_folder() / "videos"
