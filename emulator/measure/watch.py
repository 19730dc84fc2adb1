"""Echoes between many pairs of addresses at once, at a steady rate, from before a fault until after it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeAlias

from emulator.lab.lab import Lab
from emulator.measure.echo import Echo
from emulator.system.closing import Closing
from emulator.system.poll import readable

Pair: TypeAlias = tuple[str, str]
"""The names of two hosts or two containers, of which the first sends the echoes."""

SAME_MS = 0.2
"""A round trip that differs less from that of before goes the same way."""
_HOLD_S = 3.0
"""The time for which all pairs must answer without a gap before they count as back."""
_NUMBERS = itertools.count(20_000)
"""The numbers of echoes. Those of a deployment's first echoes are less, and their answers may still be on their way."""


@dataclass(slots=True)
class _Sample:
    """One echo of each pair: when it was sent, in nanoseconds, and the round trips of those that were answered."""

    sent_ns: int
    rtt_ms: dict[Pair, float] = field(default_factory=dict)


class Watch(Closing):
    """A watch over pairs of hosts or containers of a lab, which sends nothing before its first method is called."""

    def __init__(
        self,
        lab: Lab,
        addresses: Mapping[str, str],
        pairs: Iterable[Pair],
        interval_s: float = 0.1,
        patience_s: float = 0.5,
    ) -> None:
        """``addresses`` are those of all ends, by name. An echo of each pair is sent every ``interval_s`` seconds.

        An echo is lost if no answer comes within ``patience_s``.

        Raises:
            OSError: the kernel refuses a socket.
        """
        self._addresses = addresses
        self._pairs = list(pairs)
        self._interval_s = interval_s
        self._patience_s = patience_s
        self._samples: list[_Sample] = []
        self._by_number: dict[int, _Sample] = {}
        self._stack = ExitStack()
        self._echoes: dict[str, Echo] = {}
        for near in dict.fromkeys(near for near, _ in self._pairs):
            self._echoes[near] = self._stack.enter_context(Echo(lab.namespace(near), addresses[near]))

    def close(self) -> None:
        """Close the sockets."""
        self._stack.close()

    @property
    def sent(self) -> int:
        """The number of echoes that had time to be answered."""
        return len(self._final) * len(self._pairs)

    @property
    def lost(self) -> dict[Pair, int]:
        """The number of echoes without an answer, by pair; pairs that lost none are missing."""
        final = self._final
        counts = {pair: sum(pair not in sample.rtt_ms for sample in final) for pair in self._pairs}
        return {pair: count for pair, count in counts.items() if count}

    def watch(self, duration_s: float) -> float | None:
        """Watch for some time, and return how long it took until all pairs answered for good; None if they do not.

        It is 0 if all answered from the first on.
        """
        began_ns = time.time_ns()
        while time.time_ns() - began_ns < duration_s * 1e9:
            self._step()
        self._receive(self._patience_s)
        failed = [index for index, it in enumerate(self._samples) if len(it.rtt_ms) < len(self._pairs)]
        if not failed:
            return 0.0
        if failed[-1] == len(self._samples) - 1:
            return None
        return (self._samples[failed[-1] + 1].sent_ns - began_ns) / 1e9

    def until_as_before(
        self, before_ms: Mapping[Pair, float], began_ns: int, longest_s: float, same_ms: float = SAME_MS
    ) -> float | None:
        """Watch until all pairs answer for some seconds in the round trips of before, to less than ``same_ms``.

        Return the seconds from ``began_ns`` to the first of these answers' questions; None if they do not within
        ``longest_s``.
        """
        since_ns: int | None = None
        final = 0
        while True:
            self._step()
            now_ns = time.time_ns()
            while final < len(self._samples) and self._is_final(self._samples[final], now_ns):
                sample = self._samples[final]
                final += 1
                if not self._is_as_before(sample, before_ms, same_ms):
                    since_ns = None
                elif since_ns is None:
                    since_ns = sample.sent_ns
                elif sample.sent_ns - since_ns >= _HOLD_S * 1e9:
                    return (since_ns - began_ns) / 1e9
            if since_ns is None and now_ns - began_ns > longest_s * 1e9:
                return None

    def first_answer_ns(self, longest_s: float) -> int | None:
        """Watch until all pairs have answered, and return the time of the last first answer; None if one never does.

        It is in nanoseconds of `time.time_ns`.
        """
        began_ns = time.time_ns()
        while time.time_ns() - began_ns < longest_s * 1e9:
            self._step()
            arrived_ns: dict[Pair, int] = {}
            for sample in self._samples:
                for pair, rtt_ms in sample.rtt_ms.items():
                    arrived_ns.setdefault(pair, sample.sent_ns + round(rtt_ms * 1e6))
            if len(arrived_ns) == len(self._pairs):
                return max(arrived_ns.values())
        return None

    def answered_ms(self) -> dict[Pair, float]:
        """Return the round trip of each pair's last echo that was answered; pairs without an answer are missing."""
        return {pair: rtt_ms for sample in self._final for pair, rtt_ms in sample.rtt_ms.items()}

    def last_ms(self) -> dict[Pair, float]:
        """Return the round trips of the last echoes that had time to be answered; empty if none had."""
        final = self._final
        return final[-1].rtt_ms if final else {}

    @property
    def _final(self) -> list[_Sample]:
        """The samples whose echoes had time to be answered."""
        now_ns = time.time_ns()
        return [sample for sample in self._samples if self._is_final(sample, now_ns)]

    def _is_final(self, sample: _Sample, now_ns: int) -> bool:
        return now_ns - sample.sent_ns >= self._patience_s * 1e9

    def _is_as_before(self, sample: _Sample, before_ms: Mapping[Pair, float], same_ms: float) -> bool:
        found = sample.rtt_ms
        return all(pair in found and abs(found[pair] - before_ms[pair]) < same_ms for pair in self._pairs)

    def _step(self) -> None:
        """Send an echo of each pair, and receive answers until the next is due."""
        number = next(_NUMBERS) & 0xFFFF
        self._samples.append(_Sample(time.time_ns()))
        self._by_number[number] = self._samples[-1]
        for near, far in self._pairs:
            self._echoes[near].send(self._addresses[far], number)
        self._receive(self._interval_s)

    def _receive(self, patience_s: float) -> None:
        deadline_ns = time.time_ns() + int(patience_s * 1e9)
        names = {address: name for name, address in self._addresses.items()}
        while (left_s := (deadline_ns - time.time_ns()) / 1e9) > 0:
            ready = readable([echo.fileno() for echo in self._echoes.values()], left_s)
            for near, echo in self._echoes.items():
                if echo.fileno() in ready:
                    for address, number, arrived_ns in echo.replies(time.time_ns(), self._interval_s / 1000):
                        sample = self._by_number.get(number)
                        if sample is not None and address in names:
                            sample.rtt_ms[near, names[address]] = (arrived_ns - sample.sent_ns) / 1e6
