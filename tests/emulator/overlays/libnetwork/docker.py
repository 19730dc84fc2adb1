"""This machine's Docker, as the tests need it."""

from __future__ import annotations

import pytest

from emulator.docker import programs
from emulator.overlays.libnetwork.overlay import LAST_WITH_STORE


def require_docker_with_store() -> None:
    """Skip a test of ``kv`` if this machine's Docker no longer has it."""
    version = programs.version()
    if int(version.partition(".")[0] or 0) > LAST_WITH_STORE:
        pytest.skip(f"Docker {version} has no external key-value store; Debian 12's docker.io has")
