"""Events of processors: neighbours on the machine that leave a host a share of its processors."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from emulator.scenario.begun import Begun, Steps
from emulator.system.closing import Closing
from emulator.system.errors import EmulationError
from gtsdsl.scenario.model import Event, Share

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork
    from emulator.netlink.connection import Netlink


class Processors(Closing):
    """The processors of a network's hosts, as the events of a scenario change them."""

    def __init__(self, network: EmulatedNetwork) -> None:
        self._network = network
        self._names = {host.id: host.name for host in network.plan.hosts}
        self._sockets: dict[str, Netlink] = {}
        self._stack = contextlib.ExitStack()

    def close(self) -> None:
        """Close the sockets that changes use."""
        self._stack.close()

    def prepare(self, events: Sequence[Event]) -> None:
        """Open a socket in each host whose processors will change, so that a change takes no time for it."""
        for event in events:
            host = self._names.get(event.subject)
            if event.share is not None and host is not None and host not in self._sockets:
                self._sockets[host] = self._stack.enter_context(self._network.lab.netlink(host))

    def leave(self, event: Event, share: Share) -> Begun:
        """Leave a host a share of its processors, all the time or again and again.

        Raises:
            EmulationError: packets cost no time in this network.
        """
        host = self._names[event.subject]
        cores = self._network.lab.underlay.cores
        if cores is None:
            raise EmulationError("packets cost no time in this network: it has no cost table")
        before = cores.cpus[host]
        self._set(host, share.cpus)
        undo = partial(self._set, host, before)
        return Begun(undo, self._steps(event, share, host, before))

    def _steps(self, event: Event, share: Share, host: str, before: float) -> Steps:
        """Yield the changes after the first: the processors that the host had come back, and so on."""
        if share.lasts_ns is None or share.every_ns is None:
            return
        for number in itertools.count():
            begin_ns = event.at_ns + number * share.every_ns
            if event.until_ns is not None and begin_ns >= event.until_ns:
                return
            if number:
                yield begin_ns, partial(self._set, host, share.cpus)
            yield begin_ns + share.lasts_ns, partial(self._set, host, before)

    def _set(self, host: str, cpus: float) -> None:
        cores = self._network.lab.underlay.cores
        if cores is not None:
            self._sockets[host].send(cores.leave(host, cpus))
