"""The faults that an overlay can have, and their durations."""

from __future__ import annotations

from emulator.overlays import overlay_class
from tests.emulator.overlays.faults.model import Fault
from tests.emulator.overlays.subjects import Subject

_WITHOUT_AGENT = {"none", "geneve"}
"""The overlays that have no process of their own after their start."""
_HUBS = {"calico:rr": "the route reflector", "nebula:tun": "the lighthouse", "libnetwork:swarm": "the manager"}


def hub(subject: Subject) -> str | None:
    """Return what the first host is to the others; None if nothing."""
    return _HUBS.get(subject.argument)


def faults_of(subject: Subject) -> tuple[Fault, ...]:
    """Return the faults that an overlay can have."""
    has = {
        Fault.STORE: overlay_class(subject.overlay).needs_store(subject.variant),
        Fault.HUB: hub(subject) is not None,
        Fault.AGENT: subject.overlay not in _WITHOUT_AGENT,
    }
    return tuple(fault for fault in Fault if has.get(fault, True))


def cut_s(subject: Subject) -> float:
    """Return for how long a host or a circuit is cut, so that all keepalives and gossip notice it.

    Weave waits for 60 s. Docker's gossip needs a few seconds, and five `dockerd` take much processor time meanwhile.
    """
    return 30.0 if subject.overlay == "libnetwork" else 70.0


def settle_s(subject: Subject) -> float:
    """Return the time from one fault to the next.

    TCP repeats a segment after the time that it has already waited, so for as long as a cut lasted. A session of BGP
    that two cuts keep waiting one after the other may reach its hold time, and connects again within 30 s.
    """
    return cut_s(subject) + 30.0 if subject.argument in {"calico:bgp", "calico:rr"} else 0.0
