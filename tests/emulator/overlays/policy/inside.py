"""Packets through real packet filters, in a guest: two hosts with containers in plain namespaces, and the verdicts."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import select
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from emulator.measure.echo import Echo
from emulator.netlink import namespaces
from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress, Route
from emulator.options import PolicyEngine
from emulator.overlays.policy.enforcer import Enforcer, engine_version, lacks
from emulator.overlays.policy.sets import Endpoint
from tests.emulator.overlays.inside import Stage
from tests.emulator.overlays.policy.samples import CASES, ENDPOINTS, packets, policies, policy

_PATIENCE_S = 0.2
SOME_CASES = (
    "a port of TCP from a selector",
    "nets within nets that are not",
    "more ports than a line of iptables has",
    "all but echoes",
    "pass leaves it to the profile",
    "all networks as a set",
)
_FORGET_S = 200.0
"""The time after which the kernel has forgotten the connections of a case, so that the next case decides anew."""
_MTU_BYTES = 1500


class Network:
    """The containers of `ENDPOINTS`, each in a namespace, on two hosts that a circuit joins."""

    def __init__(self) -> None:
        self.hosts = {host: namespaces.create(1, lambda _: None)[0][0] for host in ("h1", "h2")}
        self.containers = {it.name: namespaces.create(1, lambda _: None)[0][0] for it in ENDPOINTS}
        with Handle(self.hosts["h1"]) as kernel:
            kernel.add_veth(
                "to2", mac="02:00:00:00:00:01", peer="to1", peer_namespace=self.hosts["h2"],
                peer_mac="02:00:00:00:00:02", mtu_bytes=_MTU_BYTES,
            )  # fmt: skip
        for host, interface, own, far, net in (
            ("h1", "to2", "10.9.0.0/31", "10.9.0.1", "10.9.2.0/24"),
            ("h2", "to1", "10.9.0.1/31", "10.9.0.0", "10.9.1.0/24"),
        ):
            with Handle(self.hosts[host]) as kernel:
                kernel.add_address(InterfaceAddress(interface, own))
                kernel.set_up(interface)
                kernel.put(Route(net, interface, far))
            with namespaces.entered(self.hosts[host]):
                Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        for endpoint in ENDPOINTS:
            self.join(endpoint)
        time.sleep(2)  # the kernel starts the queues of new interfaces within a second

    def join(self, endpoint: Endpoint) -> None:
        """Give a container its interfaces, address and routes."""
        namespace = self.containers[endpoint.name]
        number = endpoint.address.rpartition(".")[2]
        gateway = endpoint.address.rpartition(".")[0] + f".10{number}"
        with Handle(self.hosts[endpoint.host]) as kernel:
            kernel.add_veth(
                endpoint.interface, mac=f"02:00:00:00:01:0{number}", peer="eth0", peer_namespace=namespace,
                peer_mac=f"02:00:00:00:02:0{number}", mtu_bytes=_MTU_BYTES,
            )  # fmt: skip
            kernel.add_address(InterfaceAddress(endpoint.interface, f"{gateway}/32"))
            kernel.set_up(endpoint.interface)
            kernel.put(Route(f"{endpoint.address}/32", endpoint.interface, scope="link"))
        with Handle(namespace) as kernel:
            kernel.add_address(InterfaceAddress("eth0", f"{endpoint.address}/32"))
            kernel.set_up("eth0")
            kernel.put(Route(f"{gateway}/32", "eth0", scope="link"))
            kernel.put(Route("0.0.0.0/0", "eth0", gateway))

    def enforcers(self, texts: tuple[str, ...], engine: PolicyEngine) -> dict[str, Enforcer]:
        """Return the enforcers of policies on both hosts."""
        return {host: Enforcer(policies(*texts, engine=engine), host) for host in self.hosts}

    def apply(self, enforcers: dict[str, Enforcer], endpoints: tuple[Endpoint, ...] = ENDPOINTS) -> list[bool]:
        """Load the rules on both hosts, and return whether they changed."""
        found = []
        for host, enforcer in enforcers.items():
            with namespaces.entered(self.hosts[host]):
                found.append(enforcer.apply(endpoints))
        return found

    def remove(self, enforcers: dict[str, Enforcer]) -> None:
        for host, enforcer in enforcers.items():
            with namespaces.entered(self.hosts[host]):
                enforcer.remove()

    def passes(self, name: str) -> bool:
        """Send a packet, by the name of `samples.packets`, and return whether it arrives."""
        near, far, protocol, *ports = name.split()
        address = {it.name: it.address for it in ENDPOINTS}
        if protocol == "icmp":
            with Echo(self.containers[near], address[near]) as echo:
                return echo.round_trip_ns(address[far], 1, _PATIENCE_S) is not None
        port = int(ports[0])
        if protocol == "udp":
            with (
                self._socket(far, socket.SOCK_DGRAM, (address[far], port)) as server,
                self._socket(near, socket.SOCK_DGRAM, (address[near], 40_000)) as client,
            ):
                client.sendto(b"x", (address[far], port))
                return bool(select.select([server], [], [], _PATIENCE_S)[0])
        with (
            self._socket(far, socket.SOCK_STREAM, (address[far], port)) as server,
            self._socket(near, socket.SOCK_STREAM, (address[near], 0)) as client,
        ):
            server.listen()
            client.settimeout(_PATIENCE_S)
            found = client.connect_ex((address[far], port))
            assert found in {0, errno.EAGAIN, errno.ETIMEDOUT, errno.EINPROGRESS}, os.strerror(found)
            return found == 0

    @contextlib.contextmanager
    def _socket(self, container: str, kind: int, address: tuple[str, int]) -> Iterator[socket.socket]:
        with namespaces.entered(self.containers[container]):
            opened = socket.socket(socket.AF_INET, kind)
        with opened:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind(address)
            yield opened


def verdicts_of_all_cases(_stage: Stage, engine: PolicyEngine) -> dict[str, object]:
    """Return the packets that pass, by case; each packet is sent through the filters of both hosts."""
    network = Network()
    before = sorted(name for name in packets() if network.passes(name))
    found: dict[str, object] = {"without policies": before}
    for case, (texts, _) in CASES.items():
        enforcers = network.enforcers(texts, engine)
        network.apply(enforcers)
        found[case] = sorted(name for name in packets() if network.passes(name))
        network.remove(enforcers)
        time.sleep(_FORGET_S)
    found["after removal"] = sorted(name for name in packets() if network.passes(name))
    found["left"] = _rules(network.hosts["h1"], engine)
    return found


def verdicts_of_some_cases_with_legacy_iptables(_stage: Stage, legacy_program: str) -> dict[str, object]:
    """Return the packets that pass by some cases, with the iptables that writes no nftables.

    ``legacy_program`` is the path of `xtables-legacy-multi`.
    """
    network = Network()
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("iptables-restore", "iptables-save"):
            Path(folder, name).symlink_to(legacy_program)
        os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"
        for case in SOME_CASES:
            enforcers = network.enforcers(CASES[case][0], "iptables")
            network.apply(enforcers)
            found[case] = sorted(name for name in packets() if network.passes(name))
            found["version"] = engine_version(policies(*CASES[case][0], engine="iptables"))
            network.remove(enforcers)
            time.sleep(_FORGET_S)
        found["left"] = _rules(network.hosts["h1"], "iptables")
    return found


def tunnels_of_containers(_stage: Stage) -> dict[str, object]:
    """Return which datagrams pass from web, and to it, if the policies allow everything."""
    network = Network()
    network.apply(network.enforcers(CASES["a policy that selects nothing"][0], "nftables"))
    return {
        "VXLAN": network.passes("web far udp 4789"),
        "another port": network.passes("web far udp 4788"),
        "to it": network.passes("far web udp 4788"),
    }


def what_happens_while_policies_change(_stage: Stage, engine: PolicyEngine) -> dict[str, object]:
    """Return what passes before and after containers are known, on connections that were allowed, and the log."""
    network = Network()
    deny = policies(*CASES["no rules in both"][0], engine=engine)
    texts = CASES["the first rule that matches decides"][0]
    assert list(lacks(deny)) == []
    found: dict[str, object] = {}

    enforcers = network.enforcers(CASES["a policy that selects nothing"][0], engine)
    network.apply(enforcers, ())
    found["unknown"] = network.passes("web far icmp")
    network.apply(enforcers, ENDPOINTS[:1])
    found["known on one host"] = network.passes("web far icmp")
    found["changed"] = network.apply(enforcers)
    found["unchanged"] = network.apply(enforcers)
    found["known"] = network.passes("web far icmp")

    network.remove(enforcers)
    found["sets follow"] = _sets_follow(network, engine)
    network.apply(enforcers)
    with network._socket("db", socket.SOCK_STREAM, ("10.9.1.3", 80)) as server:
        server.listen()
        with network._socket("web", socket.SOCK_STREAM, ("10.9.1.2", 0)) as client:
            client.settimeout(_PATIENCE_S)
            client.connect(("10.9.1.3", 80))
            near, _ = server.accept()
            network.remove(enforcers)
            closed = {host: Enforcer(deny, host) for host in network.hosts}
            network.apply(closed)
            with near:
                client.sendall(b"on")
                near.settimeout(_PATIENCE_S)
                found["a connection that was allowed"] = near.recv(9).decode()
            found["a new one"] = network.passes("web db tcp 5432")
    network.remove(closed)

    logging = network.enforcers(texts, engine)
    network.apply(logging)
    subprocess.run(["dmesg", "--clear"], check=True)
    network.passes("web db icmp")
    network.passes("web db tcp 5432")
    network.passes("db web icmp")
    lines = subprocess.run(["dmesg"], check=True, capture_output=True, text=True).stdout.splitlines()
    found["log"] = [" ".join(re.sub(r"^\[[^]]*\] ", "", line).split()[:3]) for line in lines if "calico" in line]
    ends = re.findall(r"SRC=(\S+) DST=(\S+) .*PROTO=(\S+)", "\n".join(lines))
    found["log ends"] = [list(end) for end in ends]
    found["to its own host"] = _reaches(network, "web", "10.9.1.102")
    network.remove(logging)
    found["to its own host, without policies"] = _reaches(network, "web", "10.9.1.102")
    return found


def _sets_follow(network: Network, engine: PolicyEngine) -> list[bool]:
    """Return whether far reaches db while h1 does not know far, then knows it, and after somebody emptied the sets."""
    texts = (policy("selector: role == 'db'\ningress:\n- {action: Allow, source: {selector: role == 'web'}}"),)
    enforcers = network.enforcers(texts, engine)
    network.apply(enforcers)
    found = []
    for number, endpoints in enumerate((ENDPOINTS[:2], ENDPOINTS, ENDPOINTS[:2], ENDPOINTS)):
        if number == 3 and engine == "nftables":
            with namespaces.entered(network.hosts["h1"]):
                subprocess.run(["nft", "flush", "ruleset"], check=True)
        network.apply({"h1": enforcers["h1"]}, endpoints)
        found.append(network.passes("far db icmp"))
        time.sleep(_FORGET_S)
    network.remove(enforcers)
    return found


def _reaches(network: Network, container: str, address: str) -> bool:
    own = {it.name: it.address for it in ENDPOINTS}
    with Echo(network.containers[container], own[container]) as echo:
        return echo.round_trip_ns(address, 1, _PATIENCE_S) is not None


def _rules(namespace: int, engine: PolicyEngine) -> list[str]:
    """Return what a host's packet filter has, without the chains of the kernel itself."""
    program = ["nft", "list", "ruleset"] if engine == "nftables" else ["iptables-save"]
    with namespaces.entered(namespace):
        text = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    return [line for line in text.splitlines() if "cali" in line]
