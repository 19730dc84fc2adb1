"""The client with a real etcd on another host: keys, leases, a watch, and stores that fail."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from emulator.stores.client import Client, Event, StoreError
from emulator.stores.etcd import Store
from tests.emulator.waiting import next_events, wait_for

pytestmark = pytest.mark.networks


def test_keys_are_set_and_read_and_removed(client: Client) -> None:
    assert client.get("/a") is None
    first = client.put("/a", "1")
    assert client.put("/a", "zwei, 二") == first + 1
    item = client.get("/a")
    assert item is not None
    assert (item.value, item.create_revision, item.mod_revision, item.lease) == ("zwei, 二", first, first + 1, 0)
    assert client.delete("/a")
    assert not client.delete("/a")
    assert client.get("/a") is None


def test_keys_are_listed_by_prefix_with_the_revision_to_watch_from(client: Client) -> None:
    for key in ("/net/b", "/net/a", "/nett", "/ne", "/net/\xff"):
        last = client.put(key, key.upper())
    listing = client.list_keys("/net/")
    assert [(item.key, item.value) for item in listing.items] == [
        ("/net/a", "/NET/A"), ("/net/b", "/NET/B"), ("/net/\xff", "/NET/\xff".upper()),
    ]  # fmt: skip
    assert listing.revision == last
    assert len(client.list_keys("").items) == 5


def test_what_is_no_text_comes_through(client: Client) -> None:
    odd = b"\x00\xff\xfe\n".decode(errors="surrogateescape")
    client.put(odd, odd)
    (item,) = client.list_keys("\x00").items
    assert item.key.encode(errors="surrogateescape") == b"\x00\xff\xfe\n"
    assert item.value == item.key


def test_of_two_who_want_a_key_one_gets_it(client: Client) -> None:
    assert client.put_if("/subnet", 0, "mine")
    assert not client.put_if("/subnet", 0, "yours")
    item = client.get("/subnet")
    assert item is not None
    assert item.value == "mine"
    changed = client.put_if("/subnet", item.mod_revision, "changed")
    assert changed > item.mod_revision
    assert not client.put_if("/subnet", item.mod_revision, "changed by one who has not seen it")


def test_a_lease_takes_its_keys_along(client: Client) -> None:
    lease = client.grant(60)
    client.put("/mine", "here", lease)
    item = client.get("/mine")
    assert item is not None
    assert item.lease == lease
    assert client.keep_alive(lease) == 60
    client.revoke(lease)
    assert client.get("/mine") is None
    assert client.keep_alive(lease) == 0
    with pytest.raises(StoreError, match=r"the store at 100\.64\.0\.2:2379: etcdserver: requested lease not found"):
        client.put("/mine", "again", lease)


def test_a_lease_that_nobody_keeps_alive_ends(client: Client) -> None:
    kept, lost = client.grant(5), client.grant(2)
    began_s = time.monotonic()
    client.put("/kept", "", kept)
    revision = client.put("/lost", "", lost)
    with client.watch("/", revision + 1) as watch:
        found: list[Event] = []
        while not found or time.monotonic() < began_s + 6:  # longer than the lease that is kept
            client.keep_alive(kept)
            found += watch.events(0.2)
    assert [(event.kind, event.item.key) for event in found] == [("delete", "/lost")]
    assert client.get("/kept") is not None


def test_a_store_that_stops_is_noticed_and_comes_back_with_its_keys(client: Client, store: Store) -> None:
    client.put("/a", "1")
    with client.watch("/a", 1) as watch:
        store.stop()
        with pytest.raises(StoreError, match="the watch is broken"):
            next_events(watch, 2)
        # a request on the connection that it ended, and one on a new connection
        for _ in range(2):
            with pytest.raises(StoreError, match=r"the store at 100\.64\.0\.2:2379: "):
                client.get("/a")
        with pytest.raises(StoreError, match="connection refused"):
            client.watch("/a", 1)
    assert not client.is_healthy()
    store.start()
    wait_for(client.is_healthy)
    item = client.get("/a")
    assert item is not None
    assert item.value == "1"


def test_a_store_that_hangs_is_given_up_after_the_deadline(client: Client, store: Store) -> None:
    impatient = Client(*client.address, deadline_s=1)
    wait_for(impatient.is_healthy)
    daemon = store.daemon
    assert daemon is not None
    os.killpg(daemon.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, daemon.pid, os.WSTOPPED)  # all its threads: one of them might still answer
    try:
        with pytest.raises(StoreError, match="no answer within 1 s"):
            impatient.get("/a")
    finally:
        os.killpg(daemon.pid, signal.SIGCONT)
    wait_for(impatient.is_healthy)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "the answer is not that of an etcd"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n[1,2,3]", "the answer is not that of an etcd"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", "HTTP status 404"),
        (b"SSH-2.0-OpenSSH\r\n", "the answer is not that of an etcd"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "the answer is not that of an etcd"),
        (b"", "the answer is not that of an etcd"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{"error":"\\u001b[2Jred"}', r"\\x1b\[2Jred"),
    ],
)
def test_what_answers_and_is_no_store_is_named(answer: bytes, message: str) -> None:
    with _server(answer) as address, Client(*address) as client, pytest.raises(StoreError, match=message):
        client.get("/a")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 404 Not Found\r\n\r\n<html>",
        b"HTTP/1.0 200 OK\r\n\r\nhello\n",
        b'HTTP/1.0 200 OK\r\n\r\n{"result": 5}\n',
        b'HTTP/1.0 200 OK\r\n\r\n{"result": {"events": [{"kv": 5}]}}\n',
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
)
def test_a_watch_of_what_is_no_store_is_broken(answer: bytes) -> None:
    with _server(answer) as address, Client(*address) as client, client.watch("/", 1) as watch:  # noqa: SIM117
        with pytest.raises(StoreError, match="the store at 127"):
            next_events(watch, 1)


def test_a_message_that_comes_in_pieces_is_one() -> None:
    event = b'{"result": {"events": [{"kv": {"key": "YQ==", "mod_revision": "7"}}]}}\n'
    whole = b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n" + event + event
    for size in (1, 7, len(whole) - 3):
        with _server(whole, size) as address, Client(*address) as client, client.watch("/", 1) as watch:
            found = [event.item.mod_revision for event in next_events(watch, 2)]
        assert found == [7, 7]


@contextlib.contextmanager
def _server(answer: bytes, size: int = 1000) -> Iterator[tuple[str, int]]:
    """Run a server on the loopback interface that gives the first client one answer in pieces; yield its address."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(0, len(answer), size):
                connection.sendall(answer[at : at + size])
                time.sleep(0.001)  # so that it is a packet of its own
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):  # what is left unread when it is closed would take the answer with it
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            thread.join()
