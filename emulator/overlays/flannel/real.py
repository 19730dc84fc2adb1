"""Flannel's real agent, `flanneld`: the interface that it uses on a host, its command, and what it leaves behind."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network, ip_network
from pathlib import Path

from emulator.agents.model import AgentProgram
from emulator.docker import programs
from emulator.lab.daemons import Daemon, own_run_command, start_program, without_variables
from emulator.lab.lab import Lab
from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress, KernelState
from emulator.overlays.flannel import udp, vxlan, wireguard
from emulator.overlays.flannel.agent import SUBNET_FILE
from emulator.overlays.flannel.leases import format_previous_file
from emulator.overlays.model import Network
from emulator.plan import Plan

DUMMY = "flannel-ext"
"""The interface that has a host's own address for the backend `udp`."""

_BRIDGE_FILTER = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
_DEVICES = {
    "vxlan": (vxlan.DEVICE, vxlan.IPV6_DEVICE),
    "udp": (udp.DEVICE,),
    "wireguard": (wireguard.DEVICE, wireguard.IPV6_DEVICE),
}
_HOST_GW = "host-gw"
_LEASED = re.compile(r"Subnet (added|removed): ([0-9./]+)")


@dataclass(frozen=True, slots=True)
class ExternalInterface:
    """The interface that a `flanneld` uses, its option `-iface`, and the addresses by which other hosts reach it.

    ``ipv6_address`` is None where the network has no IPv6.
    """

    name: str
    address: str
    ipv6_address: str | None = None


def shared_ends(plan: Plan, hosts: Sequence[str]) -> dict[str, ExternalInterface]:
    """Return each host's interface in a network that all hosts have an address in; empty if no network has all.

    A `flanneld` of the backend `host-gw` uses one interface only, and all other hosts must be its neighbours there.
    """
    by_network: dict[IPv4Network, dict[str, ExternalInterface]] = {}
    for end in plan.ends:
        if end.address is not None and end.node in hosts:
            address = IPv4Interface(end.address)
            ends = by_network.setdefault(address.network, {})
            ipv6_address = None if end.ipv6_address is None else end.ipv6_address.partition("/")[0]
            ends.setdefault(end.node, ExternalInterface(end.name, str(address.ip), ipv6_address))
    return next((ends for ends in by_network.values() if len(ends) == len(set(hosts))), {})


def misfits(plan: Plan, hosts: Sequence[str], variant: str, program: AgentProgram) -> Iterator[str]:
    """Yield a sentence if a `flanneld` cannot run a backend on the topology of a plan."""
    if variant == _HOST_GW and not shared_ends(plan, hosts):
        yield (
            f"{program.name} forwards to neighbours on one interface only, and no Ethernet of the topology joins all "
            "hosts: use a topology in which all hosts are on one switch, another variant such as `flannel:vxlan`, or "
            "`--agent built-in`"
        )


def lacks() -> Iterator[str]:
    """Yield a sentence for each thing that a `flanneld` lacks in this kernel or on this machine."""
    if not _BRIDGE_FILTER.exists():
        yield (
            "flanneld needs br_netfilter, which this kernel has not loaded: `modprobe br_netfilter`, or a guest kernel "
            "(`gtsdsl kernel build`)"
        )
    if programs.working_iptables() is None:
        yield "flanneld needs iptables, which is missing or does not work in this kernel: `apt-get install iptables`"


def external_interface(
    lab: Lab, host: str, variant: str, hosts: Sequence[str], circuits: Sequence[str]
) -> ExternalInterface:
    """Return the interface for a `flanneld` on a host; make it for the backend `udp`.

    `udp` listens at an address of the interface, and others send to the host's own address, which is on ``lo``. The
    MTU of ``lo`` is far too large, so the address goes to a further interface too. The other backends only need an
    interface that has the MTU of the smallest circuit, because they are told the address.
    """
    if variant == _HOST_GW:
        return shared_ends(lab.plan, hosts)[host]
    address = lab.plan.loopback(host)
    with Handle(lab.namespace(host)) as kernel:
        if variant != "udp" and circuits:
            return ExternalInterface(min(circuits, key=kernel.mtu_bytes), address, lab.plan.ipv6_loopback(host))
        if not kernel.has_link(DUMMY):
            kernel.add_dummy(DUMMY, mtu_bytes=kernel.least_mtu_bytes(circuits))
            kernel.add_address(InterfaceAddress(DUMMY, f"{address}/32"))
        return ExternalInterface(DUMMY, address)


def start(
    lab: Lab, host: str, program: AgentProgram, interface: ExternalInterface, store: tuple[str, int],
    folder: Path, subnets: Sequence[Network],
) -> Daemon:  # fmt: skip
    """Start a `flanneld` on a host, with its own ``/run`` and host name, and return before it is ready.

    ``store`` is the address and the port of etcd. ``folder`` is the host's, and keeps WireGuard's key (below ``run``)
    for the next start. ``subnets`` are those that the host gets if they are free: that of IPv4, and that of IPv6 if the
    network has IPv6.

    Raises:
        EmulationError: the program cannot be started.
    """
    own_run = folder / "run"
    own_run.mkdir(parents=True, exist_ok=True)
    subnet_file = folder / SUBNET_FILE
    if not subnet_file.exists():
        # as if the host had had these subnets before: `flanneld` would draw them at random, and end if another host
        # drew the same at the same time
        subnet_file.write_text(format_previous_file(subnets))
    command = [
        *own_run_command(own_run),
        # variables that stand for options of flanneld, or change Go's run time
        *without_variables("FLANNELD_", "GO", "WIREGUARD_KEY_FILE", "CONT_WHEN_CACHE_NOT_READY"),
        # Go's garbage collector spins for ever if it has more threads than the guest has processors
        f"GOMAXPROCS={len(os.sched_getaffinity(0))}",
        f"PATH={programs.replacements(lab.run_folder / 'docker' / 'programs')}:{programs.PATH}",
        program.path,
        f"-etcd-endpoints=http://{store[0]}:{store[1]}",
        f"-iface={interface.name}",
        f"-public-ip={interface.address}",
        *([f"-public-ipv6={interface.ipv6_address}"] if subnets[1:] else []),
        "-ip-masq=false",
        f"-subnet-file={subnet_file}",
    ]
    return start_program(lab, host, program.name, command)


def is_ready(folder: Path) -> bool:
    """Return whether the `flanneld` of a host's folder has written its file, which names the MTU too."""
    return "FLANNEL_MTU=" in (folder / SUBNET_FILE).read_text()


def known_subnets(variant: str, state: KernelState, log: str) -> set[str]:
    """Return the subnets of other hosts that a `flanneld` forwards to now.

    They are those in the kernel's tables, ``state``. The backend `udp` has its table in the program, so there they are
    those of the program's log.
    """
    if variant == "udp":
        known: set[str] = set()
        for verb, subnet in _LEASED.findall(log):
            (known.add if verb == "added" else known.discard)(subnet)
        return known
    allowed = (subnet for peer in state.tunnel_peers for subnet in peer.allowed)
    return {*allowed, *(route.destination for route in state.routes if route.gateway is not None)}


def remove_remains(kernel: Handle, variant: str, state: KernelState, pools: Sequence[Network]) -> None:
    """Remove what a `flanneld` that has ended leaves in the kernel: its devices, or its routes.

    ``state`` is what the overlay has in the kernel, ``pools`` are the networks of all containers.
    """
    for name in (*_DEVICES.get(variant, ()), DUMMY):
        if kernel.has_link(name):
            kernel.delete_link(name)
    if variant == _HOST_GW:
        for route in state.routes:
            destination = ip_network(route.destination).network_address
            if route.gateway is not None and any(destination in pool for pool in pools):
                kernel.drop(route)
