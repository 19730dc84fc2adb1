"""How the daemons of Docker's overlay find each other: through an external key-value store, or as a swarm."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from emulator.docker.daemon import Dockerd, host_name
from emulator.lab.daemons import DaemonError

NETWORK = "gtsdsl"
"""Docker's name of the overlay network."""
INGRESS_POOL = "198.19.0.0/16"
"""Where swarm's own network gets its addresses: the range for benchmarks (RFC 2544), which no topology should have."""

_SWARM_PORT = 2377
_ADVERTISED_PORT = 2376
_GOSSIP_S = 1.0
"""What a new member waits before its first container. That one asks another member for all that is known of the
network, and waits for the answer for half a minute, of which `dockerd` waits for twenty seconds; but the other answers
only if it has heard of the new member, which gossip brings, five times a second."""
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Network:
    """The overlay network that is to be made: where containers get their addresses from, and what circuits carry.

    Docker is told the MTU of the network below: its driver takes off what it adds.
    """

    pool: str
    circuit_mtu_bytes: int


class Variant(Protocol):
    """How daemons are joined. ``address`` is the host's own; the methods but `options` may block."""

    def options(self, host: str, address: str) -> list[str]:
        """Further options of a host's daemon."""

    def await_turn(self, host: str) -> None:
        """Wait until a host's daemon may be started."""

    def found(self, daemon: Dockerd, address: str) -> None:
        """What is done on the first host: the overlay network is made."""

    def join(self, daemon: Dockerd, address: str) -> None:
        """What is done on the others, so that containers can be in that network."""

    def leave(self, daemon: Dockerd) -> None:
        """What is done on a host before its daemon is stopped for good."""


class KeyValueVariant:
    """Docker 20.10's: all daemons keep their networks in one external store, and announce themselves there."""

    def __init__(self, hosts: Sequence[str], wanted: Network, endpoint: Callable[[str], tuple[str, int]]) -> None:
        """``endpoint`` is where a host reaches the store."""
        self._hosts = tuple(hosts)
        self._wanted = wanted
        self._endpoint = endpoint
        self._gossips = {host: threading.Event() for host in hosts}

    def options(self, host: str, address: str) -> list[str]:
        """The store, and the address under which the daemon announces itself, which is its tunnels' too."""
        store, port = self._endpoint(host)
        return [f"--cluster-store=etcd://{store}:{port}", f"--cluster-advertise={address}:{_ADVERTISED_PORT}"]

    def await_turn(self, host: str) -> None:
        """Wait for the host before, so that a daemon finds in the store only such as gossip with each other.

        It joins one of them, whichever it sees first, and tries no other. If several start at once, some see each
        other first, and are a group of their own for ever.
        """
        for before in self._hosts[: self._hosts.index(host)]:
            self._gossips[before].wait()  # without end: what keeps the one before is that one's own error

    def found(self, daemon: Dockerd, address: str) -> None:  # noqa: ARG002
        """Make the network, once the daemon has found the store."""

        def is_there() -> bool:
            if network_id(daemon):
                return True
            try:
                with daemon.translated_errors():
                    make_network(daemon, self._wanted)
            except DaemonError as error:
                if "not initialized" not in str(error):  # it has not reached the store yet
                    raise
                return False
            return True

        daemon.daemon.wait_until(is_there, _PATIENCE_S, "does not reach the store")
        self._await_gossip(daemon, [daemon.host])

    def join(self, daemon: Dockerd, address: str) -> None:  # noqa: ARG002
        """Wait until the network shows, and another member."""
        trouble = "does not see the overlay network in the store"
        daemon.daemon.wait_until(lambda: bool(network_id(daemon)), _PATIENCE_S, trouble)
        self._await_gossip(daemon, [host for host in self._hosts if host != daemon.host])

    def leave(self, daemon: Dockerd) -> None:
        """Nothing: the daemon's announcement ends by itself."""

    def _await_gossip(self, daemon: Dockerd, members: Sequence[str]) -> None:
        """Wait until a daemon knows one of some members, which only its log tells.

        It learns its own address from the store, a moment after it is ready. Whoever asks it for a container that was
        started before is told of no address, and never asks again.
        """
        joined = [f"serf: EventMemberJoin: {host_name(host)} " for host in members]
        daemon.daemon.wait_until(lambda: daemon.has_logged(joined), _PATIENCE_S, "does not gossip")
        self._gossips[daemon.host].set()


class SwarmVariant:
    """Swarm mode: the first host's daemon is the manager, the others are workers."""

    def __init__(self, wanted: Network) -> None:
        self._wanted = wanted
        self._manager: Future[tuple[str, str]] = Future()

    def options(self, host: str, address: str) -> list[str]:  # noqa: ARG002
        """None."""
        return []

    def await_turn(self, host: str) -> None:
        """They may start at once, and wait when they join."""

    def found(self, daemon: Dockerd, address: str) -> None:
        """Start a swarm, and make the network in it."""
        try:
            with daemon.translated_errors():
                if _state(daemon) == "inactive":
                    listen = f"{address}:{_SWARM_PORT}"
                    daemon.client.swarm.init(address, listen, default_addr_pool=[INGRESS_POOL])
                if not network_id(daemon):
                    make_network(daemon, self._wanted, attachable=True)
                token = daemon.client.api.inspect_swarm()["JoinTokens"]["Worker"]
        except BaseException as error:
            if not self._manager.done():
                self._manager.set_exception(error)
            raise
        if not self._manager.done():
            self._manager.set_result((f"{address}:{_SWARM_PORT}", token))

    def join(self, daemon: Dockerd, address: str) -> None:
        """Join the swarm, when there is one."""
        daemon.daemon.wait_until(self._manager.done, _PATIENCE_S, "sees no swarm that it could join")
        manager, token = self._manager.result()
        with daemon.translated_errors():
            if _state(daemon) == "inactive":
                daemon.client.swarm.join([manager], token, f"{address}:{_SWARM_PORT}", address)
        trouble = "does not become a member of the swarm"
        daemon.daemon.wait_until(lambda: _state(daemon) == "active", _PATIENCE_S, trouble)
        time.sleep(_GOSSIP_S)

    def leave(self, daemon: Dockerd) -> None:
        """Leave the swarm. A daemon that has been killed before may be unable to, and will be stopped as it is."""
        with contextlib.suppress(DaemonError), daemon.translated_errors():
            daemon.client.swarm.leave(force=True)


def make_network(daemon: Dockerd, wanted: Network, *, attachable: bool | None = None) -> None:
    """Make the overlay network."""
    from docker.types import IPAMConfig, IPAMPool

    daemon.client.networks.create(
        NETWORK,
        driver="overlay",
        attachable=attachable,
        ipam=IPAMConfig(pool_configs=[IPAMPool(wanted.pool)]),
        options={"com.docker.network.driver.mtu": str(wanted.circuit_mtu_bytes)},
    )


def network_id(daemon: Dockerd) -> str:
    """The overlay network's identifier; empty if a daemon does not know it."""
    with daemon.translated_errors():
        found = daemon.client.api.networks(names=[NETWORK])
    return next((str(network["Id"]) for network in found if network["Name"] == NETWORK), "")


def _state(daemon: Dockerd) -> str:
    """Whether a daemon is a member of a swarm: ``inactive``, ``pending``, ``active``, ``error``, ``locked``."""
    with daemon.translated_errors():
        return str(daemon.client.info()["Swarm"]["LocalNodeState"])
