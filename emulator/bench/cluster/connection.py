"""The connection to the scheduler of a Dask cluster: its workers, and questions and tasks for one of them."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import queue
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from emulator.system.closing import Closing
from emulator.system.errors import EmulationError, in_a_line
from gtsdsl.machine import missing_package
from gtsdsl.text import printable

_SCHEMES = ("tcp", "tls")
_CONNECT_S = 10.0
_ANSWER_S = 5.0
_CLOSE_S = 5.0


class AddressError(EmulationError):
    """The address of a scheduler is malformed."""

    exit_status = 2


class SchedulerGoneError(EmulationError):
    """The scheduler does not answer."""


def scheduler_address(text: str) -> str:
    """Return the address of a scheduler, after a check that Dask is installed and that the address is one.

    Raises:
        AddressError: the text is not ``tcp://HOST:PORT`` or ``tls://HOST:PORT``.
        EmulationError: Dask is missing.
    """
    shown = printable(text, 200)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise AddressError(f"--scheduler: {shown} is no address: write tcp://HOST:PORT") from None
    if parts.scheme not in _SCHEMES:
        raise AddressError(f"--scheduler: {shown} is none of tcp://HOST:PORT and tls://HOST:PORT")
    if not host or port is None or parts.username is not None or text != f"{parts.scheme}://{parts.netloc}":
        raise AddressError(f"--scheduler: {shown} is not {parts.scheme}://HOST:PORT")
    if importlib.util.find_spec("distributed") is None:
        raise EmulationError(missing_package("distributed"))
    return text


class ClusterTask(Protocol):
    """A task on a worker: Dask's future."""

    @property
    def status(self) -> str:
        """``pending``, ``finished``, ``error``, ``cancelled`` or ``lost``."""

    def result(self) -> object:
        """Return what the function returned."""

    def exception(self) -> BaseException | None:
        """Return what the function raised."""

    def add_done_callback(self, function: Callable[[ClusterTask], None]) -> None:
        """Call a function when the task has ended, in another thread."""

    def release(self) -> None:
        """Let the cluster forget the result."""


class _Client(Protocol):
    """A client of Dask."""

    @property
    def status(self) -> str:
        """``running`` while it is connected."""

    def nthreads(self) -> Mapping[str, int]:
        """Return the number of threads of each worker."""

    def run(
        self, function: Callable[..., object], *arguments: bytes | str | int, workers: Sequence[str]
    ) -> Mapping[str, object]:
        """Return what a function returns on each worker."""

    def submit(
        self, function: Callable[[bytes], bytes], argument: bytes, *, workers: Sequence[str], key: str, pure: bool
    ) -> ClusterTask:
        """Start a task."""

    def cancel(self, tasks: Sequence[ClusterTask], *, force: bool) -> None:
        """End tasks."""

    def close(self, *, timeout: float) -> None:
        """Close the connection."""


class Connection(Closing):
    """A client of a scheduler, until exit. Tasks that still run are cancelled then."""

    def __init__(self, address: str) -> None:
        """Connect.

        Raises:
            EmulationError: no scheduler answers, or Dask's configuration here has no certificates for TLS.
        """
        self.address = address
        self.token = uuid.uuid4().hex
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(_quiet())
        with self._stack:
            from dask import config

            self._stack.enter_context(config.set({"distributed.comm.timeouts.connect": f"{_CONNECT_S:g}s"}))
            with warnings.catch_warnings():
                # another version of Dask on a worker shows when a task fails there
                warnings.filterwarnings("ignore", message=r"\s*Mismatched versions")
                self._client = _client(address)
            self._stack.callback(self._end)
            self._stack = self._stack.pop_all()
        self._tasks: set[ClusterTask] = set()

    @property
    def allowed_failures(self) -> int:
        """The number of workers that a cell may lose before it has failed: Dask's own setting."""
        from dask import config

        return int(config.get("distributed.scheduler.allowed-failures", 3))

    def workers(self) -> Mapping[str, int]:
        """Return the number of threads of each worker, by its address.

        Raises:
            SchedulerGoneError: the scheduler does not answer.
        """
        try:
            threads = self._client.nthreads()
        except Exception as error:
            raise SchedulerGoneError(f"the scheduler {self.address} has gone away ({in_a_line(error)})") from None
        return dict(threads)

    def ask(self, worker: str, function: Callable[..., object], *arguments: bytes | str | int) -> bytes:
        """Run a function of `remote` on a worker, beside its tasks; return its answer.

        Raises:
            Exception: the worker has gone, or cannot run the function.
        """
        answer = self._client.run(function, *arguments, workers=[worker])[worker]
        if not isinstance(answer, bytes):
            raise EmulationError("its answer is no text")
        return answer

    def start(self, worker: str, function: Callable[[bytes], bytes], argument: bytes) -> ClusterTask:
        """Start a task on a worker."""
        key = f"gtsdsl-cell-{uuid.uuid4().hex}"
        task = self._client.submit(function, argument, workers=[worker], key=key, pure=False)
        self._tasks.add(task)
        return task

    def forget(self, task: ClusterTask) -> None:
        """Release a task; a task that runs ends."""
        self._tasks.discard(task)
        with contextlib.suppress(Exception):  # the scheduler may have gone
            if task.status == "pending":
                self._client.cancel([task], force=True)
            else:
                task.release()

    def close(self) -> None:
        """Cancel the tasks that run, and close the connection."""
        self._stack.close()

    def _end(self) -> None:
        with contextlib.suppress(Exception):
            if self._tasks and self._client.status == "running":
                self._client.cancel(list(self._tasks), force=True)
        with contextlib.suppress(Exception):
            self._client.close(timeout=_CLOSE_S)


def _client(address: str) -> _Client:
    """Return a client of Dask.

    Dask limits the time to connect, but not the time until a server answers that is no scheduler. So the client is made
    in a thread, which is left alone after a while.
    """
    from distributed import Client
    from distributed.security import Security

    if address.startswith("tls:") and Security().get_connection_args("client").get("ssl_context") is None:
        raise EmulationError(f"{address} needs certificates: set them in Dask's configuration, distributed.comm.tls")
    made: queue.SimpleQueue[_Client | Exception] = queue.SimpleQueue()

    def make() -> None:
        try:
            made.put(Client(address, timeout=_CONNECT_S, set_as_default=False, name="gtsdsl"))
        except Exception as error:
            made.put(error)

    threading.Thread(target=make, daemon=True).start()
    try:
        found = made.get(timeout=_CONNECT_S + _ANSWER_S)
    except queue.Empty:
        raise EmulationError(
            f"what answers at {address} is no scheduler of Dask: `dask scheduler` starts one"
        ) from None
    if isinstance(found, OSError):
        raise EmulationError(
            f"no scheduler answers at {address} within {_CONNECT_S:g} s: `dask scheduler` starts one"
        ) from None
    if isinstance(found, Exception):
        raise EmulationError(f"{address} cannot be reached: {in_a_line(found)}") from None
    return found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's log off the terminal: what matters of it is an error or a warning of ours."""
    import distributed  # noqa: F401 - it makes its loggers

    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in {"distributed", "tornado"}]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
