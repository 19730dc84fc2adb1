"""Requests to a running network and its replies, as values that cross as JSON between `outside` and `inside`.

Each request is a file in the folder that both sides share, and so is its reply. The network may run in a guest, which
is not trusted: a reply that has not exactly the fields of its type is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar, cast, get_args

from emulator.measure.probe import IPV4, CircuitProbe, Family
from emulator.system.decode import decode, decode_value, encode
from gtsdsl.scenario.outcome import Happening

READY = "ready"
"""The file that the network leaves when it takes requests; it holds `Done`."""

_Reply = TypeVar("_Reply", bound="Reply")


def request_file(number: int) -> str:
    """Return the name of the file of a request. Requests are numbered from 1."""
    return f"request-{number}"


def reply_file(number: int) -> str:
    """Return the name of the file of the reply to a request."""
    return f"reply-{number}"


def interrupt_file(number: int) -> str:
    """Return the name of the file that interrupts a request, as Ctrl-C would."""
    return f"interrupt-{number}"


@dataclass(frozen=True, slots=True)
class Message:
    """The base of requests and replies."""


@dataclass(frozen=True, slots=True)
class Reply(Message):
    """The base of all replies."""


@dataclass(frozen=True, slots=True)
class Failure(Reply):
    """The reply to a request that failed, whatever its type. ``message`` is one line for the user."""

    message: str


@dataclass(frozen=True, slots=True)
class Done(Reply):
    """The reply to a request that has no result."""


@dataclass(frozen=True, slots=True)
class ProcessResult(Reply):
    """The end of a process.

    ``status`` is the exit status, or minus the number of the signal that ended the process.
    """

    status: int
    stdout: str
    stderr: str
    timed_out: bool


@dataclass(frozen=True, slots=True)
class ProcessStarted(Reply):
    """A process that runs, by the number that later requests name it by."""

    process: int


@dataclass(frozen=True, slots=True)
class Happenings(Reply):
    """The points of a scenario in the order of time, as they have happened so far."""

    happenings: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class ClockTime(Reply):
    """The network's clock, in nanoseconds since its kernel started."""

    time_ns: int


@dataclass(frozen=True, slots=True)
class Probes(Reply):
    """The measured round trips of all circuits, in the order of the plan."""

    circuits: tuple[CircuitProbe, ...]


@dataclass(frozen=True, slots=True)
class LineDone(Reply):
    """The end of a line of the shell. ``is_last``: the line ends the shell."""

    is_last: bool


@dataclass(frozen=True, slots=True)
class Request(Message, Generic[_Reply]):
    """The base of all requests; its parameter is the type of the reply."""

    @classmethod
    def reply_type(cls) -> type[_Reply]:
        """Return the type of the reply."""
        (base,) = cls.__orig_bases__  # type: ignore[attr-defined]
        return cast("type[_Reply]", get_args(base)[0])

    @property
    def summary(self) -> str:
        """The words that name the request in the message of a timeout, such as ``start capture``."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(self).__name__).lower()


@dataclass(frozen=True, slots=True)
class RunCommand(Request[ProcessResult]):
    """Run a command in a host to its end; kill it after ``timeout_s`` of the network's clock, None for no limit."""

    host: str
    command: tuple[str, ...]
    timeout_s: float | None

    @property
    def summary(self) -> str:
        """The host and the command."""
        return f"{self.host}: {' '.join(self.command)}"


@dataclass(frozen=True, slots=True)
class StartCommand(Request[ProcessStarted]):
    """Start a command in a host, and leave it running."""

    host: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AwaitProcess(Request[ProcessResult]):
    """Wait until a process that `StartCommand` started ends."""

    process: int


@dataclass(frozen=True, slots=True)
class StopProcess(Request[ProcessResult]):
    """End a process that `StartCommand` started, and all processes of its session (SIGTERM)."""

    process: int


@dataclass(frozen=True, slots=True)
class Sleep(Request[Done]):
    """Let time pass in the network's clock."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ReadClock(Request[ClockTime]):
    """Read the network's clock."""


@dataclass(frozen=True, slots=True)
class ReadScenario(Request[Happenings]):
    """Return what the scenario has done so far."""


@dataclass(frozen=True, slots=True)
class ProbeCircuits(Request[Probes]):
    """Measure the round trip over each circuit with ``count`` echoes in each of ``families``."""

    count: int
    families: tuple[Family, ...] = IPV4


@dataclass(frozen=True, slots=True)
class ImpairCircuit(Request[Done]):
    """Change a circuit, by its id, as the shell's ``link`` does: ``("delay", "40ms")``."""

    circuit: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StartCapture(Request[Done]):
    """Capture the packets of a circuit into the user's ``file``.

    A guest writes ``shared_file`` in the shared folder instead, and the user's process copies that to ``file``.
    """

    circuit: str
    file: str
    shared_file: str


@dataclass(frozen=True, slots=True)
class StopCapture(Request[Done]):
    """End the capture of a circuit."""

    circuit: str


@dataclass(frozen=True, slots=True)
class StopCaptures(Request[Done]):
    """End all captures."""


@dataclass(frozen=True, slots=True)
class ShellLine(Request[LineDone]):
    """Do a line of the shell."""

    line: str

    @property
    def summary(self) -> str:
        """The line."""
        return self.line


AnyRequest: TypeAlias = (
    RunCommand
    | StartCommand
    | AwaitProcess
    | StopProcess
    | Sleep
    | ReadClock
    | ReadScenario
    | ProbeCircuits
    | ImpairCircuit
    | StartCapture
    | StopCapture
    | StopCaptures
    | ShellLine
)

_REQUESTS: dict[str, type[AnyRequest]] = {kind.__name__: kind for kind in get_args(AnyRequest)}


@dataclass(frozen=True, slots=True)
class _Envelope:
    """A message as it crosses: the name of its class, and its fields."""

    kind: str
    fields: object


def encode_message(message: Message) -> bytes:
    """Return a request or a reply as JSON."""
    return encode(_Envelope(type(message).__name__, message))


def decode_request(data: bytes) -> AnyRequest:
    """Return the request that `encode_message` wrote.

    Raises:
        EmulationError: the data is not a request, or has a number that is not finite.
    """
    noun = "the request"
    envelope = decode(_Envelope, data, noun)
    return decode_value(_REQUESTS[envelope.kind], envelope.fields, noun)


def decode_reply(kind: type[_Reply], data: bytes) -> _Reply | Failure:
    """Return the reply of type ``kind`` that `encode_message` wrote, or the failure that came instead of it.

    Raises:
        EmulationError: the data is neither.
    """
    noun = "the network's reply"
    envelope = decode(_Envelope, data, noun)
    if envelope.kind == Failure.__name__:
        return decode_value(Failure, envelope.fields, noun)
    return decode_value(kind, envelope.fields, noun)
