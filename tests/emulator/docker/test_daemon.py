"""Docker daemons: a restart on a host, and the error of a daemon that does not join a swarm."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from emulator.docker.daemon import Dockerd
from emulator.lab.daemons import Daemon, DaemonError
from emulator.overlays.libnetwork import variants
from emulator.overlays.libnetwork.variants import DockerNetwork, SwarmVariant
from tests.emulator.overlays import scenarios
from tests.emulator.overlays.guest import run


@pytest.mark.usefixtures("guest_kernel")
def test_a_host_can_have_a_container_again_after_its_daemon_was_stopped(tmp_path: Path) -> None:
    found = run(tmp_path, "line", "none", scenarios.attach_a_container_again, "--runtime", "docker")
    assert found == {"address": "100.64.0.1", "runs": True}


def test_a_swarm_that_does_not_begin_is_told_with_the_daemons_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "_PATIENCE_S", 0.0)
    log = tmp_path / "log"
    log.write_text("waiting for a manager\n")
    with subprocess.Popen(["sleep", "1000"]) as process:
        waiting = cast("Dockerd", SimpleNamespace(daemon=Daemon("dockerd", "h2", process.pid, log)))
        with pytest.raises(DaemonError) as caught:
            SwarmVariant(DockerNetwork("10.0.0.0/16", 1500)).join(waiting, "100.64.0.2")
        process.kill()
    assert str(caught.value) == "dockerd on h2 finds no swarm to join after 0 s: waiting for a manager"
