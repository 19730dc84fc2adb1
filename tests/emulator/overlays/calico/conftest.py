"""A real etcd on this machine's kernel, for what Calico keeps in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.mininet.network import EmulatedNetwork
from emulator.plan import Options, plan
from emulator.stores.client import Client
from emulator.stores.etcd import Store
from emulator.stores.model import StoreLocation
from tests.emulator.topologies import joined
from tests.emulator.waiting import wait_for


@pytest.fixture
def store() -> Iterator[Store]:
    """A store on one of two hosts, which is ready."""
    with EmulatedNetwork(plan(joined([("a", "b")]), Options(impaired=False))) as network:
        made = Store(network.lab, StoreLocation(host="a"))
        made.start()
        wait_for(made.is_ready)
        yield made


@pytest.fixture
def client(store: Store) -> Iterator[Client]:
    """A client on the store's host."""
    with store.client() as made:
        yield made
