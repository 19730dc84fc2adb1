"""Flannel when something fails: the others go on, all comes back, and how long that takes in the virtual clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.overlays.guest import run

pytestmark = pytest.mark.usefixtures("guest_kernel")

FORMS = ("vxlan", "host-gw", "udp", "wireguard")
CHECK_S = 10.0
"""How often the agent looks at the kernel's tables, as flannel does."""
HANDSHAKE_S = 5.0
"""WireGuard's REKEY_TIMEOUT: so long it waits for an answer before it asks again."""
NOTICE_S, PAUSE_S = 6.0, 5.0
"""How long it takes at most to see that the store is gone, and then until the next attempt to reach it."""
ARP_S = 1.0
"""After which an unanswered ARP request is repeated: the first may find the circuit's other end still down."""
STEP_S = 0.25


@pytest.mark.parametrize("form", FORMS)
def test_a_host_is_cut_off_and_comes_back(tmp_path: Path, form: str) -> None:
    found = run(
        tmp_path, "mesh", f"flannel:{form}",
        """
for far in ("c2", "c3", "c5"):
    probe.steady_ms("c1", far)
cut(net, "h3", "down")
gone = not probe.reach("c1", "c3")
time.sleep(60)
others = [probe.reach(*pair) for pair in (("c1", "c2"), ("c2", "c4"), ("c4", "c5"), ("c5", "c1"))]
still = not probe.reach("c1", "c3")
cut(net, "h3", "up")
tell(gone=gone, others=others, still=still, there=probe.seconds_until("c1", "c3"),
     back=probe.seconds_until("c3", "c5"), known=len(overlay.peers("h1")))
""",
    )  # fmt: skip
    assert found["gone"]
    assert found["still"]
    assert all(found["others"])
    assert found["known"] == 4  # its lease goes on for a day
    # a tunnel's route is on the tunnel and stays; those of host-gw went with the circuits, and the next look mends them
    patience_s = {"host-gw": CHECK_S, "wireguard": 3 * HANDSHAKE_S}.get(form, ARP_S) + STEP_S
    assert found["there"] <= patience_s
    assert found["back"] <= patience_s


@pytest.mark.parametrize("form", FORMS)
def test_an_agent_is_killed_and_started_again(tmp_path: Path, form: str) -> None:
    found = run(
        tmp_path, "mesh", f"flannel:{form}",
        """
for far in ("c1", "c3", "c5"):
    probe.steady_ms("c2", far)
before = overlay.state("h2")
kill(net, "h2")
time.sleep(30)
without = probe.reach("c2", "c1")
others = [probe.reach("c1", "c3"), probe.reach("c3", "c4")]
overlay.start("h2")
back = probe.seconds_until("c2", "c1")
time.sleep(15)
tell(without=without, others=others, back=back, subnet=str(overlay.subnet("h2")),
     same=overlay.state("h2") == before, peers=[peer.host for peer in overlay.peers("h1")],
     log=overlay.agents["h2"].log.read_text())
""",
    )  # fmt: skip
    # the kernel goes on without the agent, but for the form in which the agent forwards
    assert found["without"] is (form != "udp")
    assert all(found["others"])
    assert found["back"] <= 1.0
    assert found["subnet"] == "10.244.2.0/24"
    assert found["same"]
    assert found["peers"] == ["h2", "h3", "h4", "h5"]
    assert found["log"].count("leased 10.244.2.0/24") == 2


def test_what_an_agent_missed_while_it_was_dead_is_mended_when_it_starts(tmp_path: Path) -> None:
    found = run(
        tmp_path, "mesh", "flannel",
        """
kill(net, "h2")
overlay.stop("h5")
others = seconds_until(lambda: len(overlay.peers("h1")) == 3)
stale = [route.destination for route in overlay.state("h2").routes]
overlay.start("h2")
seconds_until(lambda: len(overlay.peers("h2")) == 3)
state = overlay.state("h2")
tell(others=others, stale=stale, routes=[it.destination for it in state.routes],
     fdb=[it.destination for it in state.fdb], neighbours=[it.address for it in state.neighbours])
""",
    )  # fmt: skip
    assert found["others"] <= 0.5
    assert "10.244.5.0/24" in found["stale"]
    assert found["routes"] == [f"10.244.{number}.0/24" for number in (1, 2, 3, 4)]
    assert found["fdb"] == [f"100.64.0.{number}" for number in (1, 3, 4)]
    assert found["neighbours"] == [f"10.244.{number}.0" for number in (1, 3, 4)]


@pytest.mark.parametrize("form", FORMS)
def test_a_host_whose_lease_ends_is_taken_out_and_gets_its_subnet_again(tmp_path: Path, form: str) -> None:
    found = run(
        tmp_path, "mesh", f"flannel:{form}",
        """
kill(net, "h5")
overlay.lease_s = 20
overlay.start("h5")
seconds_until(lambda: overlay.agents["h5"].log.read_text().count("leased") == 2)
time.sleep(60)
renewed = [peer.host for peer in overlay.peers("h1")]
cut(net, "h5", "down")
out = seconds_until(lambda: "h5" not in [peer.host for peer in overlay.peers("h1")])
state = repr(overlay.state("h1"))
others = probe.steady_ms("c1", "c4") is not None
cut(net, "h5", "up")
back = seconds_until(lambda: "h5" in [peer.host for peer in overlay.peers("h1")])
there = probe.seconds_until("c1", "c5")
tell(renewed=renewed, out=out, left="10.244.5." in state, others=others, back=back, there=there,
     subnet=str(overlay.subnet("h5")))
""",
    )  # fmt: skip
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
        tmp_path, "mesh", f"flannel:{form}",
        """
cut(net, "h4", "down")
time.sleep(120)
pairs = [probe.reach(*pair) for pair in (("c1", "c2"), ("c2", "c3"), ("c3", "c5"))]
kill(net, "h2")
overlay.start("h2")
time.sleep(30)
waits = overlay.agents["h2"].log.read_text()
meanwhile = probe.reach("c1", "c2")
cut(net, "h4", "up")
back = seconds_until(lambda: overlay.agents["h2"].log.read_text().count("leased") == 2)
overlay.stop("h3")
told = seconds_until(lambda: all(len(overlay.peers(host)) == 3 for host in ("h1", "h2", "h5")))
tell(pairs=pairs, waits=waits, meanwhile=meanwhile, back=back, told=told, there=probe.seconds_until("c1", "c4"))
""",
        "--store", "h4",
    )  # fmt: skip
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
        tmp_path, "mesh", "flannel",
        f"""
loses = {loses}
store.daemon.stop(9)
if loses:
    net["h1"].cmd("rm -rf", net.lab.processes.folder / "etcd")
time.sleep(20)
pairs = [probe.reach(*pair) for pair in (("c1", "c2"), ("c2", "c3"), ("c3", "c5"))]
from emulator.overlays.text import overlay_lines
shown = list(overlay_lines(net.deployment, ["h1"]))
store.start()
seconds_until(store.is_ready)
def leases():
    with namespaces.entered(net.lab.namespace("h1")), Client(*store.endpoint("h1")) as client:
        return client.list_keys("/coreos.com/network/subnets/").items
from emulator.stores.client import Client
all_back = seconds_until(lambda: len(leases()) == 5)
time.sleep(10)
overlay.stop("h5")
told = seconds_until(lambda: len(overlay.peers("h2")) == 3)
tell(pairs=pairs, leases=[item.key for item in leases()], all_back=all_back, told=told, after=probe.reach("c1", "c3"),
     shown=shown)
""",
    )  # fmt: skip
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
        tmp_path, "mesh", f"flannel:{form}",
        f"""
probe.steady_ms("c1", "c2")
before = overlay.state("h1")
results = {{}}
for damage in {damages!r}:
    said = net["h1"].cmd(damage)
    broken = overlay.state("h1") != before
    time.sleep(10.5)
    mended = overlay.state("h1") == before
    results[damage] = said, broken, mended, probe.seconds_until("c1", "c2")
tell(results=results)
""",
    )  # fmt: skip
    for damage, (said, broken, mended, after_s) in found["results"].items():
        assert (said, broken, mended) == ("", True, True), damage
        assert after_s <= (3 * HANDSHAKE_S if form == "wireguard" else STEP_S), damage


def test_of_a_devices_addresses_only_those_of_the_containers_network_are_flannels(tmp_path: Path) -> None:
    found = run(
        tmp_path, "mesh", "flannel",
        """
for address in ("10.244.9.0/32", "192.0.2.9/32"):
    net["h1"].cmd("ip address add", address, "dev flannel.1")
time.sleep(10.5)
tell(left=[it.address for it in overlay.state("h1").addresses if it.interface == "flannel.1"])
""",
    )  # fmt: skip
    assert found["left"] == ["10.244.1.0/32", "192.0.2.9/32"]


LEASE_OF_ANOTHER_BACKEND = """
from emulator.stores.client import Client
with namespaces.entered(net.lab.namespace("h1")), Client(*store.endpoint("h1")) as client:
    client.put("/coreos.com/network/subnets/10.244.77.0-24", '{"PublicIP":"10.0.0.1","BackendType":"host-gw"}')
time.sleep(1)
tell(seen="10.244.77.0/24" in [it.subnet for it in overlay.peers("h1")],
     routes=[(it.interface, it.gateway) for it in overlay.state("h1").routes if it.destination == "10.244.77.0/24"])
"""
"""Its address is that of h2's end of the circuit to h1, as a `flanneld` has it."""


@pytest.mark.parametrize("form", FORMS)
def test_leases_of_other_backends_are_passed_over_but_by_udp_as_in_flannel(tmp_path: Path, form: str) -> None:
    found = run(tmp_path, "mesh", f"flannel:{form}", LEASE_OF_ANOTHER_BACKEND)
    assert found["seen"] is (form in {"udp", "host-gw"})
    assert found["routes"] == ([["h1-eth0", "10.0.0.1"]] if form == "host-gw" else [])


def test_a_host_that_leaves_in_order_takes_what_it_wrote_along(tmp_path: Path) -> None:
    found = run(
        tmp_path, "mesh", "flannel",
        """
overlay.stop("h5")
gone = seconds_until(lambda: all(len(overlay.peers(host)) == 3 for host in ("h1", "h2", "h3", "h4")))
left = [link.name for link in overlay.state("h5").links]
overlay.start("h5")
tell(gone=gone, left=left, back=probe.seconds_until("c1", "c5"), subnet=str(overlay.subnet("h5")))
""",
    )  # fmt: skip
    assert found["gone"] <= 0.5
    assert found["left"] == ["cni0", "veth1"]
    assert found["back"] <= 1.0
    assert found["subnet"] == "10.244.5.0/24"


def test_an_agent_that_has_died_and_a_store_that_is_another_networks_are_said(tmp_path: Path) -> None:
    found = run(
        tmp_path, "mesh", "flannel",
        """
from dataclasses import replace
from emulator.system.errors import EmulationError
from emulator.overlays.flannel.overlay import Flannel
kill(net, "h2")
said = []
other = Flannel(replace(overlay.spec, variant="udp"), net.lab, store)
for attempt in (lambda: overlay.is_ready("h2"), other.prepare):
    try:
        attempt()
    except EmulationError as error:
        said.append(str(error))
tell(said=said)
""",
    )  # fmt: skip
    died, other = found["said"]
    assert died.startswith("flannel on h2 was ended by signal 9: [")
    assert died.endswith("] leased 10.244.2.0/24")
    assert other == (
        "/coreos.com/network/config in the store on h1 demands vxlan in 10.244.0.0/16: use `--overlay flannel:vxlan "
        "--overlay-network 10.244.0.0/16`, or use another etcd, or a store inside the topology (`--store h1`)"
    )


def test_an_agent_that_cannot_forward_any_more_ends_and_one_that_is_started_again_goes_on(tmp_path: Path) -> None:
    found = run(
        tmp_path, "line", "flannel:udp",
        """
from emulator.lab.daemons import DaemonError
probe.steady_ms("c1", "c2")
net["h1"].cmd("ip link delete flannel0")
time.sleep(1)
try:
    overlay.is_ready("h1")
    said = ""
except DaemonError as error:
    said = str(error)
overlay.start("h1")
tell(said=said, back=probe.seconds_until("c1", "c2"))
""",
    )  # fmt: skip
    assert "flannel on h1 ended with status 1: " in found["said"]
    assert found["said"].endswith("flannel0: File descriptor in bad state")
    assert found["back"] <= 2 * STEP_S
