"""Each overlay that there is, and the command line that emulates the five-site full mesh with an overlay."""

from __future__ import annotations

import pytest

from emulator.kernel.cache import Kernel
from tests.emulator.overlays.libnetwork.docker import require_docker_for
from tests.emulator.overlays.subjects import SUBJECTS, Subject
from tests.emulator.samples import MESH, Cli


@pytest.fixture
def overlaid(gtsdsl: Cli, guest_kernel: Kernel) -> Cli:
    """A function that runs `gtsdsl emulate examples/full_mesh.dsl --overlay NAME …` with the virtual clock."""
    assert guest_kernel.virtual_clock
    return lambda name, *arguments: gtsdsl("emulate", str(MESH), "--overlay", name, *arguments)


@pytest.fixture(params=SUBJECTS, ids=str)
def any_overlay(request: pytest.FixtureRequest, guest_kernel: Kernel) -> Subject:
    """Each overlay and variant, with and without a password, and with real agents. It skips what cannot run here."""
    assert guest_kernel.virtual_clock
    subject: Subject = request.param
    if "--agent" in subject.options:
        request.getfixturevalue("flanneld")
    require_docker_for(subject)
    return subject
