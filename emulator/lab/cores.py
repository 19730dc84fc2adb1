"""The processors of hosts as queues in the kernel: each packet that a host sends, gets or forwards takes its cost.

The packets of all circuits of a host are redirected through interfaces of its own (IFB), whose egress is a server
(`qdiscs.serve`): one for packets of the host itself, one for those that it forwards, one for those of containers. Each
has a queue for each core.

The packets of a container with a limit of its own pass an interface in the container, too, which lets them through no
faster than the limit allows (`qdiscs.regulate`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emulator.cpu.model import OWN_STAGES, TRANSIT_STAGES, CpuModel
from emulator.lab.namespace import Namespace
from emulator.netlink import filters, links, qdiscs
from emulator.netlink.connection import Netlink, NetlinkError, is_missing
from emulator.netlink.filters import Match
from emulator.netlink.links import LinkState
from emulator.netlink.messages import KernelRequest
from emulator.plan import Interface, Plan
from emulator.system.errors import EmulationError

OWN, TRANSIT, CONTAINERS = "cpu-own", "cpu-transit", "cpu-containers"
"""The names of the interfaces whose egress is the work for the packets of a host, of others, and of containers."""
LIMIT = "cpu-limit"
"""The name of the interface in a container whose egress is the container's limit."""

_CONTAINERS_ORDER, _OWN_ORDER, _PASS_ORDER, _TRANSIT_ORDER = 1, 2, 3, 4
_ON_CIRCUIT = ("224.0.0.0/4", "ff00::/8", "fe80::/10")
"""The destinations of packets that no host forwards: neighbours and routing protocols speak to them, at no cost."""
_ANYWHERE = ("0.0.0.0/0", "::/0")


class Cores:
    """The queues of the processors of a plan's hosts. It makes requests, which others send in the hosts' namespaces.

    A netlink socket that a method takes is in the host's namespace, and finds free interface indexes there.
    """

    def __init__(self, plan: Plan, cpu: CpuModel) -> None:
        self._plan = plan
        self._cpu = cpu
        self.indexes: dict[str, dict[str, int]] = {host.name: {} for host in plan.hosts}
        """The index of each interface that is a queue, by host or container and by its name."""
        self.cpus = dict(cpu.cpus)
        """The processors that each host has now."""
        self._stages: dict[tuple[str, str], Sequence[str]] = {}
        """The stages of a queue's packets, by its host and its name."""
        self._charged: set[tuple[str, str]] = set()
        """The hosts with the containers' addresses that they pay for, also of containers that have ended."""

    def charge_host(self, host: str, namespace: Namespace, netlink: Netlink) -> list[KernelRequest]:
        """Return the requests that make a host pay for its own packets and for those that it forwards."""
        requests = self._serve(host, namespace, netlink, OWN, OWN_STAGES)
        requests += self._serve(host, namespace, netlink, TRANSIT, TRANSIT_STAGES)
        ends = self._ends(host)
        requests += [filters.share_ingress(end.index, end.name) for end in ends]
        if not self._cpu.offload:
            requests += [links.without_offload(end.index, end.name) for end in ends]
        if ends:
            requests += self._charge_addresses(host, _OWN_ORDER, OWN)
            # what a host forwards pays where it enters, and leaves as it is
            requests += [filters.redirect_ingress(_PASS_ORDER, Match(it), None) for it in _ON_CIRCUIT]
            transit = self.indexes[host][TRANSIT]
            requests += [filters.redirect_ingress(_TRANSIT_ORDER, Match(it), transit) for it in _ANYWHERE]
        return requests

    def charge_containers(
        self, host: str, namespace: Namespace, netlink: Netlink, stages: Sequence[str], protocol: int | None,
        port: int | None,
    ) -> list[KernelRequest]:  # fmt: skip
        """Return the requests that make a host pay for the packets of its containers.

        ``protocol`` and ``port`` are those of the packets that carry them; ``protocol`` is None where none do. A host
        pays for packets with a container's own address by `charge_container`.
        """
        requests = self._serve(host, namespace, netlink, CONTAINERS, stages)
        if protocol is not None and self._ends(host):
            requests += self._charge_addresses(host, _CONTAINERS_ORDER, CONTAINERS, protocol, port)
        return requests

    def charge_container(self, host: str, address: str) -> list[KernelRequest]:
        """Return the requests that make a host pay for the packets with a container's address, if it does not yet."""
        if (host, address) in self._charged:
            return []
        self._charged.add((host, address))
        ends, target, match = self._ends(host), self.indexes[host][CONTAINERS], Match(address)
        entering = [filters.redirect_ingress(_CONTAINERS_ORDER, match, target)] if ends else []
        leaving = [filters.redirect_egress(it.index, it.name, _CONTAINERS_ORDER, match, target) for it in ends]
        return [*entering, *leaving]

    def leave(self, host: str, cpus: float) -> list[KernelRequest]:
        """Return the requests that leave a host a number of processors; packets that wait keep their times."""
        self.cpus[host] = cpus
        return [it for name, index in self.indexes[host].items() for it in self._queues(host, name, index)]

    def limit_container(
        self, container: str, addresses: Sequence[str], interfaces: Sequence[LinkState]
    ) -> list[KernelRequest]:
        """Return the requests, for a container's namespace, that hold its packets to its limit, if it has one.

        ``addresses`` are the container's, and ``interfaces`` all interfaces of its namespace.
        """
        if container not in self._cpu.limits:
            return []
        index = max(it.index for it in interfaces) + 1
        self.indexes[container] = {LIMIT: index}
        cost = self._cpu.inside * (1 / self._cpu.limits[container])
        requests = [links.ifb(LIMIT, index, 1), links.up(index, LIMIT)]
        requests += qdiscs.regulate(index, LIMIT, cost.packet_ns, cost.byte_ns, self._cpu.backlog_packets)
        ends = [it for it in interfaces if it.is_up and it.index != links.LOOPBACK_INDEX]
        requests += [filters.share_ingress(end.index, end.name) for end in ends]
        for address in addresses:
            match = Match(address)
            requests.append(filters.redirect_ingress(_CONTAINERS_ORDER, match, index))
            requests += [filters.redirect_egress(it.index, it.name, _CONTAINERS_ORDER, match, index) for it in ends]
        return requests

    def _charge_addresses(
        self, host: str, order: int, server: str, protocol: int | None = None, port: int | None = None
    ) -> Iterator[KernelRequest]:
        """Yield the requests that redirect packets with an address of a host itself."""
        (item,) = (it for it in self._plan.hosts if it.name == host)
        target, own = self.indexes[host][server], _given(item.loopback, item.ipv6_loopback)
        for address in own:
            yield filters.redirect_ingress(order, Match(address, protocol, port), target)
        for end in self._ends(host):
            addresses = _given(end.address, end.ipv6_address)
            for address in addresses:
                yield filters.redirect_ingress(order, Match(address, protocol, port), target)
            for address in (*own, *addresses):
                match = Match(address, protocol, port)
                yield filters.redirect_egress(end.index, end.name, order, match, target)

    def _ends(self, host: str) -> list[Interface]:
        return [end for end in self._plan.ends if end.node == host]

    def _serve(
        self, host: str, namespace: Namespace, netlink: Netlink, name: str, stages: Sequence[str]
    ) -> list[KernelRequest]:
        index = self.indexes[host][name] = namespace.take_index(netlink)
        self._stages[host, name] = stages
        return [
            links.ifb(name, index, self._cpu.queues(host)), links.up(index, name), *self._queues(host, name, index)
        ]  # fmt: skip

    def _queues(self, host: str, name: str, index: int) -> list[KernelRequest]:
        queues, cost = self._cpu.queues(host), self._cpu.on(host, self._stages[host, name], self.cpus[host])
        return qdiscs.serve(index, name, queues, cost.packet_ns, cost.byte_ns, self._cpu.backlog_packets)


def send(netlink: Netlink, requests: Sequence[KernelRequest]) -> None:
    """Send the requests of `Cores` in the namespace of a netlink socket.

    Raises:
        EmulationError: the kernel lacks a part; the message says how to get it.
    """
    try:
        netlink.send(requests)
    except NetlinkError as error:
        if not is_missing(error):
            raise
        raise EmulationError(
            "this kernel lacks what a cost table of processors needs: load it with `modprobe -a ifb act_mirred "
            "cls_flower sch_ingress sch_netem sch_tbf`, or use a guest kernel (`gtsdsl kernel build`)"
        ) from None


def _given(*addresses: str | None) -> list[str]:
    """Return the addresses that there are, without their prefix lengths."""
    return [it.partition("/")[0] for it in addresses if it is not None]
