"""The pytest plugin: its fixture `gts_network` runs the topology of a test's marker, for tests of your own software.

@pytest.mark.gts_topology("mesh.dsl", clock="virtual")
def test_the_client_survives_a_cut(gts_network):
    gts_network["h1"].run(["my-client", "h2"], check=True)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from emulator.session import Session

_MARKER = "gts_topology"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(file, **options): the topology that `gts_network` runs; arguments of `emulator.emulate`",
    )


@pytest.fixture
def gts_network(request: pytest.FixtureRequest) -> Iterator[Session]:
    """The running network of the test's marker `gts_topology`. It ends with the test.

    A relative path starts at the folder of the test's file, or at pytest's root folder.
    """
    marker = request.node.get_closest_marker(_MARKER)
    if marker is None or len(marker.args) != 1:
        raise pytest.UsageError(f'`gts_network` needs @pytest.mark.{_MARKER}("FILE.dsl") on the test')
    from emulator.session import emulate

    (topology,) = marker.args
    options = dict(marker.kwargs)
    if isinstance(options.get("scenario"), str | Path):
        options["scenario"] = _found(options["scenario"], request)
    if isinstance(topology, str | Path):
        topology = _found(topology, request)
    with emulate(topology, **options) as network:
        yield network


def _found(file: str | Path, request: pytest.FixtureRequest) -> Path:
    """Return the path of a file that a marker names."""
    beside = request.path.parent / file
    return beside if beside.exists() else request.config.rootpath / file
