"""Interface indexes that the kernel, an overlay or a program has taken: a lab uses others."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from emulator.lab import cores, namespace
from emulator.lab.lab import Lab
from emulator.lab.namespace import own_interfaces, with_indexes_after
from emulator.measure.echo import Echo
from emulator.mininet.network import EmulatedNetwork
from emulator.netlink import links, namespaces
from emulator.netlink.connection import Netlink
from emulator.plan import Options, plan
from emulator.plan.cpu import cpu_choice
from emulator.system.errors import EmulationError
from tests.emulator.cpu.tables import EXAMPLE
from tests.emulator.samples import ROOT, Cli
from tests.emulator.topologies import joined

TRIANGLE = joined([("a", "b"), ("b", "c"), ("a", "s1"), ("c", "s1")], ("s1",))
PLAN = plan(TRIANGLE, Options(impaired=False, switch="bridge"))

_T = TypeVar("_T")


def add_bridge(name: str) -> None:
    """Add an interface to the thread's namespace, which gets the next index."""
    with Netlink() as netlink:
        netlink.send([links.bridge(name, 0, spanning_tree=False)])


@pytest.fixture
def tunnels_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an interface into each new namespace, as the kernel does whose module of tunnels is loaded."""
    create = namespaces.create

    def create_with_tunnel(count: int, visit: Callable[[int], _T]) -> list[tuple[int, _T]]:
        def visit_with_tunnel(number: int) -> _T:
            found = visit(number)
            add_bridge("tunnel0")
            return found

        return create(count, visit_with_tunnel)

    monkeypatch.setattr(namespaces, "create", create_with_tunnel)
    monkeypatch.setattr(namespace, "_FALLBACK_TUNNELS", tmp_path / "missing")


@pytest.mark.networks
@pytest.mark.usefixtures("tunnels_everywhere")
def test_a_network_comes_up_where_the_kernel_has_interfaces_in_each_namespace() -> None:
    with Lab(PLAN) as lab, Echo(lab.namespace("a"), PLAN.hosts[0].loopback) as echo:
        assert echo.round_trip_ns(PLAN.hosts[1].loopback, 1, 60) is not None
        for end in lab.plan.ends:
            with lab.netlink(end.node) as netlink:
                assert (end.index, end.name) in {(link.index, link.name) for link in links.all_links(netlink)}


@pytest.mark.networks
@pytest.mark.usefixtures("tunnels_everywhere")
def test_a_kernel_that_makes_none_by_its_parameter_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = own_interfaces()
    assert before >= 1
    parameter = tmp_path / "parameter"
    monkeypatch.setattr(namespace, "_FALLBACK_TUNNELS", parameter)
    for value, number in (("0\n", before), ("1\n", 0), ("2\n", 0)):
        parameter.write_text(value)
        assert own_interfaces() == number


@pytest.mark.networks
@pytest.mark.usefixtures("tunnels_everywhere")
def test_a_host_alone_pays_for_packets_where_the_kernel_has_interfaces_in_each_namespace() -> None:
    alone = plan(joined([], alone=("a",)), Options(impaired=False, cpu=cpu_choice(str(EXAMPLE))))
    try:
        with Lab(alone) as lab, lab.netlink("a") as netlink:
            assert lab.underlay.cores is not None
            found = {link.name: link.index for link in links.all_links(netlink)}
            assert lab.underlay.cores.indexes["a"] == {name: found[name] for name in (cores.OWN, cores.TRANSIT)}
    except EmulationError as error:
        if "lacks what a cost table of processors needs" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.mark.usefixtures("guest_kernel")
def test_a_host_alone_pays_for_packets_in_the_guest_kernel_which_has_queues(gtsdsl: Cli) -> None:
    pytest_in_guest = [sys.executable, "-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider", str(Path(__file__))]
    done = gtsdsl(
        "guest", "--clock", "real", "--", *pytest_in_guest, "-k", "host_alone and each_namespace",
        prefix=["env", "-u", "PYTEST_ADDOPTS"], cwd=ROOT,
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.networks
@pytest.mark.usefixtures("tunnels_everywhere")
def test_bridges_alone_come_up_where_the_kernel_has_interfaces_in_each_namespace() -> None:
    alone = plan(joined([], ("s1", "s2"), alone=("a", "s1", "s2")), Options(impaired=False, switch="bridge"))
    with EmulatedNetwork(alone) as network, network.lab.netlink("s1") as netlink:
        assert {link.name for link in links.all_links(netlink)} == {"lo", "tunnel0", "s1", "s2"}


@pytest.mark.networks
@pytest.mark.usefixtures("tunnels_everywhere")
def test_a_circuit_is_added_to_hosts_that_had_none() -> None:
    with Lab(PLAN) as lab:
        for name in ("d", "e"):
            lab.add_host(name, [])
        circuit = lab.underlay.add_circuit(("d", 0), ("e", 0))
        for end in circuit.ends:
            with lab.netlink(end.node) as netlink:
                assert (end.index, end.name) in {(link.index, link.name) for link in links.all_links(netlink)}


@pytest.mark.networks
def test_a_circuit_is_added_to_a_host_in_which_a_program_has_made_an_interface() -> None:
    with Lab(PLAN) as lab:
        for name in ("first", "second"):
            with namespaces.entered(lab.namespace("c")):
                add_bridge(name)
        circuit = lab.underlay.add_circuit(("c", 7), ("a", 7))
        with lab.netlink("c") as netlink:
            found = {link.name: link.index for link in links.all_links(netlink)}
        assert found["c-eth7"] == circuit.first.index > max(found["first"], found["second"])


def test_indexes_are_moved_and_all_else_stays() -> None:
    assert with_indexes_after(PLAN, 0) is PLAN
    moved = with_indexes_after(PLAN, 9)
    assert [end.index for end in moved.ends] == [end.index + 9 for end in PLAN.ends]
    assert with_indexes_after(moved, -9) == PLAN
