"""Calico's address management: blocks of a pool that hosts claim in etcd, and addresses in them.

It follows `libcalico-go/lib/ipam`: a host first writes a pending affinity, then creates the block, then confirms the
affinity. Each write demands that the key is as it was read, so two hosts never hold the same block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TypeAlias

from emulator.overlays.calico.resources import (
    BLOCK_ADDRESSES,
    BLOCK_BITS,
    ROOT,
    affinities_of,
    affinity_from_item,
    affinity_key,
    affinity_to_json,
    dashed,
    dump,
    load,
)
from emulator.overlays.model import Network
from emulator.stores.client import Client, StoreError
from emulator.system.errors import EmulationError

_BLOCKS = f"{ROOT}ipam/v2/assignment/ipv{{}}/block/"
_HANDLES = f"{ROOT}ipam/v2/handle/"
_STRIDE = 4
"""The blocks between the first choices of two hosts, so that host 2 of 10.244.0.0/16 begins at 10.244.2.0/26."""
_MAX_ATTEMPTS = 100
"""The attempts to change a key that others change, too, before an error; Calico's are as many."""
_TOO_OFTEN = "the blocks of {} change too often to take an address from them"


Address: TypeAlias = "IPv4Address | IPv6Address"


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

    cidr: Network
    host: str | None
    owners: tuple[int | None, ...] = (None,) * BLOCK_ADDRESSES
    free: tuple[int, ...] = tuple(range(BLOCK_ADDRESSES))
    attributes: tuple[Attribute, ...] = ()
    sequence: int = 0
    sequences: tuple[tuple[int, int], ...] = ()

    def assign(self, attribute: Attribute) -> tuple[Address, Block]:
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

    def addresses_of(self, handle: str) -> Iterator[Address]:
        """Yield the addresses that a handle has."""
        for number, owner in enumerate(self.owners):
            if owner is not None and owner < len(self.attributes) and self.attributes[owner].handle == handle:
                yield self.cidr[number]


def block_key(cidr: Network) -> str:
    """Return the key of a block."""
    return f"{_BLOCKS.format(cidr.version)}{dashed(cidr)}"


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
            cidr=ip_network(fields["cidr"]),
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
    bits = BLOCK_BITS[block.cidr.version]
    if (
        block.cidr.prefixlen != bits
        or len(block.owners) != BLOCK_ADDRESSES
        or not set(block.free) <= set(range(BLOCK_ADDRESSES))
    ):
        raise ValueError(f"it is not a block of /{bits}")
    return block


class Ipam:
    """The addresses of one host in one family, for one process.

    ``number`` is the host's, counted from 1: it decides where the host begins.

    The host's blocks are kept as they were read or written last. If another process has changed a block meanwhile, the
    store refuses the next write, and all blocks are read again.
    """

    def __init__(self, pool: Network, host: str, number: int) -> None:
        self._pool = pool
        self._host = host
        self._number = number
        self._blocks: dict[Network, tuple[Block, int]] = {}
        """The host's blocks, each with the revision of its last change."""

    def assign(self, client: Client, handle: str, owner: Mapping[str, str]) -> Address:
        """Return the address that a handle has in the host's blocks, or give it one; claim a block where needed.

        Raises:
            NoAddressError: the pool has no free block for the host.
            StoreError: the store fails.
        """
        attribute, key = Attribute(handle, {**owner, "node": self._host}), f"{_HANDLES}{handle}"
        counted: Network | None = None
        if not self._blocks:
            self._read(client)
        if (known := self._address_of(handle)) is not None:
            return known
        for _ in range(_MAX_ATTEMPTS):
            block, revision = self._usable(client)
            # the handle first, so that an address without a handle cannot be left
            if counted is None and not client.put_if(key, 0, _handle_to_json(block.cidr)):
                self._read(client)
                if (known := self._address_of(handle)) is not None:
                    return known
                # the handle has an address of the other family, or an earlier attempt ended before it had one
                self._count(client, key, block.cidr)
            elif counted not in {None, block.cidr}:
                self._count(client, key, block.cidr)
            counted = block.cidr
            address, changed = block.assign(attribute)
            if new_revision := client.put_if(block_key(block.cidr), revision, block_to_json(changed)):
                self._blocks[block.cidr] = changed, new_revision
                return address
            self._blocks.clear()
        raise StoreError(_TOO_OFTEN.format(self._host))

    def _count(self, client: Client, key: str, cidr: Network) -> None:
        """Let a handle name a block, and keep the block of the other family that it names."""
        stored = client.get(key)
        others = () if stored is None else _handle_from_json(stored.value)
        client.put(key, _handle_to_json(*(it for it in others if it.version != cidr.version), cidr))

    def _address_of(self, handle: str) -> Address | None:
        """Return the address that a handle has in the host's blocks; None if it has none."""
        return next((address for block, _ in self._blocks.values() for address in block.addresses_of(handle)), None)

    def _usable(self, client: Client) -> tuple[Block, int]:
        """Return the first of the host's blocks that has a free address; claim one where needed."""
        for is_fresh in (False, True):
            if is_fresh:
                self._read(client)
            for item in (self._blocks[cidr] for cidr in sorted(self._blocks, key=_address)):
                if item[0].free:
                    return item
        for _ in range(_MAX_ATTEMPTS):
            if (found := self._claim(client)) is not None:
                return found
        raise StoreError(_TOO_OFTEN.format(self._host))

    def _read(self, client: Client) -> None:
        """Read the host's blocks from the store, and finish claims that were left half done."""
        self._blocks.clear()
        for item in client.list_keys(affinities_of(self._host, self._pool.version)).items:
            _, cidr, is_confirmed = affinity_from_item(item.key, item.value)
            if cidr.network_address in self._pool:
                if is_confirmed:
                    self._read_block(client, cidr)
                else:
                    self._take(client, cidr, item.mod_revision)

    def _read_block(self, client: Client, cidr: Network) -> Block | None:
        """Read a block, and return it; keep it if it is the host's."""
        stored = client.get(block_key(cidr))
        if stored is None:
            return None
        try:
            block = block_from_json(stored.value)
        except ValueError as error:
            raise StoreError(f"{stored.key}: {error}") from None
        if block.host == self._host:
            self._blocks[cidr] = block, stored.mod_revision
        return block

    def _claim(self, client: Client) -> tuple[Block, int] | None:
        """Claim one more block for the host, and return it; None if others have changed the same keys meanwhile."""
        taken = {item.key for item in client.list_keys(_BLOCKS.format(self._pool.version)).items}
        for cidr in self._candidates():
            if block_key(cidr) not in taken:
                revision = client.put_if(affinity_key(self._host, cidr), 0, affinity_to_json("pending"))
                return self._take(client, cidr, revision) if revision else None
        option = "--overlay-network" if self._pool.version == 4 else "--overlay-ipv6-network"
        raise NoAddressError(f"all blocks of {self._pool} are in use: use a larger network ({option})")

    def _take(self, client: Client, cidr: Network, affinity_revision: int) -> tuple[Block, int] | None:
        """Create the block of a pending affinity and confirm this; if another host has it, remove the affinity."""
        key, block = affinity_key(self._host, cidr), Block(cidr, self._host)
        if revision := client.put_if(block_key(cidr), 0, block_to_json(block)):
            self._blocks[cidr] = block, revision
        else:
            stored = self._read_block(client, cidr)
            if stored is not None and stored.host != self._host:
                client.delete(key)
                return None
        if not client.put_if(key, affinity_revision, affinity_to_json("confirmed")):
            self._blocks.pop(cidr, None)
        return self._blocks.get(cidr)

    def _candidates(self) -> Iterator[Network]:
        """Yield the pool's blocks from the host's first choice on.

        Calico begins at random, seeded by the host's name.
        """
        bits = BLOCK_BITS[self._pool.version]
        count = 2 ** (bits - self._pool.prefixlen)
        first = self._number * _STRIDE if self._number * _STRIDE < count else self._number
        for number in range(count):
            address = int(self._pool.network_address) + (first + number) % count * BLOCK_ADDRESSES
            yield type(self._pool)((address, bits))


def first_blocks(pool: Network) -> int:
    """Return the number of a pool's blocks; 0 if the pool is smaller than a block."""
    bits = BLOCK_BITS[pool.version]
    return 2 ** (bits - pool.prefixlen) if pool.prefixlen <= bits else 0


def _address(cidr: Network) -> int:
    return int(cidr.network_address)


def _handle_to_json(*blocks: Network) -> str:
    """Return the value of a handle that has an address in each of some blocks, by which a release finds them."""
    return dump({"block": {str(block): 1 for block in blocks}, "deleted": False})


def _handle_from_json(text: str) -> tuple[Network, ...]:
    """Return the blocks that the value of a handle names; none if the value is malformed."""
    try:
        fields = load(text)
        blocks = fields.get("block") if isinstance(fields, dict) else None
        return tuple(map(ip_network, blocks)) if isinstance(blocks, dict) else ()
    except ValueError:
        return ()
