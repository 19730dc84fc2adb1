"""The variants of Docker's overlay: daemons that find each other in a key-value store, or that form a swarm."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from emulator.docker.daemon import Dockerd
from emulator.lab.daemons import DaemonError
from emulator.lab.processes import host_name

NETWORK_NAME = "gtsdsl"
"""The name of the overlay network in Docker."""
INGRESS_POOL = "198.19.0.0/16"
"""The network that a swarm's ingress network gets its addresses from: a part of the range for benchmarks (RFC 2544),
which no topology should use."""

_SWARM_PORT = 2377
_ADVERTISED_PORT = 2376
_GOSSIP_S = 1.0
"""The pause between joining and the first container. The first container's daemon asks another member for all that it
knows of the network. The other member answers only if it has heard of the new one, by gossip, which members exchange
five times a second. Without an answer, `dockerd` fails after twenty seconds."""
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class DockerNetwork:
    """The overlay network to create in Docker.

    ``subnet_pool`` is the network that containers get their addresses from. ``circuit_mtu_bytes`` is the MTU
    of the circuits, because Docker's driver subtracts its own headers; None is Docker's default, 1,500.
    """

    subnet_pool: str
    circuit_mtu_bytes: int | None


class Variant(Protocol):
    """The steps by which daemons find each other. ``address`` is the host's own. Methods except `options` may block."""

    def options(self, host: str, address: str) -> list[str]:
        """Return further options of a host's daemon."""

    def await_turn(self, host: str) -> None:
        """Wait until a host's daemon may start."""

    def create(self, dockerd: Dockerd, address: str) -> None:
        """Create the overlay network, on the first host."""

    def join(self, dockerd: Dockerd, address: str) -> None:
        """Join another host, so that its containers can be in the overlay network."""

    def leave(self, dockerd: Dockerd) -> None:
        """Leave before the daemon is stopped for good."""


class KeyValueVariant:
    """Docker 20.10 with an external store, in which all daemons keep their networks and announce themselves."""

    def __init__(
        self, hosts: Sequence[str], docker_network: DockerNetwork, endpoint: Callable[[str], tuple[str, int]]
    ) -> None:
        """``endpoint`` returns the address and the port at which a host reaches the store."""
        self._hosts = tuple(hosts)
        self._docker_network = docker_network
        self._endpoint = endpoint
        self._gossips = {host: threading.Event() for host in hosts}

    def options(self, host: str, address: str) -> list[str]:
        """Return the options with the store's address, and with the host's own, where its tunnels end, too."""
        store, port = self._endpoint(host)
        return [f"--cluster-store=etcd://{store}:{port}", f"--cluster-advertise={address}:{_ADVERTISED_PORT}"]

    def await_turn(self, host: str) -> None:
        """Wait until the daemons of all previous hosts gossip with each other.

        A daemon joins the first other daemon that it sees in the store, and tries no other. If several started at
        once, some would see each other first, and remain a separate group.
        """
        for previous in self._hosts[: self._hosts.index(host)]:
            self._gossips[previous].wait()  # without a deadline: if the previous host fails, its own error is reported

    def create(self, dockerd: Dockerd, address: str) -> None:  # noqa: ARG002
        """Create the network once the daemon has reached the store."""

        def is_created() -> bool:
            if docker_network_id(dockerd):
                return True
            try:
                with dockerd.translated_errors():
                    create_docker_network(dockerd, self._docker_network)
            except DaemonError as error:
                if "not initialized" not in str(error):  # the daemon has not reached the store yet
                    raise
                return False
            return True

        dockerd.daemon.wait_until(is_created, _PATIENCE_S, "does not reach the store")
        self._await_gossip(dockerd, [dockerd.host])

    def join(self, dockerd: Dockerd, address: str) -> None:  # noqa: ARG002
        """Wait until the daemon sees the network in the store and another member."""
        trouble = "does not see the overlay network in the store"
        dockerd.daemon.wait_until(lambda: bool(docker_network_id(dockerd)), _PATIENCE_S, trouble)
        self._await_gossip(dockerd, [host for host in self._hosts if host != dockerd.host])

    def leave(self, dockerd: Dockerd) -> None:
        """Do nothing: the daemon's announcement expires."""

    def _await_gossip(self, dockerd: Dockerd, members: Sequence[str]) -> None:
        """Wait until a daemon has logged that it knows any of some members; no interface reports it.

        A daemon learns its own address from the store a moment after it is ready. If another daemon asked it about a
        container that was started before, it would answer without an address, and the other would never ask again.
        """
        lines = [f"serf: EventMemberJoin: {host_name(host)} " for host in members]
        dockerd.daemon.wait_until(lambda: dockerd.has_logged(lines), _PATIENCE_S, "does not gossip")
        self._gossips[dockerd.host].set()


class SwarmVariant:
    """Swarm mode: the daemon of the first host is the manager, and the others are workers."""

    def __init__(self, docker_network: DockerNetwork) -> None:
        self._docker_network = docker_network
        self._manager: Future[tuple[str, str]] = Future()

    def options(self, host: str, address: str) -> list[str]:  # noqa: ARG002
        """Return no options."""
        return []

    def await_turn(self, host: str) -> None:
        """Return at once, because the daemons may start side by side; `join` waits until the manager has the swarm."""

    def create(self, dockerd: Dockerd, address: str) -> None:
        """Start a swarm, and create the network in it."""
        try:
            with dockerd.translated_errors():
                if _swarm_state(dockerd) == "inactive":
                    listen = f"{address}:{_SWARM_PORT}"
                    dockerd.client.swarm.init(address, listen, default_addr_pool=[INGRESS_POOL])
                if not docker_network_id(dockerd):
                    create_docker_network(dockerd, self._docker_network, attachable=True)
                token = dockerd.client.api.inspect_swarm()["JoinTokens"]["Worker"]
        except BaseException as error:
            if not self._manager.done():
                self._manager.set_exception(error)
            raise
        if not self._manager.done():
            self._manager.set_result((f"{address}:{_SWARM_PORT}", token))

    def join(self, dockerd: Dockerd, address: str) -> None:
        """Join the swarm as soon as the manager has started it."""
        dockerd.daemon.wait_until(self._manager.done, _PATIENCE_S, "finds no swarm to join")
        manager, token = self._manager.result()
        with dockerd.translated_errors():
            if _swarm_state(dockerd) == "inactive":
                dockerd.client.swarm.join([manager], token, f"{address}:{_SWARM_PORT}", address)
        trouble = "does not become a member of the swarm"
        dockerd.daemon.wait_until(lambda: _swarm_state(dockerd) == "active", _PATIENCE_S, trouble)
        time.sleep(_GOSSIP_S)

    def leave(self, dockerd: Dockerd) -> None:
        """Leave the swarm. Errors are ignored: a daemon that was killed before may be unable to leave."""
        with contextlib.suppress(DaemonError), dockerd.translated_errors():
            dockerd.client.swarm.leave(force=True)


def create_docker_network(dockerd: Dockerd, docker_network: DockerNetwork, *, attachable: bool | None = None) -> None:
    """Create the overlay network. Only an ``attachable`` network of a swarm takes containers of `docker run`."""
    from docker.types import IPAMConfig, IPAMPool

    mtu_bytes = docker_network.circuit_mtu_bytes
    dockerd.client.networks.create(
        NETWORK_NAME,
        driver="overlay",
        attachable=attachable,
        ipam=IPAMConfig(pool_configs=[IPAMPool(docker_network.subnet_pool)]),
        options=None if mtu_bytes is None else {"com.docker.network.driver.mtu": str(mtu_bytes)},
    )


def docker_network_id(dockerd: Dockerd) -> str:
    """Return the overlay network's identifier; empty if the daemon does not know the network."""
    with dockerd.translated_errors():
        networks = dockerd.client.api.networks(names=[NETWORK_NAME])
    return next((str(network["Id"]) for network in networks if network["Name"] == NETWORK_NAME), "")


def _swarm_state(dockerd: Dockerd) -> str:
    """Return a daemon's state in a swarm: ``inactive``, ``pending``, ``active``, ``error`` or ``locked``."""
    with dockerd.translated_errors():
        return str(dockerd.client.info()["Swarm"]["LocalNodeState"])
