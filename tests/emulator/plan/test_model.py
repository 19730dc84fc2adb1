"""The properties of a plan: its interfaces, loopback addresses and impairments."""

from __future__ import annotations

import pytest

from emulator.plan import Options, plan
from tests.emulator.topologies import joined


def test_interfaces_come_in_the_order_of_the_circuits() -> None:
    made = plan(joined([("a", "b"), ("b", "c")]))
    assert [(end.node, end.name) for end in made.ends] == [
        ("a", "a-eth0"),
        ("b", "b-eth0"),
        ("b", "b-eth1"),
        ("c", "c-eth0"),
    ]


def test_a_hosts_loopback_address_is_found_by_its_name() -> None:
    made = plan(joined([("a", "b")]))
    assert [made.loopback(host) for host in ("a", "b")] == ["100.64.0.1", "100.64.0.2"]
    with pytest.raises(KeyError, match="c"):
        made.loopback("c")


def test_a_plan_is_impaired_if_an_interface_is() -> None:
    assert plan(joined([("a", "b")])).is_impaired
    assert not plan(joined([("a", "b")]), Options(impaired=False)).is_impaired
