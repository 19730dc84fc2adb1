"""A veth pair between two namespaces, and a namespace with a bridge."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from emulator.lab.underlay import empty_namespace
from emulator.netlink.handle import Handle
from tests.emulator.netlink.entries import ADDRESS, MAC
from tests.emulator.netlink.pairs import Pair


@pytest.fixture
def pair() -> Iterator[Pair]:
    found = Pair()
    yield found
    found.close()


@pytest.fixture
def namespace() -> Iterator[int]:
    found = empty_namespace()
    yield found
    os.close(found)


@pytest.fixture
def handle(namespace: int) -> Iterator[Handle]:
    """One with a bridge."""
    with Handle(namespace) as found:
        found.add_bridge("br0", mac=MAC, mtu_bytes=1400)
        found.add_address(ADDRESS)
        yield found
