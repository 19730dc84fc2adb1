"""This machine's Docker, as the tests need it."""

from __future__ import annotations

import pytest

from emulator.docker import programs
from emulator.overlays.libnetwork.overlay import LAST_WITH_STORE
from emulator.stores import etcd
from tests.emulator.overlays.subjects import Subject


def require_docker_with_store() -> None:
    """Skip a test of ``kv`` if this machine's Docker no longer has it, or its etcd lacks the API that Docker speaks."""
    version = programs.version()
    if int(version.partition(".")[0] or 0) > LAST_WITH_STORE:
        pytest.skip(f"Docker {version} has no external key-value store; Debian 12's docker.io has")
    etcd_version = etcd.installed_version()
    if etcd_version >= etcd.FIRST_WITHOUT_V2:
        name = f"etcd {'.'.join(map(str, etcd_version))}"
        pytest.skip(f"{name} has no version 2 of its API, which Docker speaks; Debian 12's etcd-server has")


def require_docker_for(subject: Subject) -> None:
    """Skip a test of an overlay that this machine's Docker no longer has."""
    if subject.argument == "libnetwork:kv":
        require_docker_with_store()
