"""Docker daemons: a restart on a host."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from emulator.docker.daemon import storage_driver
from tests.emulator.overlays import scenarios
from tests.emulator.overlays.guest import run


def test_images_are_copied_where_overlays_of_folders_do_not_work() -> None:
    has_overlay = "\toverlay\n" in Path("/proc/filesystems").read_text()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        assert storage_driver(Path(folder)) == ("overlay2" if has_overlay else "vfs")
    assert storage_driver(Path("/proc")) == "vfs"


@pytest.mark.usefixtures("guest_kernel")
def test_a_host_can_have_a_container_again_after_its_daemon_was_stopped(tmp_path: Path) -> None:
    found = run(tmp_path, "line", "none", scenarios.attach_a_container_again, "--runtime", "docker")
    assert (found["address"], found["runs"]) == ("100.64.0.1", True)
    # four hosts, of which one has had two daemons: the image was loaded once
    assert found["copies"] == [5, 1]
