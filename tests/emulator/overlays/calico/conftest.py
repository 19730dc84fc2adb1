"""A real etcd on this machine's kernel, for what Calico keeps in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from emulator.mininet.network import EmulatedNetwork
from emulator.plan import Options, plan
from emulator.stores.client import Client
from emulator.stores.etcd import Store
from emulator.stores.model import StoreLocation
from tests.emulator.topologies import joined
from tests.emulator.waiting import PATIENCE_S, wait_for


class PatientStore(Store):
    """A store whose clients wait longer, because it runs in this machine's clock, and the machine may be busy."""

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Connect from the store's own host."""
        with super().client() as made:
            made.deadline_s = PATIENCE_S
            yield made


@pytest.fixture
def store() -> Iterator[Store]:
    """A store on one of two hosts, which is ready."""
    with EmulatedNetwork(plan(joined([("a", "b")]), Options(impaired=False))) as network:
        made = PatientStore(network.lab, StoreLocation(host="a"))
        made.start()
        wait_for(made.is_ready)
        yield made


@pytest.fixture
def client(store: Store) -> Iterator[Client]:
    """A client on the store's host."""
    with store.client() as made:
        yield made
