"""The location of a store, as messages name it."""

from __future__ import annotations

from emulator.stores.model import StoreLocation


def test_a_location_is_named_by_its_host_or_its_address() -> None:
    assert str(StoreLocation(host="h2")) == "the store on h2"
    assert str(StoreLocation(address="10.0.0.5:2379")) == "the store at 10.0.0.5:2379"
