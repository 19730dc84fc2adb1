"""Captures of circuits: started and stopped on a running network, and handed from a guest to the user's files."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.lab.daemons import Daemon, start_function
from emulator.measure import pcap
from emulator.mininet.impair import find_link
from emulator.netlink import namespaces
from emulator.system.errors import EmulationError
from gtsdsl.text import printable

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork

MOST_BYTES = 2**28
"""How long the file of a capture in a guest may be."""

_MOST_FILES = 100
_LIST = "captures.json"
_LIST_BYTES = 2**16
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.pcap")

Reader = Callable[[str, int], bytes | None]
"""Reads a file that a guest left, by its name, of at most so many bytes; None if there is none."""


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """A circuit, by its id, to capture for the whole run, and the path of the user's file for its packets."""

    circuit: str
    file: str


class Captures:
    """The captures on a network, which ends them.

    A circuit is looked at where its first end is: what comes in, when it arrives, and what goes out, after its delay,
    as Linux shows it to every capture.
    """

    def __init__(self, network: EmulatedNetwork) -> None:
        self._network = network
        self._folder: Path | None = None
        self._names: list[str] = []
        self._running: dict[str, tuple[Daemon, str]] = {}

    def leave_in(self, folder: Path) -> None:
        """Say that this is a guest: the user's files are elsewhere, and get what is in a folder (`hand_over`)."""
        self._folder = folder

    @property
    def is_guest(self) -> bool:
        """Whether files of captures are the user's only when the run has ended."""
        return self._folder is not None

    @property
    def running(self) -> Iterator[tuple[str, str]]:
        """Circuits that are being captured, each with the file as its user called it."""
        return ((circuit, file) for circuit, (_, file) in self._running.items())

    def start(self, circuit: str, file: str) -> None:
        """Begin to capture a circuit into a new file of the user's.

        Raises:
            EmulationError: there is no such circuit, or it is being captured; or the file cannot be made. In a guest it
                has to be a plain name, of the user's working folder: a guest is not trusted with any other.
        """
        with _naming(file):
            is_there = Path(file).exists()
        if is_there:
            raise EmulationError(f"{printable(file)} is there already: name a new file")
        if self._folder is None:
            self.start_at(circuit, Path(file), file)
            return
        if not _NAME.fullmatch(file):
            raise EmulationError(
                f"{printable(file)}: here a capture becomes a file of your working folder: call it l1.pcap, for example"
            )
        if file in self._names:
            raise EmulationError(f"{file} is there already: name a new file")
        if len(self._names) >= _MOST_FILES:
            raise EmulationError(f"there are {_MOST_FILES} captures already, which is as many as can be kept")
        self.start_at(circuit, self._folder / _left_name(file), file)
        self._names.append(file)
        (self._folder / _LIST).write_text(json.dumps(self._names))

    def start_all(self, requests: Sequence[CaptureRequest]) -> None:
        """Begin what was asked for from the beginning.

        Raises:
            EmulationError: as `start`; a file that is there is written anew.
        """
        for number, request in enumerate(requests):
            path = Path(request.file) if self._folder is None else self._folder / _asked_name(number)
            self.start_at(request.circuit, path, request.file)

    def start_at(self, circuit: str, path: Path, file: str) -> None:
        """Begin to capture a circuit at a path, anew if there is such a file; ``file`` is its name in messages.

        Raises:
            EmulationError: as `start`.
        """
        link = find_link(self._network, circuit)
        if circuit in self._running:
            shown = printable(circuit)
            raise EmulationError(f"{shown} is being captured already: capture {shown} stop")
        end, lab = link.intf1.end, self._network.lab
        with _naming(file):
            path.write_bytes(pcap.header())
        try:
            with namespaces.entered(lab.namespace(end.node)):
                tap = pcap.open_tap(end.name)
        except OSError as error:
            raise EmulationError(f"{printable(circuit, 80)} cannot be captured: {error.strerror}") from None
        with tap:  # its fork goes on with it
            absolute, limit_bytes = path.resolve(), MOST_BYTES if self.is_guest else None
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            try:
                daemon = start_function(
                    lab, end.node, f"capture-{end.name}", lambda: pcap.record(tap, absolute, limit_bytes)
                )
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._running[circuit] = daemon, file

    def stop(self, circuit: str) -> str:
        """End a capture; what it says of itself: ``12 packets``.

        Raises:
            EmulationError: there is none of that circuit.
            DaemonError: it could not go on: its folder has gone, the disk is full.
        """
        if circuit not in self._running:
            raise EmulationError(f"{printable(circuit, 80)} is not being captured")
        daemon, _ = self._running.pop(circuit)
        if daemon.stop() != 0:
            daemon.check()
        return daemon.last_lines()

    def close(self) -> None:
        """End all captures, with all that they saw in their files."""
        while self._running:
            with contextlib.suppress(EmulationError):  # one that has died
                self.stop(next(iter(self._running)))


@contextlib.contextmanager
def handing_over(read: Reader, requests: Sequence[CaptureRequest]) -> Iterator[None]:
    """After it, also after a run that failed, the user has what a guest has captured (`hand_over`)."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(EmulationError):  # why it failed is worth more to know
            hand_over(read, requests)
        raise
    hand_over(read, requests)


def hand_over(read: Reader, requests: Sequence[CaptureRequest]) -> None:
    """Write what a guest has captured to the user's files; on this machine's kernel, they have been written already.

    The guest is not trusted: it has a say in names in the working folder that nobody has yet, and in no others.

    Raises:
        EmulationError: one of them cannot be written; which, and why.
    """
    troubles = []
    wanted = [(_asked_name(number), Path(request.file), "wb") for number, request in enumerate(requests)]
    wanted += [(_left_name(name), Path(name), "xb") for name in _listed(read(_LIST, _LIST_BYTES))]
    for left, path, mode in wanted:
        is_new = not os.path.lexists(path)
        try:
            if (data := read(left, MOST_BYTES)) is not None:
                with path.open(mode) as file:
                    file.write(data)
        except OSError as error:
            if is_new:
                path.unlink(missing_ok=True)  # a part of it is worth nothing
            troubles.append(f"{path}: {error.strerror}")
        except EmulationError as error:
            troubles.append(f"{path}: {error}")
    if troubles:
        raise EmulationError(f"captures could not be kept: {'; '.join(troubles)}")


def _listed(data: bytes | None) -> list[str]:
    """The names that a guest gives to files of the user's working folder, as far as it may."""
    with contextlib.suppress(ValueError, RecursionError):
        found: object = json.loads(data or b"[]")
        if isinstance(found, list):
            return [name for name in found[:_MOST_FILES] if isinstance(name, str) and _NAME.fullmatch(name)]
    return []


@contextlib.contextmanager
def _naming(file: str) -> Iterator[None]:
    """Within it, what is wrong with a file becomes an error that names it."""
    try:
        yield
    except OSError as error:
        raise EmulationError(f"{printable(file, 300)}: {error.strerror}") from None
    except ValueError:  # a NUL is in it
        raise EmulationError(f"{printable(file, 300)} is no name of a file") from None


def _asked_name(number: int) -> str:
    return f"asked-{number}.pcap"


def _left_name(name: str) -> str:
    return f"capture-{name}"
