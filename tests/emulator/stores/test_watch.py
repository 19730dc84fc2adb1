"""Watches of a real etcd: all changes, in order, until the store breaks."""

from __future__ import annotations

import http.client
import json
import select

import pytest

from emulator.mininet.network import EmulatedNetwork
from emulator.stores.client import Client, Event, StoreError
from tests.emulator.waiting import next_events, wait_for

pytestmark = pytest.mark.networks


def test_a_watch_tells_all_changes_since_a_revision_in_their_order(client: Client) -> None:
    start = client.put("/w/1", "a")
    client.put("/elsewhere", "")
    with client.watch("/w/", start) as watch:
        client.put("/w/2", "b")
        client.put("/w/1", "c")
        client.delete("/w/2")
        found = next_events(watch, 4)
        assert watch.events() == ()
    assert [(event.kind, event.item.key, event.item.value) for event in found] == [
        ("put", "/w/1", "a"), ("put", "/w/2", "b"), ("put", "/w/1", "c"), ("delete", "/w/2", ""),
    ]  # fmt: skip
    assert [event.item.mod_revision for event in found] == [start, start + 2, start + 3, start + 4]


def test_a_watch_can_be_polled(client: Client) -> None:
    with client.watch("/", 1) as watch:
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        while poll.poll(200):
            assert watch.events() == ()
        client.put("/a", "")
        found: list[Event] = []
        while not found:  # a message may come in pieces
            assert poll.poll(60_000)
            found += watch.events()
    assert [event.item.key for event in found] == ["/a"]


def test_many_and_large_changes_come_whole(client: Client) -> None:
    # a message of a megabyte comes in pieces, and a hundred small ones in one
    start = client.put("/large", "x" * 1_000_000)
    for number in range(100):
        client.put(f"/small/{number}", "y")
    with client.watch("/", start) as watch:
        found = next_events(watch, 101)
    assert len(found[0].item.value) == 1_000_000
    assert [event.item.key for event in found[1:]] == [f"/small/{number}" for number in range(100)]


def test_a_watch_from_before_the_compaction_says_so(client: Client) -> None:
    first = client.put("/a", "1")
    last = client.put("/a", "2")
    compact = http.client.HTTPConnection(*client.address)
    compact.request("POST", "/v3/kv/compaction", json.dumps({"revision": str(last)}))
    assert compact.getresponse().status == 200
    compact.close()
    with client.watch("/a", first) as watch, pytest.raises(StoreError, match=f"the changes before revision {last}"):
        next_events(watch, 2)
    with client.watch("/a", last) as watch:
        assert [event.item.value for event in next_events(watch, 1)] == ["2"]


def test_a_watch_notices_that_the_store_is_cut_off(client: Client, duo: EmulatedNetwork) -> None:
    start = client.put("/a", "1")
    with client.watch("/a", start) as watch:
        next_events(watch, 1)
        duo.configLinkStatus("a", "b", "down")
        with pytest.raises(StoreError, match=r"the watch is broken: (connection timed out|no route to host)"):
            next_events(watch, 1)
    duo.configLinkStatus("a", "b", "up")
    wait_for(client.is_healthy)
