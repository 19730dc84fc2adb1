"""Calico during failures: who reaches whom, and how long it takes until all do again, in the virtual clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.overlays.calico import scenarios
from tests.emulator.overlays.guest import run

pytestmark = pytest.mark.usefixtures("guest_kernel")

HOLD_S = 240.0
"""BGP's hold time, after which a silent peer is taken for dead; BIRD's default, which Calico keeps.

BIRD draws each timer: it fires after three quarters of its time at the earliest. A session sends a keepalive after a
third of the hold time at the latest.
"""
RESTART_S = 120.0
"""The time for which routes of a BIRD that has died stay; BIRD's default."""
CONNECT_S, DELAY_S = 5.0, 2.0
"""BIRD's connect retry time and connect delay time with Calico's configuration."""
SESSION_S = 0.5
"""The time of a handshake of TCP, of BGP's first messages and of a kernel's route: some round trips of up to 56 ms."""
ERROR_S = 30.0
"""The longest time that BIRD waits after an error before it connects again."""
NOTICE_S, PAUSE_S = 6.0, 5.0
"""The longest time until an agent sees that the store is gone, and then until its next attempt to reach it."""
ARP_S = 1.0
STEP_S = 0.35
BACK_S = CONNECT_S + DELAY_S + SESSION_S + STEP_S
"""The longest time until the routes of a BIRD that starts are back, and a test has seen it."""


@pytest.mark.parametrize("variant", ["bgp", "rr", "ipip", "vxlan"])
def test_a_host_is_cut_off_for_a_minute_and_comes_back(tmp_path: Path, variant: str) -> None:
    # the reflector is h1; sessions survive a minute, and the routes through the host come back with its circuits
    found = run(tmp_path, "mesh", f"calico:{variant}", scenarios.cut_a_host_off, for_s=60)
    assert found["gone"]
    assert all(found["others"])
    assert max(found["there"], found["back"]) <= ARP_S + STEP_S


def test_a_host_whose_sessions_have_ended_comes_back_when_bird_has_connected_again(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "calico:bgp", scenarios.cut_a_host_off, for_s=HOLD_S + RESTART_S)
    assert found["gone"]
    assert all(found["others"])
    assert max(found["there"], found["back"]) <= ERROR_S + CONNECT_S


@pytest.mark.parametrize("variant", ["bgp", "rr", "vxlan"])
def test_a_circuit_is_cut_in_a_full_mesh(tmp_path: Path, variant: str) -> None:
    # the underlay has one route to each host, and BGP without an IGP adds no other
    found = run(tmp_path, "mesh", f"calico:{variant}", scenarios.cut_a_circuit, for_s=60)
    assert found["gone"]
    assert all(found["others"])
    assert found["there"] <= ARP_S + STEP_S


def test_a_circuit_that_loses_all_packets_is_noticed_after_the_hold_time(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "calico:bgp", scenarios.lose_all_packets_of_a_circuit, for_s=HOLD_S + 60)
    assert found["gone"]
    assert found["others"]
    # The hold time counts from the peer's last message, which is no older than the last keepalive or the session.
    since_message_s = min(HOLD_S / 3, found["age"])
    assert HOLD_S * 3 / 4 - since_message_s <= found["noticed"]["protocol"] <= HOLD_S + 2
    assert found["noticed"]["protocol"] <= found["noticed"]["route"] <= found["noticed"]["protocol"] + 2
    assert found["there"] <= ERROR_S + CONNECT_S


@pytest.mark.parametrize("variant", ["bgp", "rr"])
def test_bird_is_killed_and_started_again_within_the_restart_time(tmp_path: Path, variant: str) -> None:
    # in `rr`, it is the reflector's
    found = run(tmp_path, "mesh", f"calico:{variant}", scenarios.kill_a_bird, host="h1", for_s=60)
    assert all(found["meanwhile"])
    assert found["back"] <= STEP_S
    assert found["same"]
    assert set(found["established"]) == {"Established"}


def test_without_the_only_reflector_routes_end_after_the_restart_time(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "calico:rr", scenarios.kill_a_bird, host="h1", for_s=RESTART_S + 60)
    assert not any(found["meanwhile"])
    assert found["back"] <= BACK_S
    assert found["same"]


def test_a_second_reflector_keeps_the_routes(tmp_path: Path) -> None:
    parameters = {"host": "h1", "for_s": RESTART_S + 60}
    found = run(tmp_path, "mesh", "calico:rr", scenarios.kill_a_bird, "--reflectors", "h1,h3", **parameters)
    assert found["meanwhile"] == [False, True, True]  # only those of h1 are away, whose BIRD it is
    assert found["back"] <= BACK_S
    assert found["same"]


@pytest.mark.parametrize("variant", ["bgp", "vxlan"])
def test_an_agent_is_killed_while_another_host_leaves(tmp_path: Path, variant: str) -> None:
    found = run(tmp_path, "mesh", f"calico:{variant}", scenarios.kill_an_agent_while_another_leaves)
    assert all(found["meanwhile"])
    assert found["late"] <= STEP_S  # a container that starts meanwhile has an address and a route
    assert found["stale"] is (variant == "vxlan")  # BIRD goes on without the agent
    assert found["mended"] <= 1.0


@pytest.mark.parametrize("variant", ["bgp", "vxlan"])
def test_the_store_is_killed_and_started_again(tmp_path: Path, variant: str) -> None:
    found = run(tmp_path, "mesh", f"calico:{variant}", scenarios.kill_the_store, loses=False)
    assert all(found["meanwhile"])
    assert all(found["after"])
    assert found["same"]
    assert found["told"] <= 0.5


def test_a_store_that_has_lost_its_data_changes_nothing(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "calico:vxlan", scenarios.kill_the_store, loses=True)
    assert all(found["meanwhile"])
    assert all(found["after"])
    assert found["same"]
    assert "the store has no Calico that is ready; trying again in 5 s" in found["log"]


def test_the_store_is_cut_off_and_comes_back(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "calico:vxlan", scenarios.cut_the_store_off, "--store", "h4")
    assert all(found["meanwhile"])
    assert "the store at 100.64.0.4:2379: " in found["waits"]
    assert "trying again in 5 s" in found["waits"]
    assert found["there"] <= ARP_S + STEP_S
    assert found["told"] <= NOTICE_S + PAUSE_S


@pytest.mark.parametrize("variant", ["bgp", "rr", "ipip", "vxlan"])
def test_a_host_that_leaves_in_order_takes_what_was_written_along(tmp_path: Path, variant: str) -> None:
    found = run(tmp_path, "mesh", f"calico:{variant}", scenarios.leave_and_return)
    assert found["gone"] <= CONNECT_S
    assert [link["name"] for link in found["left"]["links"]] == ["calic5"]
    assert found["left"]["routes"] == found["left"]["neighbours"] == found["left"]["fdb"] == []
    assert not any("/nodes/" in key for key in found["keys"])
    assert any("/block/10.244.5.0-26" in key for key in found["keys"])  # as after `calicoctl delete node`
    assert found["back"] <= BACK_S
    assert found["same"] <= BACK_S  # when all sessions are there


@pytest.mark.parametrize(
    ("variant", "damages"),
    [
        ("bgp", ("ip route del 10.244.2.0/26", "ip route del 10.244.1.0")),
        ("ipip", ("ip route del 10.244.2.0/26", "ip address flush dev tunl0", "ip link del tunl0")),
        (
            "vxlan",
            (
                "ip route del 10.244.1.0/26",
                "ip neigh del 10.244.2.0 dev vxlan.calico",
                "bridge fdb del 66:bf:1c:36:57:41 dev vxlan.calico dst 100.64.0.2",
                "ip link del vxlan.calico",
            ),
        ),
    ],
)
def test_what_somebody_breaks_in_the_kernel_is_mended_at_the_next_look(
    tmp_path: Path, variant: str, damages: tuple[str, ...]
) -> None:
    found = run(tmp_path, "mesh", f"calico:{variant}", scenarios.damage_tables, damages=damages)
    for damage, (said, broken, mended, reached) in found["results"].items():
        assert (said, broken, mended, reached) == ("", True, True, True), damage
