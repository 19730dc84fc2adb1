"""Calico's addresses in a real etcd: blocks that hosts claim, also at the same time, and addresses in them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network

import pytest

from emulator.overlays.calico.ipam import (
    Address,
    Attribute,
    Block,
    Ipam,
    NoAddressError,
    block_from_json,
    block_key,
    block_to_json,
    first_blocks,
)
from emulator.overlays.calico.resources import affinity_key, affinity_to_json
from emulator.stores.client import Client, StoreError
from emulator.stores.etcd import Store

POOL = IPv4Network("10.244.0.0/16")
FIRST = IPv4Network("10.244.1.0/26")


@pytest.mark.networks
def test_a_host_begins_at_its_own_block_and_a_handle_keeps_its_address(client: Client) -> None:
    ipam = Ipam(POOL, "h1", 1)
    assert str(ipam.assign(client, "net.c1", {"container": "c1"})) == "10.244.1.0"
    assert str(ipam.assign(client, "net.c2", {})) == "10.244.1.1"
    assert str(ipam.assign(client, "net.c1", {})) == "10.244.1.0"
    assert str(Ipam(POOL, "h1", 1).assign(client, "net.c1", {})) == "10.244.1.0"
    assert str(Ipam(POOL, "h2", 2).assign(client, "net.c3", {})) == "10.244.2.0"
    stored = client.get(block_key(FIRST))
    assert stored is not None
    block = block_from_json(stored.value)
    assert block.attributes[0] == Attribute("net.c1", {"container": "c1", "node": "h1"})
    assert (block.host, block.free[0], block.sequence) == ("h1", 2, 2)


@pytest.mark.networks
def test_a_full_block_is_followed_by_the_next_free_one(client: Client) -> None:
    owners = Block(FIRST, "h1", free=())
    client.put(block_key(FIRST), block_to_json(owners))
    client.put(affinity_key("h1", FIRST), affinity_to_json("confirmed"))
    other = IPv4Network("10.244.1.64/26")
    client.put(block_key(other), block_to_json(Block(other, "h9")))
    assert str(Ipam(POOL, "h1", 1).assign(client, "net.c1", {})) == "10.244.1.128"


@pytest.mark.networks
def test_an_affinity_that_was_left_pending_is_confirmed(client: Client) -> None:
    client.put(affinity_key("h1", FIRST), affinity_to_json("pending"))
    assert str(Ipam(POOL, "h1", 1).assign(client, "net.c1", {})) == "10.244.1.0"
    stored = client.get(affinity_key("h1", FIRST))
    assert stored is not None
    assert json.loads(stored.value)["state"] == "confirmed"


@pytest.mark.networks
def test_a_pending_affinity_to_a_block_of_another_host_is_removed(client: Client) -> None:
    client.put(affinity_key("h1", FIRST), affinity_to_json("pending"))
    client.put(block_key(FIRST), block_to_json(Block(FIRST, "h9")))
    assert str(Ipam(POOL, "h1", 1).assign(client, "net.c1", {})) == "10.244.1.64"
    assert client.get(affinity_key("h1", FIRST)) is None


@pytest.mark.networks
def test_hosts_that_want_the_same_block_at_once_get_different_ones(store: Store) -> None:
    def take(host: str) -> list[Address]:
        with store.client() as client:
            ipam = Ipam(POOL, host, 1)  # all begin at the same block
            return [ipam.assign(client, f"net.{host}.{number}", {}) for number in range(3)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(take, (f"h{number}" for number in range(4))))
    blocks = [{IPv4Network((int(address), 26), strict=False) for address in it} for it in found]
    assert [len(it) for it in blocks] == [1] * 4
    assert len(set.union(*blocks)) == 4
    assert all(int(it[1]) == int(it[0]) + 1 for it in found)


@pytest.mark.networks
def test_two_processes_of_a_host_take_different_addresses_of_its_block(store: Store) -> None:
    def take(number: int) -> Address:
        with store.client() as client:
            return Ipam(POOL, "h1", 1).assign(client, f"net.{number}", {})

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(take, range(4)))) == 4


@pytest.mark.networks
def test_a_pool_without_a_free_block_and_a_malformed_block_are_said(client: Client) -> None:
    pool = IPv4Network("10.9.0.0/26")
    Ipam(pool, "h1", 1).assign(client, "net.c1", {})
    with pytest.raises(NoAddressError, match=r"all blocks of 10\.9\.0\.0/26 are in use: use a larger network"):
        Ipam(pool, "h2", 2).assign(client, "net.c2", {})
    key = block_key(IPv4Network("10.9.0.0/26"))
    client.put(key, "[]")
    with pytest.raises(StoreError, match="it is not a block of Calico's"):
        Ipam(pool, "h1", 1).assign(client, "net.c3", {})


def test_a_block_is_the_same_after_json() -> None:
    address, block = Block(FIRST, "h1").assign(Attribute("net.c1", {"node": "h1"}))
    assert str(address) == "10.244.1.0"
    assert block_from_json(block_to_json(block)) == block
    assert list(block.addresses_of("net.c1")) == [address]
    assert list(block.addresses_of("net.c2")) == []
    released = Block(FIRST, None)
    assert block_from_json(block_to_json(released)) == released


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cidr":"10.244.1.0/24"}', "[" * 100_000])
def test_what_is_no_block_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        block_from_json(text)


def test_a_block_of_another_size_or_with_other_numbers_is_refused() -> None:
    fields = json.loads(block_to_json(Block(FIRST, "h1")))
    changes: list[dict[str, object]] = [{"cidr": "10.244.1.0/25"}, {"allocations": []}, {"unallocated": [64]}]
    for change in changes:
        with pytest.raises(ValueError, match="it is not a block of /26"):
            block_from_json(json.dumps({**fields, **change}))


def test_a_pool_has_blocks_from_their_own_size_on() -> None:
    pools = ("10.0.0.0/27", "10.0.0.0/26", "10.0.0.0/24", "10.0.0.0/8")
    assert [first_blocks(IPv4Network(it)) for it in pools] == [0, 1, 4, 2**18]
