"""The workers of a cluster as a client knows them: greeted, and given the files that cells need."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from emulator.bench.cluster import remote
from emulator.bench.cluster.connection import Connection
from emulator.bench.cluster.messages import CHUNK_BYTES, Greeting, Manifest, Missing, SentFile
from emulator.bench.fingerprint import Need, code
from emulator.system.decode import decode, encode
from emulator.system.errors import EmulationError, in_a_line
from gtsdsl import __version__
from gtsdsl.text import printable

_AT_ONCE = 4
"""The workers that get files at the same time."""
_SHOWN = 60


@dataclass(eq=False)
class Member:
    """A worker. ``refusal`` says why it runs no cells; None if it does."""

    address: str
    slots: int
    machine: str = ""
    is_busy: bool = False
    """Whether it is being greeted, or gets files."""
    is_greeted: bool = False
    refusal: str | None = None
    ready: set[str] = field(default_factory=set)
    """The names of the manifests whose files it has."""
    misfits: dict[tuple[Need, ...], str] = field(default_factory=dict)
    """The reasons why it cannot run cells with these needs."""
    running: int = 0

    @property
    def title(self) -> str:
        """The worker's name in messages: its address, and its machine's name."""
        return f"{self.address} ({printable(self.machine, _SHOWN)})" if self.machine else self.address

    def lack(self, needs: tuple[Need, ...]) -> str | None:
        """Return why the worker does not run cells with these needs; None if it may."""
        return self.refusal if self.refusal is not None else self.misfits.get(needs)


class Preparation:
    """Greets workers and sends them files, in threads of its own; calls ``done`` after each change of a member."""

    def __init__(self, connection: Connection, done: Callable[[], None]) -> None:
        self._connection = connection
        self._done = done
        self._places = threading.Semaphore(_AT_ONCE)

    def greet(self, member: Member) -> None:
        """Ask a worker for its version."""
        self._begin(member, lambda: self._greet(member))

    def send(self, member: Member, manifest: Manifest) -> None:
        """Send a worker the files of a manifest that it lacks."""
        self._begin(member, lambda: self._send(member, manifest))

    def _begin(self, member: Member, step: Callable[[], None]) -> None:
        member.is_busy = True

        def work() -> None:
            with self._places:
                try:
                    step()
                except Exception as error:
                    member.refusal = _in_words(error)
            member.is_busy = False
            self._done()

        threading.Thread(target=work, daemon=True).start()

    def _greet(self, member: Member) -> None:
        greeting = decode(Greeting, self._connection.ask(member.address, remote.greet), "the worker's greeting")
        member.machine = greeting.machine[:_SHOWN]
        if greeting.code != code().sha256:
            version = printable(greeting.version, 20)
            member.refusal = (
                f"it has gtsdsl {version} with other code than gtsdsl {__version__} here: install the same, and "
                "restart it"
            )
        member.is_greeted = True

    def _send(self, member: Member, manifest: Manifest) -> None:
        for file in self._lacking(member, manifest):
            self._send_file(member, file)
        if self._lacking(member, manifest):
            raise EmulationError("it does not keep the files that it gets")
        member.ready.add(manifest.name)

    def _lacking(self, member: Member, manifest: Manifest) -> list[SentFile]:
        missing = _missing(self._connection.ask(member.address, remote.prepare, encode(manifest)))
        of_hash = {file.sha256: file for file in manifest.files if file.sha256 in missing.sha256}
        return list(of_hash.values())

    def _send_file(self, member: Member, file: SentFile) -> None:
        offset = 0
        with Path(file.path).open("rb") as content:
            while offset == 0 or offset < file.size_bytes:
                chunk = content.read(CHUNK_BYTES)
                if not chunk and file.size_bytes:
                    raise EmulationError(f"{file.path} has changed since the benchmark began")
                _missing(
                    self._connection.ask(
                        member.address, remote.receive, encode(file), self._connection.token, offset, chunk
                    )
                )
                offset += len(chunk)
                if not chunk:
                    return


def _missing(answer: bytes) -> Missing:
    found = decode(Missing, answer, "the worker's answer")
    if found.refusal is not None:
        raise EmulationError(printable(found.refusal, 300))
    return found


def _in_words(error: Exception) -> str:
    if isinstance(error, ImportError | AttributeError):
        return "it has no gtsdsl of this version: install the same, with the extras dask and emulation"
    return (
        f"it does not answer as it should: {in_a_line(error)}" if not isinstance(error, EmulationError) else str(error)
    )
