"""Nebula over a mesh, a star and a line: reachability, round trips, frames, MTU, certificates, and its own view."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from emulator.netlink import tun
from emulator.overlays import nebula
from emulator.overlays.model import OverlaySpec
from emulator.overlays.nebula import Nebula
from tests.emulator.overlays.frames import UDP, between_hosts, datagram, echoes, is_too_long
from tests.emulator.overlays.guest import TOPOLOGIES, once, result_of, run
from tests.emulator.overlays.nebula import scenarios
from tests.emulator.samples import Cli

OVERHEAD_BYTES, MTU_BYTES = 60, 1440
_HEADER_BYTES, _TAG_BYTES = 16, 16
_MESSAGE = bytes([1 << 4 | 1, 0])
"""The first bytes of Nebula's header: version 1, type message, and a subtype, which says that it is not relayed."""
SPEC = OverlaySpec("nebula", "tun", ("h1", "h2"), (), "10.244.0.0/16", "process")


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that returns the scenario's result over a topology; it runs each scenario once."""

    @once
    def of(topology: str) -> dict[str, Any]:
        return run(tmp_path_factory.mktemp("nebula"), topology, "nebula", scenarios.measure)

    return of


def messages(frames: list[str], packet_bytes: int) -> list[bytes]:
    """Return the frames in which `nebula` carries packets of a size.

    A host's reports to the lighthouse, every 10 s, are messages of another type, and tests of a tunnel too.
    """
    payload_bytes = _HEADER_BYTES + packet_bytes + _TAG_BYTES
    found = [(frame, datagram(frame)) for frame in echoes(frames)]
    return [
        frame
        for frame, outer in found
        if outer.ports[1] == nebula.PORT and len(outer.payload) == payload_bytes and outer.payload[:2] == _MESSAGE
    ]


def details_of(certificate: str) -> tuple[str, list[str], list[str]]:
    """Return the host, its addresses and its subnets in a certificate; from 1.10 on, JSON has a list and other keys."""
    found = json.loads(certificate)
    details = (found[0] if isinstance(found, list) else found)["details"]
    addresses = details["networks"] if "networks" in details else details["ips"]
    subnets = details["unsafeNetworks"] if "unsafeNetworks" in details else details["subnets"]
    return details["name"], addresses, subnets


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_container_reaches_every_other_in_the_round_trip_of_the_circuits(measured: Any, topology: str) -> None:
    found = measured(topology)
    assert all(found["back"].values())
    expected = TOPOLOGIES[topology].round_trips_ms
    assert found["rtt_ms"].keys() == expected.keys()
    bits_ms = 2 * (98 + OVERHEAD_BYTES) * 8 / 1e6 * (1 if topology == "mesh" else 3)
    for pair, rtt_ms in found["rtt_ms"].items():
        assert expected[pair] <= rtt_ms <= expected[pair] + bits_ms + 0.01, pair


@pytest.mark.usefixtures("guest_kernel")
def test_a_packet_is_a_message_of_nebula_to_the_index_of_the_other_hosts_tunnel(measured: Any) -> None:
    found = measured("mesh")
    frames = messages(found["frames"], 84)
    assert len(frames) == 2
    receivers = (found["indices"]["h2"]["10.244.0.1"], found["indices"]["h1"]["10.244.0.2"])
    for frame, receiver in zip(frames, receivers, strict=True):
        outer = datagram(frame)
        assert between_hosts(outer)
        assert (outer.protocol, outer.ports, outer.dont_fragment) == (UDP, (4242, 4242), True)
        kind, subtype, reserved, index, counter = struct.unpack("!BBHIQ", outer.payload[:16])
        assert (kind, subtype, reserved) == (*_MESSAGE, 0)
        assert index == receiver
        assert counter > 20
        assert b"\x0a\xf4\x01\x02" not in outer.payload


@pytest.mark.usefixtures("guest_kernel")
def test_the_largest_packet_passes_whole_and_one_byte_more_does_not(measured: Any) -> None:
    found = measured("mesh")
    assert " 0% packet loss" in found["passes"]
    assert is_too_long(found["refused"], MTU_BYTES)
    assert [datagram(frame).total_bytes for frame in messages(found["largest"], MTU_BYTES)] == [1500] * 2
    assert {link["mtu_bytes"] for link in found["state"]["links"]} == {MTU_BYTES}
    assert "ttl=62" in found["hop"]  # both hosts are hops, and Nebula is none


@pytest.mark.usefixtures("guest_kernel")
def test_a_host_has_a_tun_interface_and_routes_to_the_subnets_of_the_others(measured: Any) -> None:
    state = measured("mesh")["state"]
    (link,) = (link for link in state["links"] if link["name"] == "nebula1")
    assert dict(link["details"]) == {"type": "tun", "packet_information": False}
    assert {"interface": "nebula1", "address": "10.244.0.2/24"} in state["addresses"]
    routes = [route["destination"] for route in state["routes"] if route["interface"] == "nebula1"]
    assert routes == [f"10.244.{number}.0/24" for number in (0, 1, 3, 4, 5)]


@pytest.mark.usefixtures("guest_kernel")
def test_a_hosts_certificate_names_its_containers_subnet_and_its_configuration_those_of_the_others(
    measured: Any,
) -> None:
    found = measured("mesh")
    assert details_of(found["certificate"]) == ("h2", ["10.244.0.2/24"], ["10.244.2.0/24"])
    configuration = json.loads(found["configuration"])
    assert configuration["listen"] == {"host": "100.64.0.2", "port": 4242}
    assert configuration["static_host_map"] == {"10.244.0.1": ["100.64.0.1:4242"]}
    assert configuration["tun"]["mtu"] == MTU_BYTES
    assert configuration["tun"]["unsafe_routes"] == [
        {"route": f"10.244.{number}.0/24", "via": f"10.244.0.{number}"} for number in (1, 3, 4, 5)
    ]


@pytest.mark.usefixtures("guest_kernel")
def test_the_shell_shows_tunnels_and_the_host_map(measured: Any) -> None:
    found = measured("mesh")
    assert [peer["host"] for peer in found["peers"]["h2"]] == ["h1", "h3", "h4", "h5"]
    assert found["peers"]["h2"][0] == {"host": "h1", "address": "100.64.0.1", "subnet": "10.244.1.0/24"}
    assert found["shown"][0].startswith("nebula tun, nebula 1.")
    words = [line.split() for line in found["shown"]]
    second = next(number for number, line in enumerate(words) if line[:1] == ["h2"])
    lighthouse, other = words[:second], words[second:]
    tunnels = [line for line in other if line[:1] == ["tunnel"]]
    assert [line[1:4] for line in tunnels] == [
        [f"h{number}", f"10.244.0.{number}", f"100.64.0.{number}:4242"] for number in (1, 3, 4, 5)
    ]
    assert all(int(line[4]) > 10 for line in tunnels)
    assert [line[2:] for line in lighthouse if line[:2] == ["host", "map"]] == [
        [f"h{number}", f"10.244.0.{number}", f"100.64.0.{number}:4242"] for number in range(1, 6)
    ]


@pytest.mark.usefixtures("guest_kernel")
def test_two_runs_have_the_same_certificates_and_tables_and_nearly_the_same_round_trips(
    measured: Any, tmp_path: Path
) -> None:
    """The guest's random numbers have a seed, and so have the hosts' keys.

    Round trips differ by some readings of the clock (256 ns each), because Go's scheduler decides when it reads it.
    """
    one, other = measured("mesh"), run(tmp_path, "mesh", "nebula", scenarios.measure)
    for name in ("certificate", "state", "peers"):
        assert one[name] == other[name], name
    for pair, rtt_ms in one["rtt_ms"].items():
        assert rtt_ms == pytest.approx(other["rtt_ms"][pair], abs=0.01), pair


def test_a_result_names_the_program(overlaid: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert overlaid("nebula", "--probe", "--count", "9", "--json", str(out)).returncode == 0
    found = result_of(out)["overlay"]
    assert found["agent"].startswith("nebula 1.")
    assert found["overhead_bytes"] == OVERHEAD_BYTES
    assert all(pair["lost"] == 0 and abs(pair["error_us"]) <= 10 for pair in found["pairs"])


# what is missing, and what is refused


def test_missing_programs_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nebula, "find_program", lambda name: None if name in ("nebula", "ssh") else name)
    monkeypatch.setattr(tun, "lacks", lambda: iter(()))
    assert list(Nebula.lacks(SPEC)) == ["nebula, ssh missing: `apt-get install nebula openssh-client`"]


def test_nebulas_network_has_an_address_for_each_host() -> None:
    hosts = tuple(f"h{number}" for number in range(1, 256))
    spec = OverlaySpec("nebula", "tun", hosts, (), "10.0.0.0/8", "process")
    assert list(Nebula.refuses(spec)) == ["255 hosts: Nebula's network of /24 has addresses for 254"]
    assert not list(Nebula.refuses(SPEC))


def test_a_public_key_is_that_of_the_private_key() -> None:
    """The first iteration in RFC 7748, section 5.2, whose private key is 9."""
    private = (9).to_bytes(32, "little")
    public = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    assert nebula._public_key(private).hex() == public


def test_the_answers_of_nebula_are_read_as_those_of_later_versions() -> None:
    """1.6 writes a host's one address and an endpoint's address and port; 1.10 several addresses and a text."""
    for tunnel in (
        {"vpnIp": "10.244.0.2", "currentRemote": {"ip": "100.64.0.2", "port": 4242}},
        {"vpnAddrs": ["10.244.0.2"], "currentRemote": "100.64.0.2:4242"},
    ):
        assert nebula._address_in(tunnel) == "10.244.0.2"
        assert nebula._endpoint(tunnel["currentRemote"]) == "100.64.0.2:4242"
    at = {"ip": "100.64.0.3", "port": 4242}
    for entry in (
        {"vpnIp": "10.244.0.3", "addrs": {"10.244.0.1": {"learned": [at], "reported": [at, at], "relay": []}}},
        {"vpnAddr": "10.244.0.3", "addrs": {"10.244.0.1": {"reported": ["100.64.0.3:4242"], "relay": []}}},
    ):
        assert nebula._address_in(entry) == "10.244.0.3"
        assert nebula._reported(entry) == "100.64.0.3:4242"
