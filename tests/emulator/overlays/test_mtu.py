"""The MTU of an overlay's containers, and the circuits that their packets do not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emulator.options import OverlayOptions
from emulator.overlays.flannel import vxlan
from emulator.overlays.mtu import container_mtus, misfits
from emulator.overlays.spec import make_spec
from emulator.plan import Plan, plan
from emulator.plan.path_mtu import narrowest
from emulator.system.errors import EmulationError
from tests.emulator.samples import ROOT, Cli
from tests.emulator.topologies import joined, mesh


def with_mtus(made: Plan, *mtus: int) -> Plan:
    """Return a plan whose first circuits have these MTUs."""
    more = made.circuits[len(mtus) :]
    changed = (replace(circuit, mtu_bytes=mtu) for circuit, mtu in zip(made.circuits, mtus, strict=False))
    return replace(made, circuits=(*changed, *more))


LINE = with_mtus(plan(joined([("a", "b"), ("b", "c"), ("c", "d")])), 1500, 1400, 9000)
"""Hosts in a line, whose circuits l1 to l3 have different MTUs."""


def mtus(name: str, mtu_bytes: int | None = None) -> list[int]:
    spec = make_spec(LINE, OverlayOptions(name, mtu_bytes=mtu_bytes))
    return list(container_mtus(spec, LINE).values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("flannel:vxlan", [1450, 1350, 1350, 8950]),
        ("flannel:host-gw", [1500, 1400, 1400, 9000]),
        ("flannel:udp", [1472, 1372, 1372, 8972]),
        ("flannel:wireguard", [1420, 1320, 1320, 8920]),
        ("calico:ipip", [1480, 1380, 1380, 8980]),
        ("geneve", [1450, 1350, 1350, 8950]),
        ("nebula", [1440, 1340, 1340, 8940]),
        ("weave:sleeve", [1338] * 4),
        ("weave:fastdp", [1376] * 4),
        ("none", [1500, 1400, 1400, 9000]),
    ],
)
def test_each_overlay_has_the_mtu_that_its_system_would_take(name: str, expected: list[int]) -> None:
    assert mtus(name) == expected


@pytest.mark.parametrize("name", ["flannel:vxlan", "calico:vxlan", "geneve", "nebula", "weave:fastdp", "weave:sleeve"])
def test_a_users_mtu_is_that_of_all_containers(name: str) -> None:
    assert mtus(name, 1300) == [1300] * 4


@pytest.mark.parametrize("name", ["flannel:host-gw", "flannel:udp", "none"])
def test_a_system_without_such_an_option_takes_none(name: str) -> None:
    with pytest.raises(EmulationError, match="takes no --overlay-mtu"):
        mtus(name, 1300)


def test_the_narrowest_circuit_is_that_of_the_way() -> None:
    found = {(host, circuit.id) for host, circuit in narrowest(LINE)}
    on_the_ways = {"a": {"l1", "l2"}, "b": {"l1", "l2"}, "c": {"l2", "l3"}, "d": {"l2", "l3"}}
    assert found == {(host, circuit) for host, circuits in on_the_ways.items() for circuit in circuits}


def test_a_circuit_that_is_not_on_the_way_does_not_count() -> None:
    made = with_mtus(plan(mesh(3)), 1400)  # l1 joins h1 and h2
    assert {circuit.id for host, circuit in narrowest(made) if host == "h3"} == {"l2", "l3"}
    assert not list(misfits(make_spec(made, OverlayOptions("geneve")), made))


def test_behind_a_switch_the_narrowest_circuit_of_the_ethernet_counts() -> None:
    made = with_mtus(plan(joined([("a", "s"), ("s", "b")], switches=["s"])), 1500, 1400)
    assert {(host, circuit.id) for host, circuit in narrowest(made)} == {("a", "l2"), ("b", "l2")}


def test_a_misfit_names_the_circuit_and_the_option_that_mends_it() -> None:
    (found,) = misfits(make_spec(LINE, OverlayOptions("geneve", mtu_bytes=1400)), LINE)
    assert found.circuit.id == "l2"
    assert found.message == (
        "circuit l2 has an MTU of 1400 bytes, and packets of geneve's containers have up to 1450: they are fragmented "
        "or lost"
    )
    assert found.hint == "use --overlay-mtu 1350"
    assert not list(misfits(make_spec(LINE, OverlayOptions("geneve", mtu_bytes=1350)), LINE))
    assert next(misfits(make_spec(LINE, OverlayOptions("none")), LINE)).hint == "give all circuits one MTU"


@pytest.mark.parametrize("name", ["flannel", "calico:vxlan"])
def test_the_larger_headers_of_ipv6_count_if_containers_have_ipv6(name: str) -> None:
    def found(mtu_bytes: int | None = None) -> list[tuple[str, str]]:
        spec = make_spec(LINE, OverlayOptions(name, ipv6=True, mtu_bytes=mtu_bytes))
        return [(it.message.partition("up to ")[2].partition(":")[0], it.hint) for it in misfits(spec, LINE)]

    assert found() == [("9000", "use --overlay-mtu 1330")]
    assert found(mtu_bytes=1350) == [("1420", "use --overlay-mtu 1330")]
    assert not found(mtu_bytes=1330)
    assert not list(misfits(make_spec(LINE, OverlayOptions(name, mtu_bytes=1350)), LINE))


def test_flannels_interfaces_have_no_more_than_what_passes_the_hosts_circuits() -> None:
    assert [vxlan.device_mtu_bytes(1450, 1500, family) for family in (4, 6)] == [1450, 1430]
    assert [vxlan.device_mtu_bytes(1350, 1500, family) for family in (4, 6)] == [1350, 1350]
    made = plan(joined([("a", "b")]))
    assert not list(misfits(make_spec(made, OverlayOptions("flannel", ipv6=True)), made))
    narrow = with_mtus(made, 1340)
    with pytest.raises(EmulationError, match=r"flannel-v6\.1 of a would have an MTU of 1270 bytes"):
        make_spec(narrow, OverlayOptions("flannel", ipv6=True))


def test_an_overlay_needs_room_for_its_headers() -> None:
    made = with_mtus(plan(joined([("a", "b")])), 100)
    with pytest.raises(EmulationError, match="an MTU of 50 bytes, on circuits of 100, and IPv4 needs 68"):
        make_spec(made, OverlayOptions("geneve"))


NARROW_SWITCH = """Narrow {
  host { id = "h1"; location = "AMS"; port { id = "p" } }
  host { id = "h2"; location = "MIL"; port { id = "p" } }
  ofx { id = "s1"; location = "BRA"; port { id = "a" } port { id = "b" } }
  ofx { id = "s2"; location = "BRA"; port { id = "a" } port { id = "b" } }
  link { id = "l1"; port { id = "src" } port { id = "dst" } }
  link { id = "l2"; mtu = 1400; port { id = "src" } port { id = "dst" } }
  link { id = "l3"; port { id = "src" } port { id = "dst" } }
  adjacency h1.p, l1.src
  adjacency s1.a, l1.dst
  adjacency s1.b, l2.src
  adjacency s2.a, l2.dst
  adjacency s2.b, l3.src
  adjacency h2.p, l3.dst
}
"""
"""flannel's issue 1011: a device between two hosts has a smaller MTU than their interfaces, and drops in silence."""


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(("option", "passes"), [([], False), (["--overlay-mtu", "1350"], True)])
def test_an_overlays_mtu_can_be_set_for_a_path_that_drops_large_packets_in_silence(
    gtsdsl: Cli, tmp_path: Path, option: list[str], passes: bool
) -> None:
    topology = tmp_path / "narrow.dsl"
    topology.write_text(NARROW_SWITCH)
    server = "import socket; end = socket.create_server(('', 5000)).accept()[0]; end.sendall(bytes(50_000))"
    client = (
        "import socket; end = socket.create_connection(('c2', 5000), timeout=20); print('connected', flush=True); "
        "end.settimeout(20); print(sum(map(len, iter(lambda: end.recv(65536), b''))))"
    )
    done = gtsdsl(
        "emulate", str(topology), "--overlay", "flannel:vxlan", *option, "--keep-going",
        "--exec", f'c2: python3 -c "{server}" &', "--exec", "c1: ping -q -c 2 c2",
        "--exec", f'c1: sleep 1; python3 -c "{client}" 2>&1 | tail -2',
    )  # fmt: skip
    assert "GTS053" in done.stderr
    assert ("use --overlay-mtu 1350" in done.stderr) is not passes
    assert "2 packets transmitted, 2 received" in done.stdout
    assert done.stdout.splitlines()[-1] == ("50000" if passes else "TimeoutError: timed out"), done.stdout


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(("mtu_bytes", "received"), [(1350, 0), (1330, 2)])
def test_packets_of_ipv6_pass_a_narrow_path_with_the_mtu_that_is_advised(
    gtsdsl: Cli, tmp_path: Path, mtu_bytes: int, received: int
) -> None:
    topology = tmp_path / "narrow.dsl"
    topology.write_text(NARROW_SWITCH)
    done = gtsdsl(
        "emulate", str(topology), "--overlay", "flannel", "--overlay-ipv6", "--overlay-mtu", str(mtu_bytes),
        "--keep-going", "--exec", "h1: ip -o link show flannel-v6.1",
        "--exec", f"c1: ping -6 -q -c 2 -W 1 -M do -s {mtu_bytes - 48} c2",
    )  # fmt: skip
    assert ("use --overlay-mtu 1330" in done.stderr) is (received == 0)
    assert f" mtu {mtu_bytes} " in done.stdout  # as flanneld asks for, and the kernel lets it have
    assert f"2 packets transmitted, {received} received" in done.stdout


@pytest.mark.usefixtures("guest_kernel")
def test_a_store_behind_a_black_hole_ends_with_the_name_of_the_hole(gtsdsl: Cli) -> None:
    path = str(ROOT / "examples" / "path_mtu.dsl")
    done = gtsdsl("emulate", path, "--black-hole", "AMS-BRA", "--overlay", "flannel", "--exec", "c1: true")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "error: flannel is not ready on h4 after 180 s (black holes on l1: packets above 1400 bytes may be lost): "
        "flannel on h4: "
    )
