"""A `dockerd` in a host, with its own files, namespaces and mount table, apart from the user's Docker."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.docker import programs, reexec
from emulator.docker.image import Image
from emulator.docker.model import HOST_NETWORK, RuncContainer
from emulator.lab.containers import Container
from emulator.lab.daemons import Daemon, DaemonError, start_program
from emulator.lab.lab import Lab
from emulator.lab.processes import host_name
from emulator.system.errors import EmulationError
from emulator.system.poll import readable, wait_until
from emulator.system.programs import environment
from emulator.system.text import one_line

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container as DockerContainer

_SOCKET_BYTES = 107
"""The longest path of a Unix socket: `sun_path` of unix(7) without its final zero byte."""
_PING = b"GET /_ping HTTP/1.0\r\n\r\n"
_TIMEOUT_S = 120
_READY_PATIENCE_S = 120.0
_POLL_S = 0.001
_COLLECTOR = {"GOGC": "1000", "GOMEMLIMIT": "128MiB"}
"""The growth of the heap, in per cent, and its size, at which Go's collector runs. Daemons that end soon need it
rarely, and it takes a tenth of their start."""
_RUNC = b"_LIBCONTAINER_"
"""The prefix of the environment variables that runc passes to its child."""
_PERIOD_US = 100_000
COMMAND_ENDED = "the command of its image ended, but must keep running"
_NAMESPACE_KINDS = {"mount": "mnt", "uts": "uts"}
"""The daemon's own namespaces: the names that `nsenter` and the kernel have for each."""

# Arguments: the host's name, and the command. A new /run, because daemons must not find each other's sockets there; a
# host name, because the members of a cluster are identified by it.
_ENTER = """\
name=$1; shift
mount -t tmpfs -o mode=755 run /run && echo "$name" > /proc/sys/kernel/hostname || exit
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """An image in a daemon.

    ``name`` is its name there, and ``command`` what its containers run; None means the image's own command.
    """

    name: str
    command: tuple[str, ...] | None


class Dockerd:
    """A `dockerd` in a host. It ends with the lab, and its containers end with it."""

    def __init__(self, lab: Lab, host: str, options: Sequence[str] = (), namespace: int | None = None) -> None:
        """``options`` are further options of its command line.

        ``namespace`` is the descriptor of the network namespace that it runs in; None means the host's. A daemon for
        all hosts has its own, and ``host`` only names it.

        Raises:
            EmulationError: the run's folder has too long a path.
        """
        self.lab = lab
        self.host = host
        self._options = tuple(options)
        self._network_namespace = namespace
        self._daemon: Daemon | None = None
        self._ping: socket.socket | None = None
        self._client: DockerClient | None = None
        self._loaded: dict[Path, LoadedImage] = {}
        self._namespaces: list[int] = []
        self._log_start = 0
        run = lab.run_folder
        # both not in `start`, which threads call
        self._programs = programs.replacements(run / "docker" / "programs")
        self._variables = reexec.variables(programs.working_iptables())
        # a number: a host's name may be too long for a socket's path, and a host may have several daemons in turn
        self.folder = run / "docker" / str(len(list((run / "docker").iterdir())))
        self.folder.mkdir()
        self._socket = self.folder / "docker.sock"
        if len(os.fsencode(self._socket)) > _SOCKET_BYTES:
            raise EmulationError(f"{run} is too long a path for Docker's socket: set TMPDIR to a shorter one")
        lab.processes.at_end(self.close)

    def start(self) -> None:
        """Start the daemon and return before it is ready. A daemon that starts again still has its containers.

        Raises:
            EmulationError: the daemon cannot be started.
        """
        settings = self.folder / "daemon.json"
        # without this file, it would read the user's, and use or make a key in /etc/docker, which only root may read
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
            f"--storage-driver={storage_driver(self.folder)}",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            f"--cgroup-parent=/{self.lab.processes.groups}",
            "--userland-proxy=false",
            "--raw-logs",
            *self._options,
        ]
        variables = {"PATH": f"{self._programs}:{programs.PATH}", **_COLLECTOR}
        variables |= self._variables
        self._log_start = 0 if self._daemon is None else self._daemon.log.stat().st_size
        command = [*self._enter(), *command]
        self._daemon = start_program(self.lab, self.host, "dockerd", command, variables, self._network_namespace)

    def close(self) -> None:
        """Close the connections to the daemon. The lab's end stops it, or `Daemon.stop` before that."""
        for opened in (self._ping, self._client):
            if opened is not None:
                opened.close()
        self._ping = self._client = None
        while self._namespaces:
            os.close(self._namespaces.pop())

    def _enter(self) -> list[str]:
        """Return the command that enters the daemon's own namespaces: new ones, or those of its previous start."""
        if self._daemon is None:
            return ["unshare", "--uts", "sh", "-c", _ENTER, "sh", host_name(self.host)]
        folder = f"/proc/{os.getpid()}/fd"
        namespaces = zip(_NAMESPACE_KINDS, self._namespaces, strict=True)
        return ["nsenter", *(f"--{kind}={folder}/{descriptor}" for kind, descriptor in namespaces)]

    @property
    def is_new(self) -> bool:
        """True until the daemon is started for the first time."""
        return self._daemon is None

    @property
    def daemon(self) -> Daemon:
        """The process of the daemon, which must have been started."""
        if self._daemon is None:
            raise AssertionError("the daemon has not been started")
        return self._daemon

    def has_logged(self, texts: Sequence[str]) -> bool:
        """Return whether the log has any of some texts since the last start."""
        with self.daemon.log.open("rb") as file:
            file.seek(self._log_start)
            log = file.read()
        return any(text.encode() in log for text in texts)

    def is_ready(self) -> bool:
        """Return whether the daemon serves requests, without waiting for it."""
        if self._ping is None:
            self._ping = _send_ping(self._socket)
        if self._ping is None or not readable([self._ping.fileno()], 0):
            return False
        try:
            answer = self._ping.recv(64)
        except ConnectionError:  # the daemon died, which `Daemon.check` reports
            answer = b""
        self._ping.close()
        self._ping = None
        if b" 200 " not in answer:
            return False
        if not self._namespaces:
            # its networks and its containers' sockets are mounted there: the next start must find them
            paths = [f"/proc/{self.daemon.pid}/ns/{kind}" for kind in _NAMESPACE_KINDS.values()]
            self._namespaces = [os.open(path, os.O_RDONLY | os.O_CLOEXEC) for path in paths]
        return True

    def await_ready(self) -> None:
        """Wait until the daemon serves requests.

        Raises:
            DaemonError: the daemon has died or does not get ready; the message has its last lines of log.
        """
        self.daemon.wait_until(self.is_ready, _READY_PATIENCE_S)

    @property
    def client(self) -> DockerClient:
        """A client of Docker's SDK, connected to the daemon; use it inside `translated_errors`."""
        from docker import DockerClient

        if self._client is None:
            self._client = DockerClient(base_url=f"unix://{self._socket}", version="auto", timeout=_TIMEOUT_S)
        return self._client

    def load(self, image: Image) -> LoadedImage:
        """Load an image into the daemon, unless it has been loaded before.

        Raises:
            DaemonError: the daemon rejects the image.
        """
        if image.path not in self._loaded:
            with self.translated_errors(), image.path.open("rb") as file:
                if image.is_saved:
                    names = [str(loaded.id) for loaded in self.client.images.load(file)]
                else:
                    lines = self.client.api.import_image_from_data(file, repository="gtsdsl").splitlines()
                    answer = json.loads(lines[-1])
                    names = [str(answer["status"])] if "status" in answer else []
                if not names:
                    raise DaemonError(f"dockerd on {self.host} finds no image in {image.path}")
                name = names[0]
                settings = self.client.images.get(name).attrs["Config"]
            has_command = bool(settings.get("Cmd") or settings.get("Entrypoint"))
            self._loaded[image.path] = LoadedImage(name, None if has_command else ("/bin/sh",))
        return self._loaded[image.path]

    def take_images(self, other: Dockerd) -> None:
        """Take over the images that another daemon has loaded; this one must not have been started yet.

        Their files are linked, which takes less time and memory than to load them again. Daemons replace such files
        and do not change them.

        Raises:
            DaemonError: the files cannot be linked.
        """
        data = self.folder / "data"
        data.mkdir(mode=0o711)
        trees = [str(other.folder / "data" / name) for name in ("image", storage_driver(self.folder))]
        command = ["cp", "--archive", "--link", *trees, str(data)]
        done = subprocess.run(command, env=environment(os.environ), capture_output=True, check=False)
        if done.returncode != 0:
            raise DaemonError(f"dockerd on {self.host}: {one_line(done.stderr.decode(errors='replace'))}")
        self._loaded |= other._loaded

    def run(
        self, wanted: Container, image: Image, docker_network: str, names: Mapping[str, str] | None = None
    ) -> RuncContainer:
        """Start a container of an image; if the daemon has a container of this name, start that one.

        ``docker_network`` is the name of the container's network in Docker. ``names`` are further entries of its
        ``/etc/hosts``: addresses by host names.

        Raises:
            DaemonError: the container cannot be started or ends at once; the message quotes its last output.
        """
        loaded = self.load(image)
        with self.translated_errors():
            container = self._find(wanted.name) or self.client.containers.create(
                loaded.name,
                None if loaded.command is None else list(loaded.command),
                name=wanted.name,
                # a container in its host's network has its host's name, too
                hostname=None if docker_network == HOST_NETWORK else wanted.name,
                network=docker_network,
                # not `nano_cpus`, which Docker limits to the processors of the machine
                cpu_period=None if wanted.cpus is None else _PERIOD_US,
                cpu_quota=None if wanted.cpus is None else wanted.cpus * _PERIOD_US,
                mem_limit=wanted.memory_bytes,
                # without a terminal, a shell as the image's command ends at once
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
                output = one_line(container.logs(tail=3).decode(errors="replace"))
                status = state["ExitCode"]
                raise DaemonError(f"container {wanted.name}: {COMMAND_ENDED} (status {status}) {output}".rstrip())
            root = self.folder / "exec" / "runtime-runc" / "moby"
            return RuncContainer(int(state["Pid"]), str(container.id), root)

    def remove(self, name: str) -> None:
        """Stop and remove a container, if it exists.

        Raises:
            DaemonError: the daemon refuses.
        """
        with self.translated_errors():
            if (container := self._find(name)) is not None:
                container.remove(force=True)

    def addresses(self, name: str, docker_network: str) -> tuple[str, str | None]:
        """Return the address of a container in one of Docker's networks, and that of IPv6 if it has one."""
        with self.translated_errors():
            found = self.client.api.inspect_container(name)["NetworkSettings"]["Networks"][docker_network]
        return str(found["IPAddress"]), str(found["GlobalIPv6Address"]) if found.get("GlobalIPv6Address") else None

    def hosts_file(self, name: str) -> Path:
        """Return the path, on this machine, of a container's `/etc/hosts`."""
        with self.translated_errors():
            return Path(self.client.api.inspect_container(name)["HostsPath"])

    def hidden_namespaces(self, pattern: str) -> list[Path]:
        """Return the paths of network namespaces that only the daemon's mount namespace shows, the newest last."""
        folder = Path(f"/proc/{self.daemon.pid}/root{self.folder}/exec/netns")
        return sorted(folder.glob(pattern), key=lambda path: path.stat().st_ino)

    @contextlib.contextmanager
    def translated_errors(self) -> Iterator[None]:
        """Translate errors of the SDK inside the context into `DaemonError`.

        Raises:
            DaemonError: the daemon refuses a request or has ended; the message quotes its reason.
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
        containers = self.client.containers.list(all=True, ignore_removed=True)
        return next((container for container in containers if container.name == name), None)


def _await_command(pid: int) -> None:
    """Wait until a container's first process executes the image's command, which Docker does not wait for.

    Until then the process is runc's, with runc's variables. In a virtual clock it may remain so until this
    process sleeps.
    """
    environment = Path(f"/proc/{pid}/environ")
    with contextlib.suppress(OSError):  # the process has ended
        wait_until(lambda: _RUNC not in environment.read_bytes(), _TIMEOUT_S, _POLL_S)


def storage_driver(folder: Path) -> str:
    """Return the storage driver for a folder: `overlay2` in memory, and else `vfs`, which copies the image.

    `vfs` works on every file system, and `overlay2` does not. A guest has the folders of a run in memory.
    """
    device = folder.stat().st_dev
    mounted = f" {os.major(device)}:{os.minor(device)} "
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    is_in_memory = any(mounted in line and " - tmpfs " in line for line in mounts)
    has_overlay = "\toverlay\n" in Path("/proc/filesystems").read_text()
    return "overlay2" if is_in_memory and has_overlay else "vfs"


def _send_ping(path: Path) -> socket.socket | None:
    """Send a request that the daemon answers once it is ready; None if it does not listen yet."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
        connection.send(_PING)
    except OSError:
        connection.close()
        return None
    return connection
