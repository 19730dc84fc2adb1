"""The choice between the forwarders of one connection, as in Weave's `overlay_switch.go`.

Both ends order the methods that they share as the end that has opened the connection does. All forwarders are tried;
of those that are established and healthy, the first in the order forwards. Before any is, the first one that has not
failed does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from emulator.lab.log import log
from emulator.overlays.weave.forwarder import ConnectionParameters, Events, Forwarder, Method, PeerName


@dataclass(slots=True)
class _Candidate:
    """A method's forwarder; None if it could not be prepared or has failed."""

    name: str
    forwarder: Forwarder | None = None
    is_established: bool = False
    is_healthy: bool = True


class Choice:
    """The forwarders of a connection.

    ``on_established`` is called once, when the first of them is; ``on_change`` when another one is chosen;
    ``on_failed`` when none works any more.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        parameters: ConnectionParameters,
        send: Callable[[bytes], None],
        on_established: Callable[[], None],
        on_change: Callable[[], None],
        on_failed: Callable[[str], None],
    ) -> None:
        """``send`` sends a message to the choice at the other end, which gives it to `control`."""
        self._send = send
        self._on_established = on_established
        self._on_change = on_change
        self._on_failed = on_failed
        self._has_established = False
        self._is_stopped = False
        self.best: Forwarder | None = None
        """The forwarder that is chosen now."""
        names = common(tuple(methods), parameters.features["Overlays"].split(), is_outbound=parameters.is_outbound)
        self._candidates = [_Candidate(name) for name in names]
        for index, candidate in enumerate(self._candidates):
            try:
                candidate.forwarder = methods[candidate.name].prepare(parameters, self._events(index))
            except OSError as error:
                log(f"{candidate.name} to {parameters.remote_address} is not available: {error.strerror}")
        self._choose()

    @property
    def has_forwarder(self) -> bool:
        """Whether any method is common to both ends and works."""
        return self.best is not None

    def confirm(self) -> None:
        """Let all forwarders begin."""
        for candidate in self._candidates:
            if candidate.forwarder is not None:
                candidate.forwarder.confirm()

    def forwarder_for(self, source: PeerName, destination: PeerName) -> Forwarder | None:
        """Return the chosen forwarder, or a later one in the order if that does not accept frames of two peers."""
        if self.best is None or self.best.accepts(source, destination):
            return self.best
        return next((it for it in self._forwarders() if it is not self.best and it.accepts(source, destination)), None)

    def control(self, message: bytes) -> None:
        """Take a message of the choice at the other end: the number of the forwarder, a tag, the message for it."""
        if len(message) < 2 or message[0] >= len(self._candidates):
            return
        forwarder = self._candidates[message[0]].forwarder
        if forwarder is not None:
            forwarder.control(message[1], message[2:])

    def stop(self) -> None:
        """Stop all forwarders."""
        self._is_stopped = True
        for candidate in self._candidates:
            forwarder, candidate.forwarder = candidate.forwarder, None
            if forwarder is not None:
                forwarder.stop()
        self.best = None

    def _forwarders(self) -> Sequence[Forwarder]:
        return [it.forwarder for it in self._candidates if it.forwarder is not None and it.is_healthy]

    def _events(self, index: int) -> Events:
        return Events(
            established=lambda: self._establish(index),
            healthy=lambda is_healthy: self._set_healthy(index, is_healthy=is_healthy),
            failed=lambda reason: self._fail(index, reason),
            send_control=lambda tag, message: self._send(bytes((index, tag)) + message),
        )

    def _establish(self, index: int) -> None:
        self._candidates[index].is_established = True
        if not self._has_established:
            self._has_established = True
            self._choose()
            self._on_established()
        else:
            self._choose()

    def _set_healthy(self, index: int, *, is_healthy: bool) -> None:
        self._candidates[index].is_healthy = is_healthy
        self._choose_or_fail("no heartbeat has come")

    def _fail(self, index: int, reason: str) -> None:
        candidate = self._candidates[index]
        if self._is_stopped or candidate.forwarder is None:
            return
        log(f"{candidate.name}: {reason}")
        candidate.forwarder.stop()
        candidate.forwarder = None
        self._choose_or_fail(reason)

    def _choose_or_fail(self, reason: str) -> None:
        self._choose()
        if self.best is None and not self._is_stopped:
            self._on_failed(f"no forwarder works: {reason}")

    def _choose(self) -> None:
        if self._is_stopped:
            return
        usable = [it for it in self._candidates if it.forwarder is not None and it.is_healthy]
        chosen = next((it for it in usable if it.is_established), usable[0] if usable else None)
        best = None if chosen is None else chosen.forwarder
        if best is not self.best:
            self.best = best
            self._on_change()


def common(own: Sequence[str], others: Sequence[str], *, is_outbound: bool) -> tuple[str, ...]:
    """Return the methods that both ends of a connection have, in the order of the end that has opened it."""
    first, second = (own, others) if is_outbound else (others, own)
    return tuple(name for name in dict.fromkeys(first) if name in second)
