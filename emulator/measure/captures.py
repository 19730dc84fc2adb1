"""Captures of circuits: into the user's file, or in a guest into a shared file, which is copied to the user's file."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.lab.daemons import Daemon, start_function
from emulator.lab.lab import Lab
from emulator.measure import pcap
from emulator.netlink import namespaces
from emulator.system.errors import EmulationError
from gtsdsl.text import printable

MOST_BYTES = 2**28
"""The largest file of a capture in a guest, in bytes."""

_MOST_FILES = 100
_LIST = "captures.json"
_LIST_BYTES = 2**16
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.pcap")

Reader = Callable[[str, int], bytes | None]
"""Reads a file that a guest left, by its name, up to a number of bytes; returns None if the file is missing."""


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """A circuit, by its id, to capture for the whole run, and the path of the user's file for its packets."""

    circuit: str
    file: str


class Captures:
    """The captures on a lab's circuits; `close` ends them.

    A capture sees its circuit at the circuit's first end. It sees a packet that comes in when the packet arrives, and a
    packet that goes out after the packet's delay, as every capture on Linux does.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._folder: Path | None = None
        self._names: list[str] = []
        self._running: dict[str, tuple[Daemon, str]] = {}

    def leave_in(self, folder: Path) -> None:
        """Write the captures into a folder, because this is a guest; `hand_over` writes the user's files from there."""
        self._folder = folder

    @property
    def is_guest(self) -> bool:
        """Whether the user gets the files only when the run has ended."""
        return self._folder is not None

    @property
    def running(self) -> Iterator[tuple[str, str]]:
        """The circuits that are being captured, each with the name that the user gave the file."""
        return ((circuit, file) for circuit, (_, file) in self._running.items())

    def start(self, circuit: str, file: str) -> None:
        """Start to capture a circuit into a new file of the user's.

        In a guest, the file must be a plain name in the user's working folder, because a guest is not trusted with any
        other.

        Raises:
            EmulationError: the circuit does not exist or is being captured already, or the file cannot be made.
        """
        with _file_errors(file):
            exists = Path(file).exists()
        if exists:
            raise EmulationError(f"{printable(file)} exists already: name a new file")
        if self._folder is None:
            self.start_at(circuit, Path(file), file)
            return
        if not _NAME.fullmatch(file):
            raise EmulationError(
                f"{printable(file)}: a guest's captures become files of your working folder: "
                "give a plain name, as l1.pcap"
            )
        if file in self._names:
            raise EmulationError(f"{file} exists already: name a new file")
        if len(self._names) >= _MOST_FILES:
            raise EmulationError(f"there are {_MOST_FILES} captures already, and a run in a guest keeps no more")
        self.start_at(circuit, self._folder / _named_capture(file), file)
        self._names.append(file)
        (self._folder / _LIST).write_text(json.dumps(self._names))

    def start_all(self, requests: Sequence[CaptureRequest]) -> None:
        """Start the captures of the whole run. A file that exists is overwritten.

        Raises:
            EmulationError: as `start`.
        """
        for number, request in enumerate(requests):
            path = Path(request.file) if self._folder is None else self._folder / _numbered_capture(number)
            self.start_at(request.circuit, path, request.file)

    def start_at(self, circuit: str, path: Path, file: str) -> None:
        """Start to capture a circuit into the file at ``path``, which is overwritten; messages call it ``file``.

        Raises:
            EmulationError: as `start`.
        """
        end = self._lab.circuit(circuit).first
        if circuit in self._running:
            shown = printable(circuit)
            raise EmulationError(f"{shown} is being captured already: capture {shown} stop")
        with _file_errors(file):
            path.write_bytes(pcap.header())
        try:
            with namespaces.entered(self._lab.namespace(end.node)):
                tap = pcap.open_tap(end.name)
        except OSError as error:
            raise EmulationError(f"{printable(circuit, 80)} cannot be captured: {error.strerror}") from None
        with tap:  # the daemon, a fork, has a copy
            absolute, limit_bytes = path.resolve(), MOST_BYTES if self.is_guest else None
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            try:
                daemon = start_function(
                    self._lab, end.node, f"capture-{end.name}", lambda: pcap.record(tap, absolute, limit_bytes)
                )
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._running[circuit] = daemon, file

    def stop(self, circuit: str) -> str:
        """Stop a capture, and return its summary, such as ``12 packets``.

        Raises:
            EmulationError: the circuit is not being captured.
            DaemonError: the capture failed earlier: its folder was removed, or the disk is full.
        """
        if circuit not in self._running:
            raise EmulationError(f"{printable(circuit, 80)} is not being captured")
        daemon, _ = self._running.pop(circuit)
        if daemon.stop() != 0:
            daemon.check()
        return daemon.last_lines()

    def close(self) -> None:
        """Stop all captures. Their files then hold all packets that they saw."""
        while self._running:
            with contextlib.suppress(EmulationError):  # a capture that has failed
                self.stop(next(iter(self._running)))


@contextlib.contextmanager
def handing_over(read: Reader, requests: Sequence[CaptureRequest]) -> Iterator[None]:
    """Call `hand_over` at exit, also after a run that failed."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(EmulationError):  # the user needs the run's own error more
            hand_over(read, requests)
        raise
    hand_over(read, requests)


def hand_over(read: Reader, requests: Sequence[CaptureRequest]) -> None:
    """Write a guest's captures to the user's files. In this machine's own kernel, they are written already.

    A guest is not trusted: it may name files in the working folder that do not exist yet, and no others.

    Raises:
        EmulationError: a file cannot be written; the message names the file and the reason.
    """
    troubles = []
    wanted = [(_numbered_capture(number), Path(request.file), "wb") for number, request in enumerate(requests)]
    wanted += [(_named_capture(name), Path(name), "xb") for name in _listed_names(read(_LIST, _LIST_BYTES))]
    for left, path, mode in wanted:
        is_new = not os.path.lexists(path)
        try:
            if (data := read(left, MOST_BYTES)) is not None:
                with path.open(mode) as file:
                    file.write(data)
        except OSError as error:
            if is_new:
                path.unlink(missing_ok=True)  # a part of a capture is of no use
            troubles.append(f"{path}: {error.strerror}")
        except EmulationError as error:
            troubles.append(f"{path}: {error}")
    if troubles:
        raise EmulationError(f"captures could not be kept: {'; '.join(troubles)}")


def _listed_names(data: bytes | None) -> list[str]:
    """Return the names that a guest gives to files of the user's working folder, without those that it may not use."""
    with contextlib.suppress(ValueError, RecursionError):
        found: object = json.loads(data or b"[]")
        if isinstance(found, list):
            return [name for name in found[:_MOST_FILES] if isinstance(name, str) and _NAME.fullmatch(name)]
    return []


@contextlib.contextmanager
def _file_errors(file: str) -> Iterator[None]:
    """Turn errors about a file into an EmulationError that names the file."""
    try:
        yield
    except OSError as error:
        raise EmulationError(f"{printable(file, 300)}: {error.strerror}") from None
    except ValueError:  # the name has a NUL
        raise EmulationError(f"{printable(file, 300)} cannot be the name of a file") from None


def _numbered_capture(number: int) -> str:
    return f"request-{number}.pcap"


def _named_capture(name: str) -> str:
    return f"capture-{name}"
