"""Mininet's interfaces and links, by netlink messages in place of commands."""

from __future__ import annotations

from dataclasses import replace

from mininet.link import Intf, Link

from emulator.lab.circuits import set_black_hole, set_egress, set_mtu, set_state
from emulator.lab.lab import Lab
from emulator.lab.underlay import parse_address
from emulator.netlink import addresses, links
from emulator.netlink.connection import Netlink
from emulator.netlink.qdiscs import Netem, Slot, set_slot
from emulator.plan import Circuit, Interface
from emulator.system.errors import EmulationError
from gtsdsl.model.jitter import parse_jitter
from gtsdsl.model.losses import Loss
from gtsdsl.model.units import LEAST_IPV6_MTU_BYTES, parse_bandwidth, parse_duration_us, parse_percent
from gtsdsl.topology.impairments import Impairment


class EmulatedIntf(Intf):  # type: ignore[misc]
    """An interface that the lab has made. ``end`` is the interface in the plan, ``circuit`` its circuit."""

    name: str
    link: EmulatedLink | None

    def __init__(self, lab: Lab, node: object, end: Interface, circuit: Circuit) -> None:
        self.lab = lab
        self.end = end
        self.circuit = circuit
        self._changed: Impairment | None = None
        self._queue_packets: int | None = None
        self._changes = 0
        self._has_netem = end.egress is not None
        self._for_trace = False
        self._slot: Slot | None = None
        super().__init__(end.name, node=node, port=end.number, mac=end.mac, moveIntfFn=_leave_in_place)
        if end.address is not None:
            self.ip, _, length = end.address.partition("/")
            self.prefixLen = int(length)

    def config(self, **params: object) -> dict[str, object]:
        """Apply Mininet's parameters of an interface: ``mac``, ``ip``, ``up``, and those of its `TCIntf`.

        ``bw`` is in Mbit/s, ``delay`` and ``jitter`` have a unit, ``loss`` is in percent, ``max_queue_size`` in
        packets.

        Raises:
            EmulationError: a value is invalid, or the kernel has no netem.
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
                jitter=parse_jitter(str(params.get("jitter") or "0us")),
                loss=Loss(parse_percent(f"{params.get('loss') or 0}%")),
                rate_bps=parse_bandwidth(str(params.get("bw") or 1000)),
                mtu_bytes=self.impairment.mtu_bytes,
                is_black_hole=self.impairment.is_black_hole,
            )
            self._queue_packets = int(str(params["max_queue_size"])) if params.get("max_queue_size") else None
        except ValueError as error:
            raise EmulationError(f"{self.name}: {error}") from None
        self.impair(effect)

    @property
    def impairment(self) -> Impairment:
        """The impairment of packets that leave the interface: the last change's, or else the plan's."""
        return self._changed or _planned(self.end, self.circuit)

    def impair(self, effect: Impairment) -> None:
        """Change the impairment of packets that leave the interface.

        The queue becomes as long as the impairment needs, unless `config` has set its length. An interface without
        netem gets none for an MTU or a black hole alone.

        Raises:
            EmulationError: the kernel has no netem, or no filters for a black hole; or the MTU is too small for IPv6.
        """
        before = self.impairment
        if effect.mtu_bytes < LEAST_IPV6_MTU_BYTES and self.lab.plan.has_ipv6:
            raise EmulationError(
                f"IPv6 needs an MTU of {LEAST_IPV6_MTU_BYTES} bytes, not {effect.mtu_bytes}: start with --ipv4-only"
            )
        if effect.mtu_bytes != before.mtu_bytes:
            set_mtu(self.lab, self.end, effect.mtu_bytes)
        if effect.is_black_hole != before.is_black_hole:
            set_black_hole(self.lab, self.end, is_on=effect.is_black_hole)
        sizes_only = replace(before, mtu_bytes=effect.mtu_bytes, is_black_hole=effect.is_black_hole)
        if effect != sizes_only or self._has_netem or self._for_trace:
            set_egress(self.lab, self.end, self._egress(effect), for_trace=self._for_trace, slot=self._slot)
            self._has_netem = True
        self._changed = effect

    def prepare_for_trace(self) -> None:
        """Give the interface the two queues that a trace of its bandwidth needs.

        The packets that it holds are lost. Later changes, and the beginning and the end of a trace, lose none.

        Raises:
            EmulationError: the kernel has no netem.
        """
        self._for_trace = True
        self.impair(self.impairment)

    def open_slot(self, netlink: Netlink, slot: Slot | None) -> None:
        """Let packets leave by slots from now on, or by the rate again; ``netlink`` is of the node's namespace.

        Raises:
            EmulationError: the kernel refuses.
        """
        netlink.send([set_slot(self.end.index, self.end.name, self._egress(self.impairment), slot)])
        self._slot = slot

    def _egress(self, effect: Impairment) -> Netem:
        from emulator.plan.build import egress_of, seed_of

        planned = self.end.egress
        # the plan's MAC addresses contain a number that no other interface has
        number = int(self.end.mac.replace(":", ""), 16) % 2**32 - 1
        seed = planned.seed if planned is not None else seed_of(self.lab.plan.seed, number)
        if self._changes:  # the kernel starts its random numbers again at each change
            seed = seed_of(seed, self._changes)
        self._changes += 1
        egress = egress_of(effect, seed)
        return egress if self._queue_packets is None else replace(egress, queue_packets=self._queue_packets)

    def ifconfig(self, *args: str) -> str:
        """Set the interface ``up`` or ``down`` by netlink; pass other arguments to the program `ifconfig`."""
        if args not in {("up",), ("down",)}:
            found: str = super().ifconfig(*args)
            return found
        set_state(self.lab, self.end, is_up=args == ("up",))
        return ""

    def isUp(self, setUp: bool = False) -> bool:
        """Return whether the interface is up; with ``setUp``, set it up before."""
        if setUp:
            self.ifconfig("up")
        return self._state().is_up

    def setIP(self, ipstr: str, prefixLen: int | None = None) -> str:
        """Replace the IPv4 address of the interface.

        Raises:
            EmulationError: the address is invalid, or has no prefix length.
        """
        text = ipstr if "/" in ipstr else f"{ipstr}/{prefixLen}"
        try:
            new = parse_address(text)
        except ValueError:
            raise EmulationError(f"{self.name}: {text!a} is no address with a prefix length") from None
        requests = [addresses.add(self.end.index, self.name, str(new))]
        if self.ip is not None:
            old = f"{self.ip}/{self.prefixLen}"
            requests.insert(0, addresses.remove(self.end.index, self.name, old))
        with self.lab.netlink(self.end.node) as netlink:
            netlink.send(requests)
        self.ip, self.prefixLen = str(new.ip), new.prefix_length
        return ""

    def setMAC(self, macstr: str) -> str:
        """Replace the MAC address of the interface.

        Raises:
            EmulationError: the address is invalid.
        """
        try:
            mac = bytes.fromhex(macstr.replace(":", ""))
        except ValueError:
            mac = b""
        if len(mac) != 6:
            raise EmulationError(f"{self.name}: {macstr!a} is no MAC address")
        with self.lab.netlink(self.end.node) as netlink:
            netlink.send([links.set_mac(self.end.index, self.name, mac)])
        self.mac = macstr
        return ""

    def updateIP(self) -> str | None:
        """Return the address of the interface; for a host's first interface, the host's own address.

        Mininet's shell asks the first interface for the address that a host's name stands for. The interface's own
        address would be wrong, because only the two ends of a circuit reach it.
        """
        found: str | None = self.node.IP() if self.node.defaultIntf() is self else self.ip
        return found

    def updateMAC(self) -> str:
        """Read the MAC address from the kernel and return it."""
        self.mac = self._state().mac
        mac: str = self.mac
        return mac

    def updateAddr(self) -> tuple[str | None, str]:
        """Return the IP address, and the MAC address from the kernel."""
        return self.ip, self.updateMAC()

    def status(self) -> str:
        """Return ``OK``, or ``MISSING`` if the interface was removed."""
        try:
            self._state()
        except EmulationError:
            return "MISSING"
        return "OK"

    def delete(self) -> None:
        """Remove the interface; the kernel removes the one at the other end of the circuit, too."""
        if self.status() == "OK":
            with self.lab.netlink(self.end.node) as netlink:
                netlink.send([links.delete(self.end.index, self.name)])
        self.node.delIntf(self)
        self.link = None

    def _state(self) -> links.LinkState:
        with self.lab.netlink(self.end.node) as netlink:
            for state in links.all_links(netlink):
                if state.index == self.end.index:
                    return state
        raise EmulationError(f"{self.name}: there is no such interface any more")


class EmulatedLink(Link):  # type: ignore[misc]
    """A circuit that the lab has made. ``id`` is the circuit's id, the name of its link in the testbed."""

    def __init__(self, circuit_id: str, first: EmulatedIntf, second: EmulatedIntf) -> None:
        # not Link's constructor, which makes the interfaces
        self.id = circuit_id
        self.intf1, self.intf2 = first, second
        first.link = second.link = self

    def stop(self) -> None:
        """Do nothing, because the circuit ends with its lab."""


def _planned(end: Interface, circuit: Circuit) -> Impairment:
    if end.egress is None:
        return Impairment(mtu_bytes=circuit.mtu_bytes, is_black_hole=circuit.is_black_hole)
    return Impairment(
        rtt_us=circuit.rtt_ns // 1000,
        one_way_us=None if 2 * end.egress.delay_ns == circuit.rtt_ns else end.egress.delay_ns // 1000,
        jitter=end.egress.jitter,
        order=end.egress.order,
        added=end.egress.added,
        loss=end.egress.loss,
        corrupt=end.egress.corrupt,
        duplicate=end.egress.duplicate,
        reorder=end.egress.reorder,
        rate_bps=end.egress.rate_bps,
        mtu_bytes=circuit.mtu_bytes,
        is_black_hole=circuit.is_black_hole,
    )


def _leave_in_place(_name: str, _node: object) -> None:
    """Do nothing where Mininet moves an interface into its node's namespace, because the lab made it there."""
