"""The end of a process with its parent."""

from __future__ import annotations

import os
import signal
import threading

from emulator.kernel.supervisor import watched
from emulator.system.poll import readable


def end_with(parent: int) -> bool:
    """End this process (SIGTERM) when its parent ends; return False if the parent has ended already.

    This starts a thread, and a process with threads cannot enter a user namespace.
    """
    parent_ended = watched(parent)
    if parent_ended is None:
        return False

    def end() -> None:
        readable([parent_ended], None)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end, daemon=True).start()
    return True
