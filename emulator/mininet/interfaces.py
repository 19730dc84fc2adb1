"""Mininet's interfaces and links without its commands: what they are asked to do becomes netlink messages."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from mininet.link import Intf, Link

from emulator.lab.underlay import parse_address
from emulator.netlink import addresses, links, qdiscs
from emulator.system.errors import EmulationError
from gtsdsl.model.units import parse_bandwidth, parse_duration_us, parse_loss
from gtsdsl.topology.addresses import Address
from gtsdsl.topology.impairments import Impairment

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork
    from emulator.plan import Interface


class EmulatedIntf(Intf):  # type: ignore[misc]
    """An interface that is there already, as the plan has it (``end``)."""

    name: str
    link: EmulatedLink | None

    def __init__(self, network: EmulatedNetwork, node: object, end: Interface) -> None:
        self.network = network
        self.end = end
        self._told: Impairment | None = None
        self._queue_packets: int | None = None
        super().__init__(end.name, node=node, port=end.number, mac=end.mac, moveIntfFn=_stay)
        if end.address is not None:
            self.ip, _, length = end.address.partition("/")
            self.prefixLen = int(length)

    def config(self, **params: object) -> dict[str, object]:
        """Mininet's parameters of an interface: ``mac``, ``ip``, ``up``, and those of its `TCIntf`.

        ``bw`` in Mbit/s, ``delay`` and ``jitter`` with a unit, ``loss`` in percent, ``max_queue_size`` in packets.

        Raises:
            EmulationError: a value is none, or the kernel has no netem.
        """
        if params.get("mac"):
            self.setMAC(str(params["mac"]))
        if params.get("ip"):
            self.setIP(str(params["ip"]))
        if params.keys() & {"bw", "delay", "jitter", "loss", "max_queue_size"}:
            self._configure(params)
        return {}

    def _configure(self, params: dict[str, object]) -> None:
        try:
            effect = Impairment(
                rtt_us=2 * parse_duration_us(str(params.get("delay") or "0us")),
                jitter_us=parse_duration_us(str(params.get("jitter") or "0us")),
                loss_percent=parse_loss(f"{params.get('loss') or 0}%"),
                rate_bps=parse_bandwidth(str(params.get("bw") or 1000)),
            )
            self._queue_packets = int(str(params["max_queue_size"])) if params.get("max_queue_size") else None
        except ValueError as error:
            raise EmulationError(f"{self.name}: {error}") from None
        self.impair(effect)

    @property
    def impairment(self) -> Impairment:
        """What it does to packets now, in its direction: what it was told last, or else the plan's."""
        return self._told or _planned(self.end)

    def impair(self, effect: Impairment) -> None:
        """Have packets that leave the interface delayed, lost and held back, from now on.

        Its queue is as long as that needs it to be, unless `config` was told of another length.

        Raises:
            EmulationError: the kernel has no netem.
        """
        from emulator.plan.build import egress_of, seed_of

        planned = self.end.egress
        # in the plan's MAC addresses is a number that no other interface has
        number = int(self.end.mac.replace(":", ""), 16) % 2**32 - 1
        seed = planned.seed if planned is not None else seed_of(self.network.plan.seed, number)
        egress = egress_of(effect, seed)
        if self._queue_packets is not None:
            egress = replace(egress, queue_packets=self._queue_packets)
        with self.network.lab.netlink(self.end.node) as netlink:
            netlink.send(qdiscs.set_netem(self.end.index, self.name, egress))
        self._told = effect

    def ifconfig(self, *args: str) -> str:
        """``up`` and ``down`` by netlink; else what the program `ifconfig` says."""
        if args not in {("up",), ("down",)}:
            found: str = super().ifconfig(*args)
            return found
        change = links.up if args == ("up",) else links.down
        with self.network.lab.netlink(self.end.node) as netlink:
            netlink.send([change(self.end.index, self.name)])
        if args == ("up",):  # what goes down takes the host's routes with it
            self.network.lab.underlay.restore_routes(self.end)
        return ""

    def isUp(self, setUp: bool = False) -> bool:
        """Whether the interface is up, after having brought it up if asked to."""
        if setUp:
            self.ifconfig("up")
        return self._state().is_up

    def setIP(self, ipstr: str, prefixLen: int | None = None) -> str:
        """Give the interface another IPv4 address in place of its own."""
        text = ipstr if "/" in ipstr else f"{ipstr}/{prefixLen}"
        try:
            new = parse_address(text)
        except ValueError:
            raise EmulationError(f"{self.name}: {text!a} is no address with a prefix length") from None
        requests = [addresses.add(self.end.index, self.name, new)]
        if self.ip is not None:
            old = Address(IPv4Address(self.ip), int(self.prefixLen))
            requests.insert(0, addresses.remove(self.end.index, self.name, old))
        with self.network.lab.netlink(self.end.node) as netlink:
            netlink.send(requests)
        self.ip, self.prefixLen = str(new.ip), new.prefix_length
        return ""

    def setMAC(self, macstr: str) -> str:
        """Give the interface another MAC address."""
        try:
            mac = bytes.fromhex(macstr.replace(":", ""))
        except ValueError:
            mac = b""
        if len(mac) != 6:
            raise EmulationError(f"{self.name}: {macstr!a} is no MAC address")
        with self.network.lab.netlink(self.end.node) as netlink:
            netlink.send([links.set_mac(self.end.index, self.name, mac)])
        self.mac = macstr
        return ""

    def updateIP(self) -> str | None:
        """The address by which the node is known; of its first interface, the host's own.

        Mininet's shell asks a host's first interface for the address that a host's name stands for. An address of a
        circuit is reached from its two ends only.
        """
        found: str | None = self.node.IP() if self.node.defaultIntf() is self else self.ip
        return found

    def updateMAC(self) -> str:
        """The MAC address as the kernel has it."""
        self.mac = self._state().mac
        mac: str = self.mac
        return mac

    def updateAddr(self) -> tuple[str | None, str]:
        """IP address and MAC address."""
        return self.ip, self.updateMAC()

    def status(self) -> str:
        """``OK``, or ``MISSING`` if somebody has removed the interface."""
        try:
            self._state()
        except EmulationError:
            return "MISSING"
        return "OK"

    def delete(self) -> None:
        """Remove the interface, and the one at its other end."""
        if self.status() == "OK":
            with self.network.lab.netlink(self.end.node) as netlink:
                netlink.send([links.delete(self.end.index, self.name)])
        self.node.delIntf(self)
        self.link = None

    def _state(self) -> links.LinkState:
        with self.network.lab.netlink(self.end.node) as netlink:
            for state in links.all_links(netlink):
                if state.index == self.end.index:
                    return state
        raise EmulationError(f"{self.name}: there is no such interface any more")


class EmulatedLink(Link):  # type: ignore[misc]
    """A circuit that is there already. ``id`` is the testbed's name of it."""

    def __init__(self, circuit_id: str, first: EmulatedIntf, second: EmulatedIntf) -> None:
        # not Link's constructor, which makes the interfaces
        self.id = circuit_id
        self.intf1, self.intf2 = first, second
        first.link = second.link = self

    def stop(self) -> None:
        """Nothing: it ends with the network."""


def _planned(end: Interface) -> Impairment:
    if end.egress is None:
        return Impairment()
    return Impairment(
        rtt_us=2 * end.egress.delay_ns // 1000,
        jitter_us=end.egress.jitter_ns // 1000,
        loss_percent=end.egress.loss_percent,
        rate_bps=end.egress.rate_bps,
    )


def _stay(_name: str, _node: object) -> None:
    """Mininet moves an interface into its node's namespace; ours are made there."""
