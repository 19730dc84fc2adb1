"""Calico's address management: blocks of a pool that hosts claim in etcd, and addresses in them.

It follows `libcalico-go/lib/ipam`: a host first writes a pending affinity, then creates the block, then confirms the
affinity. Each write demands that the key is as it was read, so two hosts never hold the same block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network

from emulator.overlays.calico.resources import (
    AFFINITIES,
    BLOCK_BITS,
    ROOT,
    affinity_from_item,
    affinity_key,
    affinity_to_json,
    dump,
    load,
)
from emulator.stores.client import Client, StoreError
from emulator.system.errors import EmulationError

_BLOCKS = f"{ROOT}ipam/v2/assignment/ipv4/block/"
_HANDLES = f"{ROOT}ipam/v2/handle/"
_SIZE = 2 ** (32 - BLOCK_BITS)
_STRIDE = 4
"""The blocks between the first choices of two hosts, so that host 2 of 10.244.0.0/16 begins at 10.244.2.0/26."""
_MAX_ATTEMPTS = 100
"""The attempts to change a key that others change, too, before an error; Calico's are as many."""


class NoAddressError(EmulationError):
    """All blocks are in use."""

    exit_status = 1


@dataclass(frozen=True, slots=True)
class Attribute:
    """The owner of addresses: the handle by which they are released, and further facts (``secondary`` in Calico)."""

    handle: str
    owner: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Block:
    """A block of addresses.

    ``host`` is the host that takes addresses from it; None if it was released. ``owners`` has for each address the
    number of its attribute; None if it is free. ``free`` has the free addresses' numbers, in the order in which they
    are given out. ``sequence`` grows with each change, and ``sequences`` has its value at each address's assignment.
    """

    cidr: IPv4Network
    host: str | None
    owners: tuple[int | None, ...] = (None,) * _SIZE
    free: tuple[int, ...] = tuple(range(_SIZE))
    attributes: tuple[Attribute, ...] = ()
    sequence: int = 0
    sequences: tuple[tuple[int, int], ...] = ()

    def assign(self, attribute: Attribute) -> tuple[IPv4Address, Block]:
        """Give out the first free address; return it, and the block without it."""
        number, *free = self.free
        owners = tuple(len(self.attributes) if it == number else owner for it, owner in enumerate(self.owners))
        changed = replace(
            self,
            owners=owners,
            free=tuple(free),
            attributes=(*self.attributes, attribute),
            sequence=self.sequence + 1,
            sequences=(*self.sequences, (number, self.sequence)),
        )
        return self.cidr[number], changed

    def addresses_of(self, handle: str) -> Iterator[IPv4Address]:
        """Yield the addresses that a handle has."""
        for number, owner in enumerate(self.owners):
            if owner is not None and owner < len(self.attributes) and self.attributes[owner].handle == handle:
                yield self.cidr[number]


def block_key(cidr: IPv4Network) -> str:
    """Return the key of a block."""
    return f"{_BLOCKS}{str(cidr).replace('/', '-')}"


def block_to_json(block: Block) -> str:
    """Return the value of a block."""
    return dump(
        {
            "cidr": str(block.cidr),
            "affinity": None if block.host is None else f"host:{block.host}",
            "allocations": list(block.owners),
            "unallocated": list(block.free),
            "attributes": [{"handle_id": it.handle, "secondary": dict(it.owner)} for it in block.attributes],
            "sequenceNumber": block.sequence,
            "sequenceNumberForAllocation": {str(number): sequence for number, sequence in block.sequences},
            "deleted": False,
        }
    )


def block_from_json(text: str) -> Block:
    """Parse the value of a block.

    Raises:
        ValueError: it is not a block of `BLOCK_BITS`.
    """
    fields = load(text)
    try:
        if not isinstance(fields, dict):
            raise TypeError
        affinity = fields["affinity"]
        block = Block(
            cidr=IPv4Network(fields["cidr"]),
            host=None if affinity is None else str(affinity).removeprefix("host:"),
            owners=tuple(None if it is None else int(it) for it in fields["allocations"]),
            free=tuple(int(it) for it in fields["unallocated"]),
            attributes=tuple(
                Attribute(str(it.get("handle_id")), dict(it.get("secondary") or {})) for it in fields["attributes"]
            ),
            sequence=int(fields["sequenceNumber"]),
            sequences=tuple((int(key), int(it)) for key, it in fields["sequenceNumberForAllocation"].items()),
        )
    except (KeyError, TypeError, AttributeError):
        raise ValueError("it is not a block of Calico's") from None
    if block.cidr.prefixlen != BLOCK_BITS or len(block.owners) != _SIZE or not set(block.free) <= set(range(_SIZE)):
        raise ValueError(f"it is not a block of /{BLOCK_BITS}")
    return block


class Ipam:
    """The addresses of one host; ``number`` is the host's number, counted from 1, and decides where it begins."""

    def __init__(self, client: Client, pool: IPv4Network, host: str, number: int) -> None:
        self._client = client
        self._pool = pool
        self._host = host
        self._number = number

    def assign(self, handle: str, owner: Mapping[str, str]) -> IPv4Address:
        """Return the address that a handle has in the host's blocks, or give it one; claim a block where needed.

        Raises:
            NoAddressError: the pool has no free block for the host.
            StoreError: the store fails.
        """
        attribute = Attribute(handle, {**owner, "node": self._host})
        known = self._client.get(f"{_HANDLES}{handle}") is not None
        for _ in range(_MAX_ATTEMPTS):
            blocks = self._own_blocks()
            if known and (found := next((it for block, _ in blocks for it in block.addresses_of(handle)), None)):
                return found
            usable = next(((block, revision) for block, revision in blocks if block.free), None)
            if usable is None:
                self._claim()
                continue
            block, revision = usable
            self._add_to_handle(handle, block.cidr)
            address, changed = block.assign(attribute)
            if self._client.put_if(block_key(block.cidr), revision, block_to_json(changed)):
                return address
        raise StoreError(f"the blocks of {self._host} change too often to take an address from them")

    def _own_blocks(self) -> list[tuple[Block, int]]:
        """Return the host's blocks in the order of their addresses, each with the revision of its last change."""
        found = []
        for item in self._client.list_keys(f"{AFFINITIES}{self._host}/ipv4/block/").items:
            _, cidr, is_confirmed = affinity_from_item(item.key, item.value)
            if not is_confirmed:
                is_confirmed = self._take(cidr, item.mod_revision)
            stored = self._client.get(block_key(cidr)) if is_confirmed else None
            if stored is not None and cidr.subnet_of(self._pool):
                found.append((_parse(stored.key, stored.value), stored.mod_revision))
        return sorted(found, key=lambda item: item[0].cidr)

    def _claim(self) -> None:
        """Claim one more block for the host; others may claim a block at the same time."""
        taken = {item.key for item in self._client.list_keys(_BLOCKS).items}
        for cidr in self._candidates():
            if block_key(cidr) in taken:
                continue
            key = affinity_key(self._host, cidr)
            if not self._client.put_if(key, 0, affinity_to_json("pending")):
                return  # from an earlier attempt: `_own_blocks` confirms it
            stored = self._client.get(key)
            if stored is not None and self._take(cidr, stored.mod_revision):
                return
        raise NoAddressError(f"all blocks of {self._pool} are in use: use a larger network (--overlay-network)")

    def _take(self, cidr: IPv4Network, affinity_revision: int) -> bool:
        """Create the block of a pending affinity and confirm this; if another host has it, remove the affinity."""
        key = affinity_key(self._host, cidr)
        if not self._client.put_if(block_key(cidr), 0, block_to_json(Block(cidr, self._host))):
            stored = self._client.get(block_key(cidr))
            if stored is not None and _parse(stored.key, stored.value).host != self._host:
                self._client.delete(key)
                return False
        return self._client.put_if(key, affinity_revision, affinity_to_json("confirmed"))

    def _candidates(self) -> Iterator[IPv4Network]:
        """Yield the pool's blocks from the host's first choice on.

        Calico begins at random, seeded by the host's name.
        """
        count = 2 ** (BLOCK_BITS - self._pool.prefixlen)
        first = self._number * _STRIDE if self._number * _STRIDE < count else self._number
        for number in range(count):
            yield IPv4Network((int(self._pool.network_address) + (first + number) % count * _SIZE, BLOCK_BITS))

    def _add_to_handle(self, handle: str, cidr: IPv4Network) -> None:
        """Count one more address of a block in the handle, by which a later release finds the block."""
        key = f"{_HANDLES}{handle}"
        stored = self._client.get(key)
        blocks = {} if stored is None else _handle_blocks(key, stored.value)
        blocks[str(cidr)] = blocks.get(str(cidr), 0) + 1
        revision = 0 if stored is None else stored.mod_revision
        if not self._client.put_if(key, revision, dump({"block": blocks, "deleted": False})):
            raise StoreError(f"{key} was changed by another process")


def first_blocks(pool: IPv4Network) -> int:
    """Return the number of a pool's blocks; 0 if the pool is smaller than a block."""
    return 2 ** (BLOCK_BITS - pool.prefixlen) if pool.prefixlen <= BLOCK_BITS else 0


def _parse(key: str, text: str) -> Block:
    try:
        return block_from_json(text)
    except ValueError as error:
        raise StoreError(f"{key}: {error}") from None


def _handle_blocks(key: str, text: str) -> dict[str, int]:
    fields = load(text)
    blocks = fields.get("block") if isinstance(fields, dict) else None
    if not isinstance(blocks, dict) or not all(isinstance(it, int) for it in blocks.values()):
        raise StoreError(f"{key} is not a handle of Calico's")
    return blocks
