"""A store at an address that only this machine's own network reaches, and the relay to it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.lab.daemons import DaemonError
from emulator.mininet.network import EmulatedNetwork
from emulator.netlink import links, namespaces
from emulator.netlink.connection import Netlink
from emulator.stores.client import Client, StoreError
from emulator.stores.etcd import Store
from emulator.stores.model import StoreLocation
from emulator.stores.relay import Relay
from tests.emulator.waiting import next_events, wait_for

pytestmark = pytest.mark.networks
_PLACE = StoreLocation(address="127.0.0.1:2379")


@pytest.fixture
def outside() -> Iterator[int]:
    """The descriptor of a network namespace that stands for this machine's own."""

    def raise_loopback(_: int) -> None:
        with Netlink() as netlink:
            netlink.send([links.up(links.LOOPBACK_INDEX, "lo")])

    ((descriptor, _),) = namespaces.create(1, raise_loopback)
    with namespaces.entered(descriptor):
        yield descriptor
    os.close(descriptor)


@pytest.fixture
def running(outside: int, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The user's own etcd, in the namespace `outside`."""
    assert outside
    command = ["etcd", f"--data-dir={tmp_path / 'data'}"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    with Client("127.0.0.1", 2379) as client:
        wait_for(client.is_healthy)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def relay(outside: int) -> Iterator[Relay]:
    assert outside
    with Relay(("127.0.0.1", 2379)) as made:
        yield made


@pytest.fixture
def store(running: object, relay: Relay, duo: EmulatedNetwork) -> Store:
    assert running
    made = Store(duo.lab, _PLACE, relay)
    made.start()
    wait_for(made.is_ready)
    return made


def test_each_host_reaches_it_at_its_own_loopback_address(duo: EmulatedNetwork, store: Store) -> None:
    assert store.endpoint("a") == store.endpoint("b") == ("127.0.0.1", 2379)
    assert store.version.startswith("etcd 3.")
    namespaces_of = [duo.lab.namespace(name) for name in "ab"]
    with namespaces.entered(namespaces_of[0]), Client(*store.endpoint("a")) as a, a.watch("/", 1) as watch:
        with namespaces.entered(namespaces_of[1]), Client(*store.endpoint("b")) as b:
            b.put("/x", "y" * 1_000_000)
        assert next_events(watch, 1)[0].item.value == "y" * 1_000_000
    with Client("127.0.0.1", 2379) as client:
        item = client.get("/x")
    assert item is not None


def test_a_store_that_dies_is_one_that_ends_the_connection(
    duo: EmulatedNetwork, store: Store, running: subprocess.Popen[bytes]
) -> None:
    with (
        namespaces.entered(duo.lab.namespace("a")),
        Client(*store.endpoint("a")) as client,
        client.watch("/", 1) as watch,
    ):
        running.kill()
        with pytest.raises(StoreError, match="the watch is broken"):
            next_events(watch, 1)
        with pytest.raises(StoreError):
            client.get("/x")
    assert not store.is_ready()
    store.check()  # the relay goes on: it may come back


def test_a_relay_that_has_ended_is_noticed(store: Store, relay: Relay) -> None:
    os.kill(relay.pid, signal.SIGKILL)
    with pytest.raises(DaemonError, match=r"the relay to the store at 127\.0\.0\.1:2379 has ended"):
        wait_for(store.is_ready)
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(DaemonError):
        relay.add_listener(listener)


def test_a_relay_ends_with_the_process_that_made_it(outside: int) -> None:
    assert outside
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, str(Relay(("127.0.0.1", 2379)).pid).encode())
        signal.pause()
    child = os.pidfd_open(int(os.read(reader, 100)))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    poll = select.poll()
    poll.register(child)
    assert poll.poll(60_000)
    for descriptor in (child, reader, writer):
        os.close(descriptor)


def test_what_is_lacking_is_said_before_anything_starts(outside: int) -> None:
    assert outside
    (said,) = Store.lacks(_PLACE, in_guest=False)
    assert said.startswith("the store at 127.0.0.1:2379: connection refused: start an etcd there, or use")
    (said,) = Store.lacks(_PLACE, in_guest=True)
    assert "cannot be reached from a guest kernel" in said
    assert "--kernel native" in said


def test_nothing_is_lacking_where_one_runs(running: object) -> None:
    assert running
    assert list(Store.lacks(_PLACE, in_guest=False)) == []


def test_a_machine_without_etcd_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (said,) = Store.lacks(StoreLocation(host="h1"), in_guest=True)
    assert "`apt-get install etcd-server`" in said
