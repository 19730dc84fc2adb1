"""Python's garbage collector, paused while large values are built."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Pause Python's search for circles of values while a large value is built.

    Half a million values that are all needed form no circle. The collector would walk them again and again, which
    takes up to two thirds of the time.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:
            # move the new values to the oldest generation: else the collector would walk all of them at once
            gc.freeze()
            gc.unfreeze()
        gc.enable()
