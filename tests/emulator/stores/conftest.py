"""A network of two hosts on this machine's kernel, with a real etcd in one of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.mininet.network import EmulatedNetwork
from emulator.netlink import namespaces
from emulator.plan import Options, plan
from emulator.stores.client import Client
from emulator.stores.etcd import Store
from emulator.stores.model import StoreLocation
from tests.emulator.topologies import joined
from tests.emulator.waiting import PATIENCE_S, wait_for


@pytest.fixture
def duo() -> Iterator[EmulatedNetwork]:
    """Two hosts, a and b, with a circuit without delay."""
    with EmulatedNetwork(plan(joined([("a", "b")]), Options(impaired=False))) as network:
        yield network


@pytest.fixture
def store(duo: EmulatedNetwork) -> Store:
    """A store on host b, which is ready."""
    made = Store(duo.lab, StoreLocation(host="b"))
    made.start()
    wait_for(made.is_ready)
    return made


@pytest.fixture
def client(duo: EmulatedNetwork, store: Store) -> Iterator[Client]:
    """A client on host a, which has patience with a busy machine."""
    with namespaces.entered(duo.lab.namespace("a")), Client(*store.endpoint("a"), deadline_s=PATIENCE_S) as made:
        yield made
