"""The fast datapath's bridge: it answers the frames that no flow of the datapath matches, as Weave's `fastdp.go`.

The datapath of Open vSwitch learns nothing by itself. So this module is an Ethernet bridge between the datapath's ports
and the router. The router counts as a port: behind it are the other peers. Each decision becomes a flow, unless it
depends on something that a flow cannot notice: a MAC address that is not known yet, or a forwarder in user space.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from emulator.lab.log import log
from emulator.netlink.connection import NetlinkError
from emulator.netlink.datapath import OWN_PORT, Datapath, Upcall, Upcalls
from emulator.netlink.flows import Action, FlowKey, Output, SetTunnel, Tunnel
from emulator.overlays.weave.fastdp_links import DATAPATH, DATAPATH_PORT, TUNNEL
from emulator.overlays.weave.forwarder import (
    SHORT_ID_BITS,
    Bridge,
    Forwarder,
    Hop,
    Mac,
    PeerName,
    Switch,
    is_special,
)
from emulator.overlays.weave.loop import Loop, Timer

FLOW_EXPIRY_S = 300.0
"""The interval in which flows that were not used are removed."""
MAC_EXPIRY_S = 600.0
"""The interval in which MAC addresses are forgotten, each at the second time after it was learned."""
_ROUTER = -1
"""The number by which the bridge knows the router, which is no port of the datapath."""
_SHORT_ID = (1 << SHORT_ID_BITS) - 1
_GROUP_BIT = 1


class TunnelForwarder(Forwarder):
    """A forwarder that the datapath can replace, because it only wraps frames."""

    @abc.abstractmethod
    def actions(self, source: PeerName, destination: PeerName) -> tuple[Action, ...]:
        """Return the actions that send a frame to the peer at the other end; none drops it."""


@dataclass(slots=True)
class _Decision:
    """The fate of a frame: actions of the datapath, and hops that only a program can do.

    ``is_lasting`` says whether the same happens to each later frame with the same key.
    """

    actions: list[Action] = field(default_factory=list)
    hops: list[Hop] = field(default_factory=list)
    is_lasting: bool = True


class FastBridge(Bridge):
    """The bridge between the ports of a datapath and a router.

    ``misses`` counts the frames that no flow matched. ``on_special`` takes the frames that forwarders send each other:
    the peer that sent one, the frame, and the IP address that it came from.
    """

    def __init__(self, loop: Loop) -> None:
        """Open the datapath of this thread's namespace, which `fastdp_links` has joined to the bridge `weave`.

        Raises:
            NetlinkError: the kernel has no datapaths, or refuses.
        """
        self._loop = loop
        self.upcalls = Upcalls()
        self.datapath = Datapath(DATAPATH)
        self.datapath.take_upcalls(OWN_PORT, self.upcalls)
        present = {port.name: port.number for port in self.datapath.ports()}
        numbers = [self._join(name, present.get(name)) for name in (DATAPATH_PORT, TUNNEL)]
        self._ports = (OWN_PORT, numbers[0])
        self.tunnel_port = numbers[1]
        self._switch: Switch | None = None
        self._port_of: dict[Mac, int] = {}
        self._learned: set[Mac] = set()
        self._timers: dict[float, Timer] = {}
        self._waiting: list[tuple[bytes, Sequence[Action]]] = []
        self._generation = 0
        self._last_trouble = ""
        self.misses = 0
        self.on_special: Callable[[PeerName, bytes, str], None] = lambda _peer, _frame, _address: None
        self.datapath.delete_flows()  # those of an agent that was killed

    def start(self, switch: Switch) -> None:
        """Begin to answer upcalls."""
        self._switch = switch
        self._loop.watch(self.upcalls.fileno(), self._serve)
        self._repeat(FLOW_EXPIRY_S, self._expire_flows)
        self._repeat(MAC_EXPIRY_S, self._expire_macs)

    def inject(self, frame: bytes) -> None:
        """Deliver a frame that came from a peer in user space to the ports of this host."""
        decision = _Decision()
        self._bridge(decision, _ROUTER, frame[6:12], frame[:6])
        if decision.actions:
            self.execute(frame, decision.actions)

    def execute(self, frame: bytes, actions: Sequence[Action]) -> None:
        """Let the datapath carry out actions on a frame, together with others of this turn of the loop."""
        if not self._waiting:
            self._loop.defer(self._execute_all)
        self._waiting.append((frame, actions))

    def invalidate(self) -> None:
        """Remove all flows, because they come from decisions that would be others now."""
        self._generation += 1
        self._attempt(self.datapath.delete_flows)

    def close(self) -> None:
        """Answer no more upcalls, and remove the datapath."""
        self._loop.unwatch(self.upcalls.fileno())
        for timer in self._timers.values():
            timer.cancel()
        self._waiting.clear()
        self._attempt(self.datapath.delete)
        self.datapath.close()
        self.upcalls.close()

    def _execute_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._attempt(lambda: self.datapath.execute(*waiting))

    def _join(self, name: str, number: int | None) -> int:
        if number is None:
            return self.datapath.add_port(name, self.upcalls)
        self.datapath.take_upcalls(number, self.upcalls)
        return number

    def _serve(self) -> None:
        for upcall in self.upcalls.receive():
            self.misses += 1
            self._answer(upcall)

    def _answer(self, upcall: Upcall) -> None:
        key, generation = upcall.key, self._generation
        if key.tunnel is not None and is_special(upcall.frame):
            if (sender := self._peer(key.tunnel.number)) is not None:
                self.on_special(sender, upcall.frame, key.tunnel.source)
            return
        decision = self._decide(key)
        if decision is None:
            return
        for hop in decision.hops:
            if hop.forwarder is not None:
                hop.forwarder.send(hop.source, hop.destination, upcall.frame, is_broadcast=hop.is_broadcast)
        if _leads_back(key, decision.actions, self.tunnel_port):
            self._complain(f"a frame of {key.source.hex(':')} would go back to where it came from")
        elif decision.is_lasting and not decision.hops and generation == self._generation:
            self._execute_all()  # so that frames keep their order
            self._attempt(lambda: self.datapath.answer(upcall, decision.actions))
        elif decision.actions:
            self.execute(upcall.frame, decision.actions)

    def _decide(self, key: FlowKey) -> _Decision | None:
        """Return what happens to a frame; None if it comes from an unknown port or peer."""
        decision = _Decision()
        if key.in_port in self._ports:
            self._bridge(decision, key.in_port, key.source, key.destination)
            return decision
        if self._switch is None or key.tunnel is None:
            return None
        sender, receiver = self._peer(key.tunnel.number), self._peer(key.tunnel.number >> SHORT_ID_BITS)
        if sender is None or receiver is None:
            return None
        for hop in self._switch.forwarded(sender, receiver, key.source, key.destination):
            self._add(decision, hop, key.source, key.destination)
        return decision

    def _bridge(self, decision: _Decision, ingress: int, source: Mac, destination: Mac) -> None:
        """Add what a bridge does with a frame that comes in by a port."""
        if source not in self._port_of:
            self._port_of[source] = ingress
            self._learned.add(source)
        target = self._port_of.get(destination)
        if target is None:
            # a frame to one receiver that is not known yet goes everywhere, until the receiver is known
            decision.is_lasting = decision.is_lasting and bool(destination[0] & _GROUP_BIT)
            for port in (*self._ports, _ROUTER):
                if port != ingress:
                    self._send_to(decision, port, source, destination)
        elif target != ingress:
            self._send_to(decision, target, source, destination)
        elif ingress != _ROUTER:
            decision.is_lasting = False

    def _send_to(self, decision: _Decision, port: int, source: Mac, destination: Mac) -> None:
        if port != _ROUTER:
            decision.actions.append(Output(port))
        elif self._switch is not None:
            for hop in self._switch.captured(source, destination):
                self._add(decision, hop, source, destination)

    def _add(self, decision: _Decision, hop: Hop, source: Mac, destination: Mac) -> None:
        if hop.forwarder is None:
            self._bridge(decision, _ROUTER, source, destination)
        elif isinstance(hop.forwarder, TunnelForwarder):
            decision.actions += hop.forwarder.actions(hop.source, hop.destination)
        else:
            decision.hops.append(hop)

    def _peer(self, short_id: int) -> PeerName | None:
        return None if self._switch is None else self._switch.peer_of(short_id & _SHORT_ID)

    def _expire_flows(self) -> None:
        """Remove the flows that no frame has used since the last time, and decide about the others anew.

        A router learns from decisions which MAC addresses are in use, and flows keep frames from it.
        """
        try:
            for flow in self.datapath.flows():
                if flow.used_ms is None:
                    self.datapath.delete_flow(flow.key)
                else:
                    self._decide(flow.key)
                    self.datapath.clear_flow(flow.key)
        except NetlinkError as error:  # a decision has removed all flows
            self._complain(str(error))

    def _expire_macs(self) -> None:
        self._port_of = {mac: port for mac, port in self._port_of.items() if mac in self._learned}
        self._learned.clear()

    def _repeat(self, interval_s: float, function: Callable[[], None]) -> None:
        def again() -> None:
            function()
            self._repeat(interval_s, function)

        self._timers[interval_s] = self._loop.call_later(interval_s, again)

    def _attempt(self, change: Callable[[], None]) -> None:
        try:
            change()
        except NetlinkError as error:
            self._complain(str(error))

    def _complain(self, trouble: str) -> None:
        if trouble != self._last_trouble:  # there may be one for each frame
            self._last_trouble = trouble
            log(f"fastdp: {trouble}")


def tunnel_number(source: int, destination: int) -> int:
    """Return the VNI for frames from a peer to a peer, by their short ids."""
    return source | destination << SHORT_ID_BITS


def _leads_back(key: FlowKey, actions: Sequence[Action], tunnel_port: int) -> bool:
    """Return whether actions send a frame back by the port or the tunnel that it came by."""
    for action in actions:
        if isinstance(action, Output):
            if action.port == key.in_port != tunnel_port:
                return True
        elif isinstance(action, SetTunnel) and key.tunnel is not None and _is_opposite(key.tunnel, action.tunnel):
            return True
    return False


def _is_opposite(first: Tunnel, second: Tunnel) -> bool:
    return (first.number, first.source, first.destination) == (second.number, second.destination, second.source)
