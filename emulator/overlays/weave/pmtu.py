"""The discovery of the largest packet that passes a connection of sleeve, as in Weave's `sleeve.go`.

The kernel refuses a datagram that is larger than the MTU of the path and must not be fragmented. The search begins with
what the kernel says, and verifies it by tests that the other end acknowledges. If no test of a size is, smaller sizes
are tried, by halves.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.lab.log import log
from emulator.overlays.weave.loop import Loop, Timer

UNKNOWN_MTU_BYTES = 65535
_LEAST_BYTES = 552
_ATTEMPTS = 8
_FIRST_PATIENCE_S = 0.01
"""The time for an acknowledgement; each further attempt has twice the time."""


class PathMtu:
    """The search. ``mtu_bytes`` is the largest packet of a container that fits in a datagram."""

    def __init__(self, loop: Loop, overhead_bytes: int, send_test: Callable[[int], None]) -> None:
        """``overhead_bytes`` is what sleeve adds to a packet; ``send_test`` sends a test of an MTU."""
        self._loop = loop
        self._overhead_bytes = overhead_bytes
        self._send_test = send_test
        self._timer: Timer | None = None
        self._sent = 0
        self._highest_good = self._lowest_bad = 0
        self._candidate: int | None = None
        self.mtu_bytes = UNKNOWN_MTU_BYTES

    def refused(self, path_mtu_bytes: int) -> None:
        """Begin a search, because the kernel has refused a datagram, and says what passes the path."""
        mtu_bytes = path_mtu_bytes - self._overhead_bytes
        if self._candidate is not None and mtu_bytes >= self._candidate:
            return
        self._highest_good, self._lowest_bad = _LEAST_BYTES, mtu_bytes + 1
        self.mtu_bytes = mtu_bytes
        self._try(mtu_bytes)

    def acknowledged(self, mtu_bytes: int) -> None:
        """Take the other end's acknowledgement of a test."""
        if mtu_bytes == self._candidate:
            self._highest_good = mtu_bytes
            self._search()

    def stop(self) -> None:
        """End the search."""
        if self._timer is not None:
            self._timer.cancel()

    def _try(self, mtu_bytes: int) -> None:
        self._candidate, self._sent = mtu_bytes, 0
        self._test()

    def _test(self) -> None:
        if self._candidate is None:
            return
        self.stop()
        self._timer = self._loop.call_later(_FIRST_PATIENCE_S * 2**self._sent, self._unanswered)
        self._sent += 1
        self._send_test(self._candidate)

    def _unanswered(self) -> None:
        if self._candidate is None:
            return
        if self._sent < _ATTEMPTS:
            self._test()
        else:
            self._lowest_bad = self._candidate
            self._search()

    def _search(self) -> None:
        if self._highest_good + 1 >= self._lowest_bad:
            self.stop()
            self._candidate = None
            self.mtu_bytes = self._highest_good
            log(f"packets of {self.mtu_bytes} bytes pass")
        else:
            self._try((self._highest_good + self._lowest_bad) // 2)
