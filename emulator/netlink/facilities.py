"""A try of something in the kernel to a sentence about what it lacks, with the command that mends it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from emulator.netlink import namespaces
from emulator.netlink.connection import NetlinkError, is_missing
from emulator.netlink.handle import Handle


def lacks(what: str, module: str, attempt: Callable[[Handle], None]) -> Iterator[str]:
    """The sentence if an attempt, in a namespace that is gone again after it, finds that the kernel has no ``what``.

    Raises:
        EmulationError: no namespace may be made, or the kernel refuses for another reason.
    """
    ((descriptor, _),) = namespaces.create(1, lambda _: None)
    try:
        with Handle(descriptor) as kernel:
            attempt(kernel)
    except NetlinkError as error:
        if not is_missing(error):
            raise
        guest = "use a guest kernel (`gtsdsl kernel build`)"
        yield f"this kernel has no {what}: load it with `modprobe {module}`, or {guest}"
    finally:
        os.close(descriptor)
