"""A host to a real `dockerd` in it, with files, namespaces and a mount table of its own: never the user's Docker."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.daemons import Daemon, start_program
from emulator.errors import EmulationError

if TYPE_CHECKING:
    from docker import DockerClient

    from emulator.network import EmulatedNetwork

_PROGRAMS = ("dockerd", "containerd", "containerd-shim-runc-v2", "runc")
_SEARCHED = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SOCKET_BYTES = 107
"""The longest path of a unix socket: `sun_path` of unix(7), without its closing zero."""
_REQUEST = b"GET /_ping HTTP/1.0\r\n\r\n"
_TIMEOUT_S = 120

# Its arguments: the host's name, the command. Several daemons on one machine must not find each other's sockets in
# /run, and members of a cluster are known by their machine's name.
_ENTER = """\
name=$1; shift
mount -t tmpfs -o mode=755 run /run || exit
echo "$name" > /proc/sys/kernel/hostname
exec "$@"
"""


class Dockerd:
    """A `dockerd` in a host. It ends with the network, and all its containers with it."""

    def __init__(self, network: EmulatedNetwork, host: str, options: Sequence[str] = ()) -> None:
        """``options`` are further ones of its command line."""
        self.network = network
        self.host = host
        self._options = tuple(options)
        self._daemon: Daemon | None = None
        self._knock: socket.socket | None = None
        self._client: DockerClient | None = None

    def start(self) -> None:
        """Start it, anew if it was started before; it returns before it is ready.

        Raises:
            EmulationError: it cannot be started.
        """
        run = self.network.world.start().parent
        names = [host.name for host in self.network.plan.hosts]
        number = names.index(self.host) if self.host in names else len(names)
        self.folder = run / "docker" / str(number)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._socket = self.folder / "docker.sock"
        if len(os.fsencode(self._socket)) > _SOCKET_BYTES:
            raise EmulationError(f"{run} is too long a path for Docker's sockets: set TMPDIR to a shorter one")
        settings = self.folder / "daemon.json"
        settings.write_text("{}\n")  # else it would read the user's
        command = [
            "dockerd",
            f"--config-file={settings}",
            f"--data-root={self.folder / 'data'}",
            f"--exec-root={self.folder / 'exec'}",
            f"--pidfile={self.folder / 'pid'}",
            f"--host=unix://{self._socket}",
            "--storage-driver=vfs",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            "--userland-proxy=false",
            "--raw-logs",
            *self._options,
        ]
        (self.folder / "pid").unlink(missing_ok=True)
        enter = ["unshare", "--uts", "sh", "-c", _ENTER, "sh", self.host[:63]]
        self._daemon = start_program(self.network, self.host, "dockerd", [*enter, *command])

    def is_ready(self) -> bool:
        """Whether it answers; it does not wait for that.

        Raises:
            DaemonError: it has ended.
        """
        self.daemon.check()
        if self._knock is None:
            self._knock = _connect(self._socket)
        if self._knock is None or not select.select([self._knock], [], [], 0)[0]:
            return False
        said = self._knock.recv(64)
        self._knock.close()
        self._knock = None
        return b" 200 " in said

    @property
    def daemon(self) -> Daemon:
        """Its process."""
        if self._daemon is None:
            raise AssertionError("it has not been started")
        return self._daemon

    @property
    def client(self) -> DockerClient:
        """Docker's own SDK, that talks to it."""
        from docker import DockerClient  # noqa: PLC0415 - half a second in a guest

        if self._client is None:
            self._client = DockerClient(base_url=f"unix://{self._socket}", version="auto", timeout=_TIMEOUT_S)
        return self._client


def _connect(path: Path) -> socket.socket | None:
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        found.connect(str(path))
        found.send(_REQUEST)
    except OSError:
        found.close()
        return None
    return found
