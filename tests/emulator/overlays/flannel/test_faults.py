"""Flannel during failures: the other hosts go on, all recovers, and how long that takes in the virtual clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.overlays.flannel import scenarios
from tests.emulator.overlays.guest import run

pytestmark = pytest.mark.usefixtures("guest_kernel")

FORMS = ("vxlan", "host-gw", "udp", "wireguard")
CHECK_S = 10.0
"""The time between the agent's looks at the kernel's tables, as flannel does."""
HANDSHAKE_S = 5.0
"""WireGuard's REKEY_TIMEOUT: so long it waits for an answer before it asks again."""
NOTICE_S, PAUSE_S = 6.0, 5.0
"""The longest time until an agent sees that the store is gone, and then until its next attempt to reach it."""
ARP_S = 1.0
"""After which an unanswered ARP request is repeated: the first may find the circuit's other end still down."""
STEP_S = 0.25


@pytest.mark.parametrize("form", FORMS)
def test_an_agent_that_was_killed_takes_its_lease_again_and_changes_nothing(tmp_path: Path, form: str) -> None:
    found = run(
        tmp_path,
        "mesh",
        f"flannel:{form}",
        scenarios.kill_an_agent,
    )
    assert found["subnet"] == "10.244.2.0/24"
    assert found["same"]
    assert found["peers"] == ["h2", "h3", "h4", "h5"]
    assert found["log"].count("leased 10.244.2.0/24") == 2


def test_what_an_agent_missed_while_it_was_dead_is_mended_when_it_starts(tmp_path: Path) -> None:
    found = run(
        tmp_path,
        "mesh",
        "flannel",
        scenarios.kill_an_agent_while_another_leaves,
    )
    assert found["others"] <= 0.5
    assert "10.244.5.0/24" in found["stale"]
    assert found["routes"] == [f"10.244.{number}.0/24" for number in (1, 2, 3, 4)]
    assert found["fdb"] == [f"100.64.0.{number}" for number in (1, 3, 4)]
    assert found["neighbours"] == [f"10.244.{number}.0" for number in (1, 3, 4)]


@pytest.mark.parametrize("form", FORMS)
def test_a_host_whose_lease_ends_is_taken_out_and_gets_its_subnet_again(tmp_path: Path, form: str) -> None:
    found = run(
        tmp_path,
        "mesh",
        f"flannel:{form}",
        scenarios.let_a_lease_end,
    )
    assert found["renewed"] == ["h2", "h3", "h4", "h5"]
    # renewed when a twenty-fourth of it is left; the store looks for ended leases twice a second
    assert 20 * 1 / 24 - 0.5 <= found["out"] <= 20 + 2
    assert not found["left"]
    assert found["others"]
    assert found["back"] <= PAUSE_S + 2
    assert found["there"] <= {"host-gw": CHECK_S, "wireguard": 3 * HANDSHAKE_S}.get(form, ARP_S) + STEP_S
    assert found["subnet"] == "10.244.5.0/24"


@pytest.mark.parametrize("form", FORMS)
def test_the_store_is_cut_off_and_comes_back(tmp_path: Path, form: str) -> None:
    found = run(
        tmp_path,
        "mesh",
        f"flannel:{form}",
        scenarios.cut_the_store_off,
        "--store",
        "h4",
    )
    assert all(found["pairs"])
    # an agent that is started without the store waits for it; that of `udp` has nothing to forward to until then
    assert found["meanwhile"] is (form != "udp")
    # a cable that was down takes the routes of `host-gw` with it, until the agent looks for them
    assert found["there"] <= {"host-gw": CHECK_S, "wireguard": 3 * HANDSHAKE_S}.get(form, ARP_S) + STEP_S
    assert "the store at 100.64.0.4:2379: " in found["waits"]
    assert "trying again in 5 s" in found["waits"]
    assert found["back"] <= NOTICE_S + PAUSE_S
    assert found["told"] <= NOTICE_S + PAUSE_S


@pytest.mark.parametrize("loses", [False, True])
def test_the_store_is_killed_and_started_again_with_and_without_what_it_held(tmp_path: Path, loses: bool) -> None:
    found = run(
        tmp_path,
        "mesh",
        "flannel",
        scenarios.kill_the_store,
        loses=loses,
    )
    assert all(found["pairs"])
    assert "; etcd 3." in found["shown"][0]
    assert found["after"]
    assert found["leases"] == [f"/coreos.com/network/subnets/10.244.{number}.0-24" for number in (1, 2, 3, 4)]
    assert found["all_back"] <= PAUSE_S + 1
    assert found["told"] <= 0.5


@pytest.mark.parametrize(
    ("form", "damages"),
    [
        (
            "vxlan",
            (
                "ip route del 10.244.2.0/24",
                "ip neigh del 10.244.2.0 dev flannel.1",
                "bridge fdb del 0e:f1:64:40:00:02 dev flannel.1 dst 100.64.0.2",
                "ip link set flannel.1 down",
                "ip link del flannel.1",
                "ip link del flannel.1; ip link add flannel.1 type vxlan id 9 dstport 4789 dev h1-eth0",
            ),
        ),
        ("host-gw", ("ip route del 10.244.2.0/24", "ip route replace 10.244.2.0/24 via 10.0.0.3")),
        ("udp", ("ip route del 10.244.0.0/16",)),
        ("wireguard", ("ip route del 10.244.0.0/16", "ip link del flannel-wg")),
    ],
)
def test_what_somebody_breaks_in_the_kernel_is_mended_at_the_next_look(
    tmp_path: Path, form: str, damages: tuple[str, ...]
) -> None:
    found = run(
        tmp_path,
        "mesh",
        f"flannel:{form}",
        scenarios.damage_tables,
        damages=damages,
    )
    for damage, (said, broken, mended, after_s) in found["results"].items():
        assert (said, broken, mended) == ("", True, True), damage
        assert after_s <= (3 * HANDSHAKE_S if form == "wireguard" else STEP_S), damage


def test_of_a_devices_addresses_only_those_of_the_containers_network_are_flannels(tmp_path: Path) -> None:
    found = run(
        tmp_path,
        "mesh",
        "flannel",
        scenarios.add_addresses,
    )
    assert found["left"] == ["10.244.1.0/32", "192.0.2.9/32"]


@pytest.mark.parametrize("form", FORMS)
def test_leases_of_other_backends_are_passed_over_but_by_udp_as_in_flannel(tmp_path: Path, form: str) -> None:
    found = run(tmp_path, "mesh", f"flannel:{form}", scenarios.lease_of_another_backend)
    assert found["seen"] is (form in {"udp", "host-gw"})
    assert found["routes"] == ([["h1-eth0", "10.0.0.1"]] if form == "host-gw" else [])


def test_a_host_that_leaves_in_order_takes_what_it_wrote_along(tmp_path: Path) -> None:
    found = run(
        tmp_path,
        "mesh",
        "flannel",
        scenarios.leave_and_return,
    )
    assert found["gone"] <= 0.5
    assert found["left"] == ["cni0", "veth1"]
    assert found["back"] <= 1.0
    assert found["subnet"] == "10.244.5.0/24"


def test_an_agent_that_has_died_and_a_store_that_is_another_networks_are_said(tmp_path: Path) -> None:
    found = run(
        tmp_path,
        "mesh",
        "flannel",
        scenarios.ask_a_dead_agent_and_a_foreign_store,
    )
    died, other = found["said"]
    assert died.startswith("flannel on h2 was ended by signal 9: [")
    assert died.endswith("] leased 10.244.2.0/24")
    assert other == (
        "/coreos.com/network/config in the store on h1 demands vxlan in 10.244.0.0/16: use `--overlay flannel:vxlan "
        "--overlay-network 10.244.0.0/16`, or use another etcd, or a store inside the topology (`--store h1`)"
    )


def test_an_agent_that_cannot_forward_any_more_ends_and_one_that_is_started_again_goes_on(tmp_path: Path) -> None:
    found = run(
        tmp_path,
        "line",
        "flannel:udp",
        scenarios.delete_the_device_of_udp,
    )
    assert "flannel on h1 ended with status 1: " in found["said"]
    assert found["said"].endswith("flannel0: File descriptor in bad state")
    assert found["back"] <= 2 * STEP_S
