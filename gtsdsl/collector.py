"""Python's garbage collector, paused while large values are built."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep Python from looking for circles in what is being read.

    A large file makes half a million values that hold each other in no circle, and are all wanted; the collector
    walks them again and again, and takes two thirds of the time.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:
            # what was made is old now: without this, the collector's first act would be to walk all of it
            gc.freeze()
            gc.unfreeze()
        gc.enable()
