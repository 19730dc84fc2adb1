"""The slowness of this machine, by which bounds on processor time grow."""

from __future__ import annotations

import statistics
import time
from functools import cache

REFERENCE_S = 0.035
"""The processor time of the work below in CPython 3.11 on the machine on which the bounds were set."""
_TIMES = 9


@cache
def slowness() -> float:
    """Return how many times longer a fixed amount of work takes than on the machine of the bounds, and at least 1.

    A slower processor, a busy sibling thread, a debug build and a tracer make Python slower, and all work alike.
    """
    return max(1.0, statistics.median(_work_s() for _ in range(_TIMES)) / REFERENCE_S)


def _work_s() -> float:
    """Return the processor time of work that no change of the project makes slower."""
    begin_s = time.process_time()
    words = {f"{number:x}": number for number in range(100_000)}
    sum(len(word) * words[word] for word in sorted(words))
    return time.process_time() - begin_s
