"""Entries of the kernel that an agent keeps as it wants them, whatever others change."""

from __future__ import annotations

import abc
import time
from collections.abc import Iterable, Sequence
from typing import ClassVar

from emulator.lab.log import log
from emulator.netlink.changes import Changes
from emulator.netlink.connection import NetlinkError
from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import KernelState, read_here


class KernelEntries(abc.ABC):
    """The entries of an agent in the namespace of its process, and the device that they lead through."""

    check_interval_s: ClassVar[float]
    """The seconds between two checks."""

    def __init__(self, kernel: Handle, changes: Changes) -> None:
        self.kernel = kernel
        self._changes = changes
        self._wanted: list[Entry] = []
        self._must_compare = True
        """The kernel's tables were never read, or the kernel refused a change: the next look compares all."""
        self.next_check_s = time.monotonic() + self.check_interval_s
        """The time of the next `check`, in the network's clock."""

    @abc.abstractmethod
    def ensure_device(self, state: KernelState) -> None:
        """Make the device, or mend it; ``state`` is the current state of the kernel.

        Raises:
            NetlinkError: the kernel refuses.
        """

    @abc.abstractmethod
    def remove_device(self) -> None:
        """Remove the device."""

    @abc.abstractmethod
    def owned(self, state: KernelState) -> list[Entry]:
        """Return the entries of a state that are the agent's, or would be if it wanted them."""

    @abc.abstractmethod
    def current(self) -> Sequence[Entry] | None:
        """Return the entries that are wanted now, before a check; None if the agent does not know them yet."""

    def want(self, entries: Sequence[Entry]) -> None:
        """Write the wanted entries that are missing, and remove those that are not wanted any more.

        The first call reads the kernel's tables. Later calls only write the differences to the previous call.
        """
        before, self._wanted = self._wanted, list(entries)
        if self._must_compare:
            self._compare()
        else:
            old, new = set(before), set(entries)
            self._write([it for it in before if it not in new], [it for it in entries if it not in old])

    def check(self) -> None:
        """Undo changes that others made in the kernel's tables since the last check, if the check is due."""
        if time.monotonic() < self.next_check_s:
            return
        self.next_check_s = time.monotonic() + self.check_interval_s
        if (self._changes.seen() or self._must_compare) and (entries := self.current()) is not None:
            self._wanted = list(entries)
            self._compare()

    def clear(self) -> None:
        """Remove the agent's entries and its device."""
        self._write(self.owned(read_here()), ())
        self.remove_device()

    def _compare(self) -> None:
        """Read the kernel's tables, and write their differences to the wanted entries."""
        self._must_compare = True
        state = read_here()
        try:
            self.ensure_device(state)
        except NetlinkError as error:
            log(str(error))
            return
        self._must_compare = False
        present, wanted = self.owned(state), self._wanted
        self._write([it for it in present if it not in wanted], [it for it in wanted if it not in present])

    def _write(self, stale: Iterable[Entry], missing: Iterable[Entry]) -> None:
        # stale entries first, because removing a neighbour also removes a new one with the same address
        for write, entries in ((self.kernel.drop, stale), (self.kernel.put, missing)):
            for entry in entries:
                try:
                    write(entry)
                except NetlinkError as error:  # a link went down meanwhile
                    log(str(error))
                    self._must_compare = True
