"""The workload `store`: a cell for each site, and the start of an overlay whose store is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gtsdsl as gtsdsl_package
from emulator.bench.cells import Matrix, cells_of
from emulator.options import OverlayOptions
from emulator.plan import Options
from emulator.system.errors import EmulationError
from tests.emulator.samples import MESH, Cli
from tests.emulator.topologies import joined


def test_each_site_is_a_cell_and_an_overlay_without_a_store_has_none() -> None:
    overlays = tuple(map(OverlayOptions, ("none", "flannel:udp")))
    found = cells_of(gtsdsl_package.load(MESH), Options(), Matrix(overlays, ("store",), levels=("hosts", "containers")))
    assert found.left_out == ("store does not measure none, because it has no store",)
    assert [cell.label for cell in found.cells] == [
        f"flannel:udp store at {site} store containers 1" for site in ("AMS", "MIL", "LJU", "BRA", "PRA")
    ]
    for cell in found.cells:
        overlay, request = cell.task.overlay, cell.task.workload
        assert overlay is not None
        assert overlay.store is not None
        assert request is not None
        (store,) = (host for host in cell.task.plan.hosts if host.is_store)
        assert (overlay.store.host, store.site) == (store.name, cell.circuit.removeprefix("store at "))
        assert request.hosts == ("h1", "h2", "h3", "h4", "h5")


def test_a_matrix_without_a_store_is_refused() -> None:
    matrix = Matrix((OverlayOptions("none"), OverlayOptions("geneve")), ("store",))
    message = "nothing is left to measure: store does not measure none, because it has no store; store does not measure"
    with pytest.raises(EmulationError, match=message):
        cells_of(gtsdsl_package.load(MESH), Options(), matrix)


def test_without_sites_each_host_has_the_store_once() -> None:
    matrix = Matrix((OverlayOptions("flannel"),), ("store",))
    found = cells_of(joined([("a", "b")]), Options(), matrix)
    assert [cell.circuit for cell in found.cells] == ["store at a", "store at b"]


@pytest.mark.usefixtures("guest_kernel")
def test_the_start_is_measured_with_each_place(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    command = ["bench", str(pair), "--overlays", "flannel", "--workloads", "store", "--workers", "1"]
    done = gtsdsl(*command, "-o", str(tmp_path / "report"))
    assert done.returncode == 0, done.stderr
    assert "warning: " not in done.stderr
    cells = json.loads((tmp_path / "report" / "results.json").read_text())["cells"]
    assert [cell["circuit"] for cell in cells] == ["store at AMS", "store at MIL"]
    for cell in cells:
        values = {item["name"]: item["value"] for item in cell["measured"]["figures"]}
        # the agent that is not at the store's site asks the store at least for its configuration and its lease
        assert 2 * 0.0362 < values["start.last"] < 2
        assert 0 < values["start.store"] < 0.5
        assert values["start.first"] == values["start.last"]
