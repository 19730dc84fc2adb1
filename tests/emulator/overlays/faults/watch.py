"""Echoes between many pairs of containers at once, ten times a second, in a guest."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from emulator.measure.echo import Echo
from emulator.system.closing import Closing
from emulator.system.poll import readable
from tests.emulator.overlays.inside import Stage

Pair = tuple[str, str]
"""The names of two containers."""

_STEP_S = 0.1
_PATIENCE_S = 0.5
"""So long an answer may take."""
_HOLD_S = 3.0
"""So long all pairs must answer without a gap before they count as back."""
_LONGEST_S = 200.0
SAME_MS = 0.2
"""A round trip that differs less from that of before goes the same way."""
_NUMBERS = itertools.count(20_000)
"""The numbers of echoes. Those of a deployment's first echoes are less, and their answers may still be on their way."""


@dataclass
class _Sample:
    """One echo of each pair: when it was sent, in nanoseconds, and the round trips of those that were answered."""

    sent_ns: int
    rtt_ms: dict[Pair, float] = field(default_factory=dict)


class Watch(Closing):
    """A watch over pairs of containers, from its making on."""

    def __init__(self, stage: Stage, pairs: Iterable[Pair]) -> None:
        self._addresses = stage.probe.addresses
        self._pairs = list(pairs)
        self._samples: list[_Sample] = []
        self._by_number: dict[int, _Sample] = {}
        self._stack = ExitStack()
        self._echoes: dict[str, Echo] = {}
        for near in {near for near, _ in self._pairs}:
            echo = Echo(stage.net.lab.namespace(near), self._addresses[near])
            self._echoes[near] = self._stack.enter_context(echo)

    def close(self) -> None:
        """Close the sockets."""
        self._stack.close()

    def watch(self, duration_s: float) -> float | None:
        """Watch for some time, and return how long it took until all pairs answered for good; None if they do not.

        It is 0 if all answered from the first on.
        """
        began_ns = time.time_ns()
        while time.time_ns() - began_ns < duration_s * 1e9:
            self._step()
        self._receive(_PATIENCE_S)
        failed = [index for index, it in enumerate(self._samples) if len(it.rtt_ms) < len(self._pairs)]
        if not failed:
            return 0.0
        if failed[-1] == len(self._samples) - 1:
            return None
        return round((self._samples[failed[-1] + 1].sent_ns - began_ns) / 1e9, 1)

    def until_as_before(self, before_ms: Mapping[Pair, float], began_ns: int) -> float:
        """Watch until all pairs answer for some seconds in the round trips of before.

        Return the seconds from ``began_ns`` to the first of these answers' questions.

        Raises:
            AssertionError: they never do.
        """

        def is_as_before(sample: _Sample) -> bool:
            found = sample.rtt_ms
            return all(pair in found and abs(found[pair] - before_ms[pair]) < SAME_MS for pair in self._pairs)

        since_ns = None
        while since_ns is None or self._samples[-1].sent_ns - since_ns < (_HOLD_S + _PATIENCE_S) * 1e9:
            self._step()
            now_ns = time.time_ns()
            missing = [pair for pair in self._pairs if pair not in self._samples[-1].rtt_ms]
            assert now_ns - began_ns < _LONGEST_S * 1e9, f"after {_LONGEST_S:g} s not as before: {missing}"
            since_ns = None
            for sample in self._samples:
                if is_as_before(sample):
                    since_ns = since_ns or sample.sent_ns
                elif now_ns - sample.sent_ns > _PATIENCE_S * 1e9:
                    since_ns = None
        return round((since_ns - began_ns) / 1e9, 1)

    def last_ms(self) -> dict[Pair, float]:
        """Return the round trips of the last echoes that had time to be answered."""
        now_ns = time.time_ns()
        return next(it.rtt_ms for it in reversed(self._samples) if now_ns - it.sent_ns >= _PATIENCE_S * 1e9)

    def _step(self) -> None:
        """Send an echo of each pair, and receive answers until the next is due."""
        number = next(_NUMBERS) & 0xFFFF
        self._samples.append(_Sample(time.time_ns()))
        self._by_number[number] = self._samples[-1]
        for near, far in self._pairs:
            self._echoes[near].send(self._addresses[far], number)
        self._receive(_STEP_S)

    def _receive(self, patience_s: float) -> None:
        deadline_ns = time.time_ns() + int(patience_s * 1e9)
        names = {address: name for name, address in self._addresses.items()}
        while (left_s := (deadline_ns - time.time_ns()) / 1e9) > 0:
            ready = readable([echo.fileno() for echo in self._echoes.values()], left_s)
            for near, echo in self._echoes.items():
                if echo.fileno() in ready:
                    for address, number, arrived_ns in echo.replies(time.time_ns(), _STEP_S / 1000):
                        if (sample := self._by_number.get(number)) is not None:
                            sample.rtt_ms[near, names[address]] = (arrived_ns - sample.sent_ns) / 1e6
