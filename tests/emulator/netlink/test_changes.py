"""Changes of the kernel's tables are seen once."""

from __future__ import annotations

import pytest

from emulator.netlink import namespaces
from emulator.netlink.changes import Changes
from emulator.netlink.handle import Handle
from emulator.netlink.state import Route
from tests.emulator.netlink.entries import ENTRIES, MAC, ip

pytestmark = pytest.mark.networks


def test_changes_are_seen_once_and_arp_is_none(namespace: int, handle: Handle) -> None:
    with namespaces.entered(namespace), Changes() as changes:
        assert not changes.seen()
        for entry in ENTRIES[1:]:
            handle.put(entry)
            assert changes.seen()
            assert not changes.seen()
        ip(namespace, "neigh", "add", "10.1.0.7", "lladdr", MAC, "dev", "br0", "nud", "stale")
        assert not changes.seen()
        handle.put(ENTRIES[0])
        assert not changes.seen()
        handle.drop(ENTRIES[0])
        assert changes.seen()
        handle.delete_link("br0")
        assert changes.seen()


def test_more_changes_than_can_be_held_are_a_change(namespace: int, handle: Handle) -> None:
    with namespaces.entered(namespace), Changes() as changes:
        for number in range(2000):
            handle.put(Route(f"10.{100 + number // 250}.{number % 250}.0/24", "br0", "10.1.0.9"))
        assert changes.seen()
        assert not changes.seen()
