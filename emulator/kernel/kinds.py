"""The kinds of kernel and of clock that a run can have, by the names that the command line gives them."""

from __future__ import annotations

from enum import StrEnum


class Clock(StrEnum):
    """The clock of a run: whether work and waiting take time in it."""

    VIRTUAL = "virtual"
    """Work takes no time and waiting is skipped: what the network does is exact, what it costs is invisible."""
    SKIP = "skip"
    """The guest's work takes its time, and waiting is skipped."""
    REAL = "real"
    """The clock of this machine."""


class KernelKind(StrEnum):
    """The kernel whose network stack a run uses."""

    NATIVE = "native"
    """This machine's own kernel."""
    UML = "uml"
    """The guest kernel that `gtsdsl kernel build` makes."""
    PACKAGED = "uml-packaged"
    """Debian's packaged guest kernel."""

    @classmethod
    def _missing_(cls, value: object) -> KernelKind | None:
        """Take ``host``, the name that ``native`` had in version 0.1."""
        return cls.NATIVE if value == "host" else None
