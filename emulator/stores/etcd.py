"""etcd, as a process in a host of the network or somebody else's at an address: where overlays keep their state."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from emulator.lab.daemons import Daemon, start_program
from emulator.netlink import namespaces
from emulator.stores.client import Client, StoreError
from emulator.stores.model import StoreLocation
from emulator.stores.relay import Relay
from emulator.system.programs import find_program

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork

PORT = 2379
"""Where etcd serves its clients (IANA)."""

_PEER_PORT = 2380
_HERE = "127.0.0.1"
_HEARTBEAT_MS = 20
_ELECTION_MS = 5 * _HEARTBEAT_MS
"""The least that etcd takes. The only member elects itself after one to two of these less one heartbeat each: with
etcd's own figures after up to a second. Its clock ticks once a heartbeat, which is what an idle etcd costs a guest."""


class Store:
    """A key-value store. It ends with the network.

    Its own is etcd with a single member, both versions of its API, and its data in memory, which outlive a stop.
    """

    def __init__(self, network: EmulatedNetwork, place: StoreLocation, relay: Relay | None = None) -> None:
        """``relay`` leads to the place's address, if it is one; see `Relay` for when to make it."""
        self.network = network
        self.place = place
        self._relay = relay
        self._host = place.host or network.plan.hosts[0].name
        self.daemon: Daemon | None = None
        """Its process, if it is ours and was started."""
        self._is_relayed = False

    @staticmethod
    def lacks(place: StoreLocation, *, in_guest: bool) -> Iterator[str]:
        """What is missing for a store at a place, a sentence each, with what mends it.

        It connects to an address: ask in the machine's own network, before `user_namespace.enter`.
        """
        if place.address is None:
            if find_program("etcd") is None:
                yield "etcd is missing: install etcd-server (`apt-get install etcd-server`)"
        elif in_guest:
            yield (
                f"the store at {place.address} cannot be reached from a guest kernel, which has no network but its own "
                "(and a clock of its own): take `--kernel native`, or a store inside the topology, as in `--store h1`"
            )
        else:
            try:
                with Client(*parse_address(place.address)) as client:
                    client.version()
            except StoreError as error:
                yield f"{error}: start an etcd there, or take a store inside the topology, as in `--store h1`"

    def endpoint(self, host: str) -> tuple[str, int]:  # noqa: ARG002 - the same from all, as yet
        """The address and the port at which it is reached from a host."""
        if self.place.address is not None:
            return _HERE, PORT
        return next(it.loopback for it in self.network.plan.hosts if it.name == self._host), PORT

    def start(self) -> None:
        """Start it, or start it again after it was stopped or died, with what it held; returns before it is ready.

        Raises:
            EmulationError: it cannot be started.
        """
        if self.place.address is None:
            self.daemon = start_program(self.network.lab, self._host, "etcd", self._command())
        elif not self._is_relayed:
            if self._relay is None:
                raise AssertionError("a store at an address is reached through a relay")
            for host in self.network.plan.hosts:
                with namespaces.entered(self.network.underlay.namespaces[host.name].descriptor):
                    listener = socket.create_server(self.endpoint(host.name))
                self._relay.take(listener)
            self._is_relayed = True

    def stop(self) -> None:
        """Stop it in order, if it is ours. It keeps what it holds."""
        if self.daemon is not None:
            self.daemon.stop()

    def check(self) -> None:
        """See that it runs.

        Raises:
            DaemonError: it has ended; its name and its last lines of log.
        """
        if self.daemon is not None:
            self.daemon.check()
        if self._relay is not None:
            self._relay.check()

    def is_ready(self) -> bool:
        """Whether it serves its clients, seen from its own host.

        Raises:
            DaemonError: it never will: it has ended.
        """
        self.check()
        with self._client() as client:
            return client.is_healthy()

    @property
    def version(self) -> str:
        """What it says that it is: ``etcd 3.4.23``.

        Raises:
            StoreError: it does not answer.
        """
        with self._client() as client:
            return f"etcd {client.version()}"

    @contextlib.contextmanager
    def _client(self) -> Iterator[Client]:
        """A client in the store's host; an address has it in the first, as in each."""
        with (
            namespaces.entered(self.network.underlay.namespaces[self._host].descriptor),
            Client(*self.endpoint(self._host)) as client,
        ):
            yield client

    def _command(self) -> list[str]:
        """The line that starts it. What the user's environment says to etcd is for the user's own."""
        ours = [name for name in os.environ if name.startswith("ETCD_")]
        client_urls = f"http://{self.endpoint(self._host)[0]}:{PORT}"
        peer_url = f"http://{_HERE}:{_PEER_PORT}"
        return [
            "env",
            *(word for name in ours for word in ("-u", name)),
            "etcd",
            f"--data-dir={self.network.world.start() / 'etcd'}",
            # also where its tools look for it if they are told nothing
            f"--listen-client-urls={client_urls},http://{_HERE}:{PORT}",
            f"--advertise-client-urls={client_urls}",
            f"--listen-peer-urls={peer_url}",
            f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
            f"--heartbeat-interval={_HEARTBEAT_MS}",
            f"--election-timeout={_ELECTION_MS}",
            "--enable-v2",  # Docker's cluster store speaks nothing newer
        ]


def parse_address(text: str) -> tuple[str, int]:
    """``10.0.0.5:2379`` or ``[::1]:2379`` as a name and a port."""
    name, _, port = text.rpartition(":")
    return name.strip("[]"), int(port)
