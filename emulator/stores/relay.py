"""Connections of a network's hosts to connections of the machine's own, to an address that only it can reach."""

from __future__ import annotations

import os
import signal
import socket
from types import TracebackType
from typing import TYPE_CHECKING, Self

from emulator.lab.daemons import DaemonError
from emulator.lab.forks import fork
from emulator.stores.keepalive import notice_a_cut

if TYPE_CHECKING:
    import asyncio

_PIECE_BYTES = 2**16


class Relay:
    """A process in the network namespace in which it is made, from then on; a context manager that ends it.

    Sockets that listen elsewhere are handed to it, and each connection that they get goes on to ``address``. An
    ordinary user's process gives its namespace up to get the right to make others (`user_namespace.enter`) and cannot
    return: make it before that. It ends with the process that made it, however that ends.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.pid = fork(lambda: self._relay(theirs))  # 0 once it has been reaped

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, and the connections that it holds."""
        self._control.close()
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)  # other forks may hold our end of the pair, too
            os.waitpid(self.pid, 0)
            self.pid = 0

    def take(self, listener: socket.socket) -> None:
        """Hand over a socket that listens; it is the relay's then.

        Raises:
            DaemonError: the relay has ended.
        """
        try:
            socket.send_fds(self._control, [b"l"], [listener.fileno()])
        except OSError:
            raise self._ended() from None
        finally:
            listener.close()

    def check(self) -> None:
        """See that it runs.

        Raises:
            DaemonError: it has ended.
        """
        if not self.pid:
            raise self._ended()
        if os.waitpid(self.pid, os.WNOHANG)[0]:
            self.pid = 0
            raise self._ended()

    def _relay(self, control: socket.socket) -> None:
        """Be the relay, in a fork."""
        self._control.close()
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        import asyncio

        asyncio.run(_serve(control, self.address))

    def _ended(self) -> DaemonError:
        return DaemonError(f"the relay to the store at {self.address[0]}:{self.address[1]} has ended")


async def _serve(control: socket.socket, address: tuple[str, int]) -> None:
    """Take listening sockets, and what comes to them, until the other side of ``control`` is gone."""
    import asyncio

    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    servers: list[asyncio.Task[asyncio.Server]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*address)
        except OSError:
            writer.transport.abort()  # a store that is not there is one that ends the connection
            return
        for end in (writer, far_writer):
            notice_a_cut(end.get_extra_info("socket"))
        passing = {asyncio.create_task(_pass(reader, far_writer)), asyncio.create_task(_pass(far_reader, writer))}
        await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, far_writer):
            end.transport.abort()
        await asyncio.wait(passing)

    def told() -> None:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            loop.remove_reader(control)  # its end can be read again and again
            over.set_result(None)
            return
        listener = socket.socket(fileno=descriptors[0])
        servers.append(loop.create_task(asyncio.start_server(connected, sock=listener)))

    loop.add_reader(control, told)
    await over


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What comes from one side to the other, until either ends."""
    try:
        while piece := await reader.read(_PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    except OSError:
        return
