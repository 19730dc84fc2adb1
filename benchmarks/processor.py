"""The processor time of this process and its children."""

from __future__ import annotations

import resource
from collections.abc import Callable


def processor_s(action: Callable[[], object]) -> float:
    """Return the processor time of an action, in seconds, with that of the processes that it starts and awaits."""
    before_s = _used_s()
    action()
    return _used_s() - before_s


def _used_s() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
