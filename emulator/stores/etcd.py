"""The store of an overlay: an etcd on a host of the network, or the user's own etcd at an address."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from emulator.lab.daemons import Daemon, start_program, without_variables
from emulator.lab.lab import Lab
from emulator.netlink import namespaces
from emulator.stores.client import Client, StoreError
from emulator.stores.model import StoreLocation
from emulator.stores.relay import Relay
from emulator.system.programs import find_program, printed_version

PORT = 2379
"""The port on which etcd serves clients (IANA)."""
FIRST_WITHOUT_V2 = (3, 6)
"""The first version of etcd without version 2 of its API (https://etcd.io/docs/v3.6/upgrades/upgrade_3_6/)."""

_VERSION = r"(\d+)\.(\d+)\.(\d+)"
_PEER_PORT = 2380
_LOCALHOST = "127.0.0.1"
_HEARTBEAT_MS = 20
_ELECTION_MS = 5 * _HEARTBEAT_MS
"""The shortest election timeout that etcd accepts. The only member elects itself after one to two timeouts less a
heartbeat each; with etcd's defaults this takes up to a second. etcd wakes up once a heartbeat, which is the cost of an
idle etcd in a guest."""


class Store:
    """A key-value store that overlays keep their state in. It ends with the lab.

    On a host it is an etcd with a single member, with versions 2 (before etcd 3.6) and 3 of the API, and with its data
    in memory, which survive `stop`. At an address it is an etcd that runs already, and each host reaches it through a
    relay.
    """

    def __init__(self, lab: Lab, location: StoreLocation, relay: Relay | None = None) -> None:
        """``relay`` forwards to the location's address; None for a store on a host."""
        self.lab = lab
        self.location = location
        self._relay = relay
        self._host = location.host or lab.plan.hosts[0].name
        self.daemon: Daemon | None = None
        """The etcd that `start` started; None before, and for a store at an address."""
        self._is_relayed = False

    @staticmethod
    def lacks(
        location: StoreLocation,
        *,
        in_guest: bool,
        faults: Callable[[tuple[int, ...]], Iterable[str]] = lambda _version: (),
    ) -> Iterator[str]:
        """Yield a sentence for each thing that a store at a location lacks, with the remedy.

        An address is tried out from the network namespace of the caller: call this before `user_namespace.enter`.
        ``faults`` gets the version of the etcd at the address, and returns a sentence for each fault of the version.
        """
        if location.address is None:
            if find_program("etcd") is None:
                yield "etcd is missing: install etcd-server (`apt-get install etcd-server`)"
        elif in_guest:
            yield (
                f"the store at {location.address} cannot be reached from a guest kernel, which has its own network and "
                "its own clock: use `--kernel native`, or a store inside the topology, as in `--store h1`"
            )
        else:
            try:
                with Client(*parse_address(location.address)) as client:
                    version = client.version()
            except StoreError as error:
                yield f"{error}: start an etcd there, or use a store inside the topology, as in `--store h1`"
            else:
                yield from faults(_numbers(re.match(_VERSION, version)))

    def endpoint(self, host: str) -> tuple[str, int]:  # noqa: ARG002 - so far the same for all hosts
        """Return the address and the port at which a host reaches the store."""
        if self.location.address is not None:
            return _LOCALHOST, PORT
        return self.lab.plan.loopback(self._host), PORT

    def start(self) -> None:
        """Start the store and return before it is ready.

        A store that was stopped or has died starts again with its data.

        Raises:
            EmulationError: the store cannot be started.
        """
        if self.location.address is None:
            self.daemon = start_program(self.lab, self._host, "etcd", self._command())
        elif not self._is_relayed:
            if self._relay is None:
                raise AssertionError("a store at an address is reached through a relay")
            for host in self.lab.plan.hosts:
                with namespaces.entered(self.lab.namespace(host.name)):
                    listener = socket.create_server(self.endpoint(host.name))
                self._relay.add_listener(listener)
            self._is_relayed = True

    def runs_on(self, host: str) -> bool:
        """Return whether the etcd that `start` started is on a host, by its name."""
        return self.daemon is not None and self.daemon.host == host

    def stop(self) -> None:
        """Stop the etcd that `start` started, in order. Its data stay."""
        if self.daemon is not None:
            self.daemon.stop()

    def check(self) -> None:
        """Check that the etcd, or the relay to it, runs.

        Raises:
            DaemonError: it has ended; the message has its name and its last lines of log.
        """
        if self.daemon is not None:
            self.daemon.check()
        if self._relay is not None:
            self._relay.check()

    def is_ready(self) -> bool:
        """Return whether the store serves clients, as seen from its own host.

        Raises:
            DaemonError: the etcd, or the relay to it, has ended.
        """
        self.check()
        with self.client() as client:
            return client.is_healthy()

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        """Connect from the store's own host; for a store at an address, from the first host."""
        with (
            namespaces.entered(self.lab.namespace(self._host)),
            Client(*self.endpoint(self._host)) as client,
        ):
            yield client

    @property
    def version(self) -> str:
        """The store's name and version, such as ``etcd 3.4.23``.

        Raises:
            StoreError: the store does not answer.
        """
        with self.client() as client:
            return f"etcd {client.version()}"

    def _command(self) -> list[str]:
        """Return the command that starts etcd without the user's ``ETCD_*`` variables, which are for their own etcd."""
        client_urls = f"http://{self.endpoint(self._host)[0]}:{PORT}"
        peer_url = f"http://{_LOCALHOST}:{_PEER_PORT}"
        return [
            *without_variables("ETCD_"),
            # Docker's cluster store speaks no newer version. A variable asks for it, because etcd 3.6 ignores an
            # unknown variable and refuses an unknown option.
            "ETCD_ENABLE_V2=true",
            "etcd",
            f"--data-dir={self.lab.processes.start() / 'etcd'}",
            # also at the default address of etcdctl
            f"--listen-client-urls={client_urls},http://{_LOCALHOST}:{PORT}",
            f"--advertise-client-urls={client_urls}",
            f"--listen-peer-urls={peer_url}",
            f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
            f"--heartbeat-interval={_HEARTBEAT_MS}",
            f"--election-timeout={_ELECTION_MS}",
        ]


@cache
def installed_version() -> tuple[int, ...]:
    """Return the version of this machine's etcd, such as (3, 4, 23); empty if etcd is missing or does not tell it."""
    return _numbers(printed_version("etcd", "--version", f"etcd Version: {_VERSION}"))


def _numbers(version: re.Match[str] | None) -> tuple[int, ...]:
    return tuple(map(int, version.groups())) if version else ()


def parse_address(text: str) -> tuple[str, int]:
    """Split ``10.0.0.5:2379`` or ``[::1]:2379`` into a host name or address, and a port."""
    name, _, port = text.rpartition(":")
    return name.strip("[]"), int(port)
