"""Docker daemons: a restart on a host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.overlays import scenarios
from tests.emulator.overlays.guest import run


@pytest.mark.usefixtures("guest_kernel")
def test_a_host_can_have_a_container_again_after_its_daemon_was_stopped(tmp_path: Path) -> None:
    found = run(tmp_path, "line", "none", scenarios.attach_a_container_again, "--runtime", "docker")
    assert found == {"address": "100.64.0.1", "runs": True}
