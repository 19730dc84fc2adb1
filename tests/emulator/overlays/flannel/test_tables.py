"""The kernel's tables of a host, kept equal to the leases of the other hosts, with the backend `host-gw`."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from emulator.netlink.changes import Changes
from emulator.netlink.handle import Handle
from emulator.netlink.state import Route, read_here
from emulator.overlays.flannel.hostgw import HostGw
from emulator.overlays.flannel.tables import Tables
from tests.emulator.overlays.flannel.samples import HOST, SUBNET, lease

pytestmark = pytest.mark.networks

FOREIGN = Route("10.244.9.0/24", "h1-eth0", "10.0.0.1")


@pytest.fixture
def tables(kernel: Handle) -> Iterator[Tables]:
    """The tables of a host on the way to hosts 2 and 3."""
    kernel.put(Route("100.64.0.3/32", "h1-eth0", "10.0.0.1"))
    with Changes() as changes:
        yield Tables((HostGw(HOST, kernel),), kernel, changes)


def container_routes() -> list[str]:
    """Return the destinations of the routes into the containers' network."""
    return [route.destination for route in read_here().routes if route.destination.startswith("10.244.")]


def check_now(tables: Tables) -> None:
    tables.next_check_s = -math.inf
    tables.check()


def test_each_peer_gets_its_route_and_a_former_peer_loses_it(tables: Tables) -> None:
    tables.update((SUBNET,), [lease(2), lease(3)])
    assert container_routes() == ["10.244.2.0/24", "10.244.3.0/24"]
    tables.update((SUBNET,), [lease(3)])
    assert container_routes() == ["10.244.3.0/24"]


def test_the_first_update_removes_what_a_former_agent_left_and_nothing_else(kernel: Handle, tables: Tables) -> None:
    own = Route("10.244.1.0/24", "h1-eth0", scope="link")
    for route in (FOREIGN, own):
        kernel.put(route)
    tables.update((SUBNET,), [lease(2)])
    assert container_routes() == [own.destination, "10.244.2.0/24"]
    assert kernel.route_to("100.64.0.2").gateway == "10.0.0.1"


def test_a_check_writes_missing_routes_and_removes_foreign_ones(kernel: Handle, tables: Tables) -> None:
    tables.update((SUBNET,), [lease(2), lease(3)])
    kernel.drop(Route("10.244.2.0/24", "h1-eth0", "10.0.0.1"))
    kernel.put(FOREIGN)
    check_now(tables)
    assert container_routes() == ["10.244.2.0/24", "10.244.3.0/24"]


def test_until_a_check_is_due_the_tables_are_left_alone(kernel: Handle, tables: Tables) -> None:
    tables.update((SUBNET,), [lease(2)])
    kernel.put(FOREIGN)
    tables.next_check_s = math.inf
    tables.check()
    tables.update((SUBNET,), [lease(2), lease(3)])
    assert container_routes() == ["10.244.2.0/24", "10.244.3.0/24", FOREIGN.destination]


def test_a_peer_gets_its_route_at_the_check_after_a_circuit_leads_to_it(kernel: Handle, tables: Tables) -> None:
    tables.update((SUBNET,), [lease(4)])
    assert container_routes() == []
    kernel.put(Route("100.64.0.4/32", "h1-eth0", "10.0.0.1"))
    check_now(tables)
    assert container_routes() == ["10.244.4.0/24"]


def test_an_agent_that_leaves_removes_its_routes_and_those_alone(kernel: Handle, tables: Tables) -> None:
    before = read_here()
    tables.update((SUBNET,), [lease(2), lease(3)])
    tables.clear()
    assert read_here() == before
    assert kernel.has_link("h1-eth0")
