"""The longest time that an overlay may take to recover from a fault, and the timers that decide about it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.emulator.overlays.faults.model import Fault
from tests.emulator.overlays.subjects import Subject

STEP_S = 0.3
"""The time between two echoes, and the way of an answer and of a request before it."""


@dataclass(frozen=True)
class Bound:
    """The most seconds that an overlay takes to recover, without `STEP_S`, and the reason."""

    timer_s: float
    reason: str

    @property
    def most_s(self) -> float:
        """The most seconds with the time between two echoes."""
        return self.timer_s + STEP_S


_ARP = Bound(1.0, "the kernel repeats an ARP request after 1 s")
_NOTHING = Bound(0.0, "nothing stops")
_DEFAULT = {
    Fault.HOST: _ARP,
    Fault.CIRCUIT: _ARP,
    Fault.SILENCE: _ARP,
    Fault.STORE: _NOTHING,
    Fault.HUB: _NOTHING,
    Fault.AGENT: _NOTHING,
}
_HANDSHAKE = Bound(15.0, "WireGuard repeats a handshake after 5 s, and the first two may be lost")
_CHECK = Bound(10.0, "a circuit that was down has lost its routes, which the agent checks every 10 s")
_SERF = Bound(70.0, "serf tries lost members every 30 s for up to 10 s, and asks for what it missed every 30 s")
_NETWORKDB = Bound(
    100.0, "networkdb tries lost members every 60 s for up to 10 s, and asks for what it missed every 30 s"
)
_REPORT = Bound(12.0, "the lighthouse has forgotten the host, which reports to it every 10 s; a handshake takes 1 s")
_STALE = Bound(
    36.0, "a host reports to the lighthouse every 10 s, ends a dead tunnel after 15 s, and then reports again"
)
_RETRY = Bound(20.0, "a router tries again after 1 to 3 s, and waits half as long again after each failure")
_LONG_RETRY = Bound(
    60.0,
    "a router notices the cut at once, so its waits between attempts grow during the cut, by half each time",
)
_TIMEOUT_S = 60.0
"""Weave's HeartbeatTimeout: the time that a forwarder waits for a heartbeat. The last one may have come 10 s before."""
_SPREAD_S = 2.0
"""The time until all peers have heard of the lost connection, and have new routes: gossip is collected for 1 s."""
_RENEWAL_S = 5.4
"""WireGuard's REKEY_TIMEOUT, and up to a third of a second that it draws. It renews a session every 120 s, whatever the
fault; one of many runs lost echoes of 1.6 s while only the store was down, and the renewal is the likely reason."""
_RENEWED = Bound(
    3.0 + _RENEWAL_S,
    "nothing stops; if WireGuard renews a session, echoes are lost for up to 5.4 s, and all must then answer for 3 s",
)
_SPECIAL = {
    ("nebula:tun", Fault.HOST): _REPORT,
    # h1 is the lighthouse, and h2 shakes hands with it only to report: for 5 of 10 s
    ("nebula:tun", Fault.CIRCUIT): _REPORT,
    ("nebula:tun", Fault.SILENCE): _REPORT,
    ("nebula:tun", Fault.HUB): _STALE,
    ("nebula:tun", Fault.AGENT): _REPORT,
    ("weave:fastdp", Fault.HOST): _RETRY,
    ("weave:fastdp", Fault.CIRCUIT): _RETRY,
    ("weave:fastdp", Fault.SILENCE): _RETRY,
    ("weave:fastdp", Fault.AGENT): _RETRY,
    ("weave:sleeve", Fault.HOST): _LONG_RETRY,
    ("weave:sleeve", Fault.CIRCUIT): _LONG_RETRY,
    ("weave:sleeve", Fault.SILENCE): _RETRY,
    ("weave:sleeve", Fault.AGENT): _RETRY,
    ("flannel:host-gw", Fault.HOST): _CHECK,
    ("flannel:host-gw", Fault.CIRCUIT): _CHECK,
    ("flannel:udp", Fault.AGENT): Bound(0.7, "the agent takes its old lease and reads the others'"),
    ("flannel:udp --agent real", Fault.AGENT): Bound(2.0, "the agent takes its old lease and reads the others'"),
    ("flannel:wireguard --agent real", Fault.AGENT): Bound(
        20.0,
        "`flanneld` makes a new device, which knows no session; the others shake hands after 15 s without an answer",
    ),
    ("flannel:wireguard", Fault.HOST): _HANDSHAKE,
    ("flannel:wireguard", Fault.CIRCUIT): _HANDSHAKE,
    ("flannel:wireguard", Fault.SILENCE): _HANDSHAKE,
    ("flannel:wireguard", Fault.STORE): _RENEWED,
    ("flannel:wireguard", Fault.AGENT): _RENEWED,
    ("libnetwork:kv", Fault.HOST): _SERF,
    ("libnetwork:kv", Fault.CIRCUIT): _SERF,
    ("libnetwork:kv", Fault.SILENCE): _SERF,
    ("libnetwork:kv", Fault.AGENT): _SERF,
    ("libnetwork:swarm", Fault.HOST): _NETWORKDB,
    ("libnetwork:swarm", Fault.CIRCUIT): _NETWORKDB,
    ("libnetwork:swarm", Fault.SILENCE): _NETWORKDB,
    ("libnetwork:swarm", Fault.HUB): _NETWORKDB,
    ("libnetwork:swarm", Fault.AGENT): _NETWORKDB,
}


def bound(subject: Subject, fault: Fault) -> Bound:
    """Return the longest time that a subject may take after a fault."""
    keys = ((subject.name, fault), (subject.argument, fault))
    return next((_SPECIAL[key] for key in keys if key in _SPECIAL), _DEFAULT[fault])


def longest_mended_s(subject: Subject) -> float:
    """Return the longest time until all pairs answer again while a fault lasts; 0 for overlays that lose nothing."""
    if subject.overlay == "weave":
        return _TIMEOUT_S + _SPREAD_S + STEP_S
    return renewal_s(subject)


def renewal_s(subject: Subject) -> float:
    """Return for how long a pair may lose its echoes at any time, whatever the fault; 0 for most overlays."""
    return _RENEWAL_S + STEP_S if subject.argument == "flannel:wireguard" else 0.0


def varies(subject: Subject, fault: Fault) -> bool:
    """Return whether the number of pairs that go on through a fault differs from run to run.

    A swarm's daemons forget the containers of a dead daemon by a gossip that draws random numbers.
    """
    return subject.argument == "libnetwork:swarm" and fault in {Fault.AGENT, Fault.HUB}


def least_others(subject: Subject, fault: Fault, others: int) -> int:
    """Return how many of the pairs that a fault is no part of go on at least.

    All do, except where the gossip about a dead daemon may make a swarm forget one more host: its pairs with the three
    others, which are back when networkdb has tried the host again. A daemon that is cut off is dead to the others.
    """
    is_forgotten = subject.argument == "libnetwork:swarm" and fault in {Fault.HOST, Fault.HUB, Fault.AGENT}
    return others - 3 if is_forgotten else others
