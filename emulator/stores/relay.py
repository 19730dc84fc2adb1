"""A relay from the hosts of a network to a store that only this machine's own network reaches."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING

from emulator.lab.daemons import DaemonError
from emulator.lab.forks import fork
from emulator.stores.keepalive import enable_keepalive
from emulator.system.closing import Closing

if TYPE_CHECKING:
    import asyncio

_CHUNK_BYTES = 2**16


class Relay(Closing):
    """A process that forwards connections to ``address``; a context manager that ends it.

    The process connects from the network namespace in which it was made. `add_listener` gives it sockets that listen
    in other namespaces. Make it before `user_namespace.enter`: to make namespaces, the process of an ordinary user
    leaves its own and cannot return. The relay ends when the process that made it ends, even by a kill.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self._control, far_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far_end:
            self.pid = fork(lambda: self._run(far_end))
        """The process identifier; 0 after the process has ended and was waited for."""

    def close(self) -> None:
        """End the process, which closes its connections."""
        self._control.close()
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)  # to close the socket is not enough: other forks may hold it, too
            os.waitpid(self.pid, 0)
            self.pid = 0

    def add_listener(self, listener: socket.socket) -> None:
        """Move a listening socket into the relay, which forwards its connections.

        Raises:
            DaemonError: the relay has ended.
        """
        try:
            socket.send_fds(self._control, [b"l"], [listener.fileno()])
        except OSError:
            raise self._ended_error() from None
        finally:
            listener.close()

    def check(self) -> None:
        """Check that the process runs.

        Raises:
            DaemonError: it has ended.
        """
        if not self.pid:
            raise self._ended_error()
        if os.waitpid(self.pid, os.WNOHANG)[0]:
            self.pid = 0
            raise self._ended_error()

    def _run(self, control: socket.socket) -> None:
        """Serve in the forked process until the owner has ended."""
        self._control.close()
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        import asyncio

        asyncio.run(_serve(control, self.address))

    def _ended_error(self) -> DaemonError:
        return DaemonError(f"the relay to the store at {self.address[0]}:{self.address[1]} has ended")


async def _serve(control: socket.socket, address: tuple[str, int]) -> None:
    """Receive listening sockets from ``control`` and forward their connections, until its other end is closed."""
    import asyncio

    loop = asyncio.get_running_loop()
    owner_ended: asyncio.Future[None] = loop.create_future()
    servers: list[asyncio.Task[asyncio.Server]] = []

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*address)
        except OSError:
            writer.transport.abort()  # the client sees an unreachable store as one that closes the connection
            return
        for end in (writer, far_writer):
            enable_keepalive(end.get_extra_info("socket"))
        copies = {asyncio.create_task(_copy(reader, far_writer)), asyncio.create_task(_copy(far_reader, writer))}
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, far_writer):
            end.transport.abort()
        await asyncio.wait(copies)

    def receive_listener() -> None:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            loop.remove_reader(control)  # a closed socket stays readable
            owner_ended.set_result(None)
            return
        listener = socket.socket(fileno=descriptors[0])
        servers.append(loop.create_task(asyncio.start_server(forward, sock=listener)))

    loop.add_reader(control, receive_listener)
    await owner_ended


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction of a connection, until either side closes it."""
    try:
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        return
