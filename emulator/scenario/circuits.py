"""Events of circuits: cuts, changes of attributes, traces of bandwidth and of delay."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import emulator.plan.build  # noqa: F401 - a change needs it, and to load it then would take network time
from emulator.mininet.impair import impair, interfaces_of
from emulator.netlink import links
from emulator.scenario.begun import Begun, Steps
from emulator.scenario.steps import delays, mean_rate_bps, slots
from emulator.system.closing import Closing
from gtsdsl.model.units import MAX_RATE_BPS, MIN_RATE_BPS
from gtsdsl.scenario.model import Event, Trace
from gtsdsl.topology.changes import changed, reverted

if TYPE_CHECKING:
    from emulator.mininet.interfaces import EmulatedIntf
    from emulator.mininet.network import EmulatedNetwork
    from emulator.netlink.connection import Netlink
    from emulator.netlink.qdiscs import Slot

_ALL_LOST = ("loss", "100%")


class Circuits(Closing):
    """The circuits of a network, as the events of a scenario change them."""

    def __init__(self, network: EmulatedNetwork) -> None:
        self._network = network
        self._down: Counter[str] = Counter()
        self._stack = contextlib.ExitStack()

    def close(self) -> None:
        """Close the sockets that traces use."""
        self._stack.close()

    def prepare(self, events: Sequence[Event]) -> None:
        """Prepare what traces of bandwidth need.

        Such a trace counts packets of the circuit, so no interface sends larger ones for a later one to divide.
        """
        traced = [
            interfaces_of(self._network, event.subject)[way]
            for event in events
            if event.trace is not None and event.trace.attribute == "bandwidth"
            for way in event.trace.ways
        ]
        for end in traced:
            end.prepare_for_trace()
        for node in self._network.lab.hosts if traced else ():
            with self._network.lab.netlink(node) as netlink:
                for link in links.all_links(netlink):
                    with contextlib.suppress(OSError):  # tunnels and bridges leave it to the interfaces below
                        links.finish_checksums(netlink, [link.name])

    def cut(self, event: Event) -> Begun:
        """Set both interfaces of a link down, or let the link lose all packets."""
        if event.is_silent:
            return self._change(event.subject, _ALL_LOST)
        ends = interfaces_of(self._network, event.subject)
        self.set_down(ends)
        return Begun(partial(self.set_up, ends))

    def change(self, event: Event) -> Begun:
        """Change attributes of a link as the shell's ``link`` does."""
        return self._change(event.subject, [word for pair in event.changes for word in pair])

    def trace(self, event: Event, trace: Trace) -> Begun:
        """Let the bandwidth or the delay of a link follow a trace."""
        ends = interfaces_of(self._network, event.subject)
        if trace.attribute == "bandwidth":
            return self._follow_bandwidth(event, trace, [ends[way] for way in trace.ways])
        before_us = [end.impairment.delay_us for end in ends]
        steps = (
            (at_ns, partial(self._set_delays, ends, trace, [delay_us, delay_us]))
            for at_ns, delay_us in delays(trace, event.at_ns, event.until_ns)
        )
        return Begun(partial(self._set_delays, ends, trace, before_us), steps)

    def set_down(self, ends: Sequence[EmulatedIntf]) -> None:
        """Set interfaces down, until each `set_up` for them has been called."""
        for end in ends:
            self._down[end.name] += 1
            end.ifconfig("down")

    def set_up(self, ends: Sequence[EmulatedIntf]) -> None:
        """Set interfaces up that nothing else holds down."""
        for end in ends:
            self._down[end.name] -= 1
            if not self._down[end.name]:
                end.ifconfig("up")

    def _change(self, link: str, words: Sequence[str]) -> Begun:
        ends = interfaces_of(self._network, link)
        before = [end.impairment for end in ends]
        impair(self._network, link, words)
        after = [end.impairment for end in ends]

        def undo() -> None:
            for end, old, new in zip(ends, before, after, strict=True):
                end.impair(reverted(end.impairment, old, new))

        return Begun(undo)

    def _set_delays(self, ends: Sequence[EmulatedIntf], trace: Trace, wanted_us: Sequence[int]) -> None:
        """Set the delays of a trace's directions; the other direction keeps its own."""
        there_us, back_us = (wanted_us[way] if way in trace.ways else ends[way].impairment.delay_us for way in (0, 1))
        effects = changed((ends[0].impairment, ends[1].impairment), "delay", f"{there_us}us/{back_us}us")
        for end, effect in zip(ends, effects, strict=True):
            end.impair(effect)

    def _follow_bandwidth(self, event: Event, trace: Trace, ends: Sequence[EmulatedIntf]) -> Begun:
        sockets = [self._stack.enter_context(self._network.lab.netlink(end.end.node)) for end in ends]
        rates_bps = [end.impairment.rate_bps for end in ends]
        mean_bps = min(max(mean_rate_bps(trace), MIN_RATE_BPS), MAX_RATE_BPS)
        for end in ends:  # the queue becomes as long as the mean rate needs
            end.impair(replace(end.impairment, rate_bps=mean_bps))

        def undo() -> None:
            _open(ends, sockets, None)
            for end, rate_bps in zip(ends, rates_bps, strict=True):
                end.impair(replace(end.impairment, rate_bps=rate_bps))

        return Begun(undo, _slot_steps(event, trace, ends, sockets))


def _slot_steps(event: Event, trace: Trace, ends: Sequence[EmulatedIntf], sockets: Sequence[Netlink]) -> Steps:
    for at_ns, slot in slots(trace, event.at_ns, event.until_ns):
        yield at_ns, partial(_open, ends, sockets, slot)


def _open(ends: Sequence[EmulatedIntf], sockets: Sequence[Netlink], slot: Slot | None) -> None:
    for end, netlink in zip(ends, sockets, strict=True):
        end.open_slot(netlink, slot)
