"""A host to a real `dockerd` in it, with files, namespaces and a mount table of its own: never the user's Docker."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.docker import programs
from emulator.docker.image import Image
from emulator.docker.model import RuncContainer
from emulator.lab.containers import Container
from emulator.lab.daemons import Daemon, DaemonError, start_program
from emulator.system.errors import EmulationError
from emulator.system.poll import readable
from emulator.system.text import one_line

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container as DockerContainer

    from emulator.mininet.network import EmulatedNetwork

_SOCKET_BYTES = 107
"""The longest path of a unix socket: `sun_path` of unix(7), without its closing zero."""
_REQUEST = b"GET /_ping HTTP/1.0\r\n\r\n"
_TIMEOUT_S = 120
_POLL_S = 0.001
_RUNC = b"_LIBCONTAINER_"
"""How the variables begin that runc hands to itself."""
_PERIOD_US = 100_000
ENDED = "the command of its image ended, but must go on running"
_HOST_NAME_BYTES = 63
_KINDS = {"mount": "mnt", "uts": "uts"}
"""Namespaces, as `nsenter` and as the kernel call them."""

# Its arguments: the host's name, the command. Several daemons on one machine must not find each other's sockets in
# /run, and members of a cluster are known by their machine's name.
_ENTER = """\
name=$1; shift
mount -t tmpfs -o mode=755 run /run && echo "$name" > /proc/sys/kernel/hostname || exit
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """An image that a daemon has: its name there, and the command for containers if it has none of its own."""

    name: str
    command: tuple[str, ...] | None


def host_name(host: str) -> str:
    """What a host's daemon takes its machine's name for: the kernel has no longer ones."""
    return host[:_HOST_NAME_BYTES]


class Dockerd:
    """A `dockerd` in a host. It ends with the network, and all its containers with it."""

    def __init__(self, network: EmulatedNetwork, host: str, options: Sequence[str] = ()) -> None:
        """``options`` are further ones of its command line.

        Raises:
            EmulationError: the emulation's folder has too long a path.
        """
        self.network = network
        self.host = host
        self._options = tuple(options)
        self._daemon: Daemon | None = None
        self._knock: socket.socket | None = None
        self._client: DockerClient | None = None
        self._loaded: dict[Path, LoadedImage] = {}
        self._held: list[int] = []
        self._log_begins = 0
        run = network.world.start().parent
        self._programs = programs.own(run / "docker" / "programs")  # here, for `start` may run in a thread a host
        # numbered, for a host's name may be too long for a socket's path, and a host may have one after another
        self.folder = run / "docker" / str(len(list((run / "docker").iterdir())))
        self.folder.mkdir()
        self._socket = self.folder / "docker.sock"
        if len(os.fsencode(self._socket)) > _SOCKET_BYTES:
            raise EmulationError(f"{run} is too long a path for Docker's socket: set TMPDIR to a shorter one")
        network.world.at_end(self.close)

    def start(self) -> None:
        """Start it; it returns before it is ready. Started anew after its end, it has the containers that it had.

        Raises:
            EmulationError: it cannot be started.
        """
        settings = self.folder / "daemon.json"
        # else it would read the user's, and take or make its key in /etc/docker, which only root may read
        settings.write_text(json.dumps({"deprecated-key-path": str(self.folder / "key.json")}))
        pid = self.folder / "pid"
        pid.unlink(missing_ok=True)
        self._socket.unlink(missing_ok=True)
        self._client = None
        command = [
            "dockerd",
            f"--config-file={settings}",
            f"--data-root={self.folder / 'data'}",
            f"--exec-root={self.folder / 'exec'}",
            f"--pidfile={pid}",
            f"--host=unix://{self._socket}",
            # copies of the image: the one storage driver that every file system has
            "--storage-driver=vfs",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            f"--cgroup-parent=/{self.network.world.groups}",
            "--userland-proxy=false",
            "--raw-logs",
            *self._options,
        ]
        variables = {"PATH": f"{self._programs}:{programs.PATH}"}
        self._log_begins = 0 if self._daemon is None else self._daemon.log.stat().st_size
        self._daemon = start_program(self.network.lab, self.host, "dockerd", [*self._enter(), *command], variables)

    def close(self) -> None:
        """Let go of what leads to it. It ends by itself with the network, or by `Daemon.stop` before."""
        for opened in (self._knock, self._client):
            if opened is not None:
                opened.close()
        self._knock = self._client = None
        while self._held:
            os.close(self._held.pop())

    def _enter(self) -> list[str]:
        """What brings its command into its own mount and UTS namespaces: new ones, or those that it had before."""
        if self._daemon is None:
            return ["unshare", "--uts", "sh", "-c", _ENTER, "sh", host_name(self.host)]
        own = f"/proc/{os.getpid()}/fd"
        return ["nsenter", *(f"--{name}={own}/{held}" for name, held in zip(_KINDS, self._held, strict=True))]

    @property
    def daemon(self) -> Daemon:
        """Its process."""
        if self._daemon is None:
            raise AssertionError("it has not been started")
        return self._daemon

    def has_said(self, texts: Sequence[str]) -> bool:
        """Whether its log has one of some texts, since it was started last."""
        with self.daemon.log.open("rb") as file:
            file.seek(self._log_begins)
            said = file.read()
        return any(text.encode() in said for text in texts)

    def answers(self) -> bool:
        """Whether it is ready; it does not wait for that."""
        if self._knock is None:
            self._knock = _connected(self._socket)
        if self._knock is None or not readable([self._knock.fileno()], 0):
            return False
        try:
            said = self._knock.recv(64)
        except ConnectionError:  # it died; whoever waits for it sees that by its process, and quotes its log
            said = b""
        self._knock.close()
        self._knock = None
        if b" 200 " not in said:
            return False
        if not self._held:
            # its networks and its containers' sockets are mounted there: one that is started anew must find them
            own = f"/proc/{self.daemon.pid}/ns"
            self._held = [os.open(f"{own}/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in _KINDS.values()]
        return True

    @property
    def client(self) -> DockerClient:
        """Docker's own SDK, that talks to it; see `asking`."""
        from docker import DockerClient

        if self._client is None:
            self._client = DockerClient(base_url=f"unix://{self._socket}", version="auto", timeout=_TIMEOUT_S)
        return self._client

    def load(self, image: Image) -> LoadedImage:
        """Give it an image for containers, unless it has it already.

        Raises:
            DaemonError: it does not take it.
        """
        if image.path not in self._loaded:
            with self.asking(), image.path.open("rb") as file:
                if image.is_saved:
                    names = [str(found.id) for found in self.client.images.load(file)]
                else:
                    said = json.loads(
                        self.client.api.import_image_from_data(file, repository="gtsdsl").splitlines()[-1]
                    )
                    names = [str(said["status"])] if "status" in said else []
                if not names:
                    raise DaemonError(f"dockerd on {self.host} finds no image in {image.path}")
                name = names[0]
                settings = self.client.images.get(name).attrs["Config"]
            has_command = bool(settings.get("Cmd") or settings.get("Entrypoint"))
            self._loaded[image.path] = LoadedImage(name, None if has_command else ("/bin/sh",))
        return self._loaded[image.path]

    def run(
        self, wanted: Container, image: LoadedImage, network: str, names: Mapping[str, str] | None = None
    ) -> RuncContainer:
        """Start a container of an image, or one that has been there before.

        ``network`` is Docker's name of the network that it is in; ``names`` has addresses by the names that it is to
        know.

        Raises:
            DaemonError: it cannot be started, or ends at once; what it said.
        """
        with self.asking():
            container = self._find(wanted.name) or self.client.containers.create(
                image.name,
                None if image.command is None else list(image.command),
                name=wanted.name,
                # one that is in its machine's network has its name, too
                hostname=None if network == "host" else wanted.name,
                network=network,
                # not `nano_cpus`, of which Docker takes no more than the machine has
                cpu_period=None if wanted.cpus is None else _PERIOD_US,
                cpu_quota=None if wanted.cpus is None else wanted.cpus * _PERIOD_US,
                mem_limit=wanted.memory_bytes,
                # an image's shell ends at once without a terminal
                tty=True,
                stdin_open=True,
                stop_signal="SIGKILL",
                extra_hosts=None if names is None else dict(names),
            )
            container.start()
            container.reload()
            _await_command(container.attrs["State"]["Pid"])
            container.reload()
            state = container.attrs["State"]
            if not state["Running"]:
                said = one_line(container.logs(tail=3).decode(errors="replace"))
                raise DaemonError(f"container {wanted.name}: {ENDED} (status {state['ExitCode']}) {said}".rstrip())
            root = self.folder / "exec" / "runtime-runc" / "moby"
            return RuncContainer(int(state["Pid"]), str(container.id), root)

    def remove(self, name: str) -> None:
        """End and remove a container, if it is there.

        Raises:
            DaemonError: the daemon refuses.
        """
        with self.asking():
            if (container := self._find(name)) is not None:
                container.remove(force=True)

    def address(self, name: str, network: str) -> str:
        """The address of a container in a network."""
        with self.asking():
            found = self.client.api.inspect_container(name)["NetworkSettings"]["Networks"][network]["IPAddress"]
        return str(found)

    def hosts_file(self, name: str) -> Path:
        """What a container has for its `/etc/hosts`."""
        with self.asking():
            return Path(self.client.api.inspect_container(name)["HostsPath"])

    def hidden_namespaces(self, pattern: str) -> list[Path]:
        """Network namespaces of its own, the newest last: they show in its own mount namespace only."""
        folder = Path(f"/proc/{self.daemon.pid}/root{self.folder}/exec/netns")
        return sorted(folder.glob(pattern), key=lambda path: path.stat().st_ino)

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Within it, what goes wrong between the SDK and the daemon is an error of ours.

        Raises:
            DaemonError: the daemon refuses, or is not there; what it says.
        """
        from docker.errors import DockerException
        from requests import RequestException

        try:
            yield
        except (DockerException, RequestException, OSError) as error:
            self.daemon.check()
            explanation = getattr(error, "explanation", None) or error
            raise DaemonError(f"dockerd on {self.host}: {one_line(str(explanation))}") from None

    def _find(self, name: str) -> DockerContainer | None:
        found = self.client.containers.list(all=True, ignore_removed=True)
        return next((container for container in found if container.name == name), None)


def _await_command(pid: int) -> None:
    """Wait until a container's first process is its image's command: Docker starts it, but does not wait for it.

    Until then it is runc's own, with an environment of runc's; in a virtual clock it may stay so until somebody sleeps.
    """
    deadline_s = time.monotonic() + _TIMEOUT_S
    with contextlib.suppress(OSError):  # it has ended
        while _RUNC in Path(f"/proc/{pid}/environ").read_bytes() and time.monotonic() < deadline_s:
            time.sleep(_POLL_S)


def _connected(path: Path) -> socket.socket | None:
    """A connection with a request that is answered once the daemon is ready; None if it does not listen yet."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        found.connect(str(path))
        found.send(_REQUEST)
    except OSError:
        found.close()
        return None
    return found
