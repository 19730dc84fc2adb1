"""The cells of a matrix: circuits by their names, overlays, levels, repetitions and seeds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import gtsdsl
from emulator.bench.cells import Cell, Matrix, cells_of, matrix_of, overlays_of_all, pairs_of
from emulator.bench.fingerprint import sha256_of_task
from emulator.bench.options import BenchOptions
from emulator.options import OverlayOptions
from emulator.plan import Options, plan
from emulator.system.errors import EmulationError
from emulator.workloads.model import Setting
from gtsdsl.scenario import load_scenario
from tests.emulator.samples import MESH
from tests.emulator.topologies import joined

MESH_PAIRS = [
    "AMS-MIL",
    "AMS-LJU",
    "AMS-BRA",
    "AMS-PRA",
    "LJU-MIL",
    "BRA-MIL",
    "MIL-PRA",
    "BRA-LJU",
    "LJU-PRA",
    "BRA-PRA",
]
NONE = (OverlayOptions("none"),)


def test_pairs_have_the_names_of_their_sites() -> None:
    found = pairs_of(plan(gtsdsl.load(MESH)))
    assert list(found) == MESH_PAIRS
    assert found["AMS-MIL"] == ("h1", "h2")


def test_pairs_without_sites_of_their_own_have_the_names_of_their_hosts() -> None:
    assert pairs_of(plan(joined([("a", "b"), ("b", "c")]))) == {"a-b": ("a", "b"), "b-c": ("b", "c")}


def test_cells_are_each_overlay_beside_the_others_for_each_circuit() -> None:
    matrix = Matrix(
        (OverlayOptions("none"), OverlayOptions("flannel")), ("latency",), ("mil-ams", "h1-h4"), repetitions=2
    )
    cells = cells_of(gtsdsl.load(MESH), Options(), matrix).cells
    assert [cell.label for cell in cells] == [
        "none AMS-MIL latency containers 1", "none AMS-MIL latency containers 2",
        "flannel:vxlan AMS-MIL latency containers 1", "flannel:vxlan AMS-MIL latency containers 2",
        "none AMS-BRA latency containers 1", "none AMS-BRA latency containers 2",
        "flannel:vxlan AMS-BRA latency containers 1", "flannel:vxlan AMS-BRA latency containers 2",
    ]  # fmt: skip
    assert [cell.task.plan.seed for cell in cells[:2]] == [1, 2]
    request = cells[-1].task.workload
    assert request is not None
    assert (request.hosts, request.seed) == (("h1", "h4"), 2)


def test_point_to_point_is_a_network_of_the_pair_with_the_delay_that_it_has_in_the_whole() -> None:
    circuits = ("AMS-MIL", "BRA-LJU")
    whole = cells_of(gtsdsl.load(MESH), Options(), Matrix(NONE, ("latency",), circuits)).cells
    pairs = cells_of(gtsdsl.load(MESH), Options(), Matrix(NONE, ("latency",), circuits, point_to_point=True)).cells
    assert [cell.label for cell in pairs] == [
        "none AMS-MIL point to point latency containers 1", "none BRA-LJU point to point latency containers 1",
    ]  # fmt: skip
    for cell, other in zip(pairs, whole, strict=True):
        request, wanted = cell.task.workload, other.task.workload
        assert request is not None
        assert wanted is not None
        assert request.hosts == wanted.hosts == tuple(host.name for host in cell.task.plan.hosts)
        (circuit,) = cell.task.plan.circuits
        assert circuit.rtt_ns == {it.id: it.rtt_ns for it in other.task.plan.circuits}[circuit.id]


def test_as_measured_gives_each_overlay_its_own_delays() -> None:
    overlays = tuple(map(OverlayOptions, ("none", "flannel", "weave")))
    matrix = Matrix(overlays, ("latency",), ("AMS-MIL",), point_to_point=True, as_measured=True)
    cells = cells_of(gtsdsl.load(MESH), Options(), matrix).cells
    assert [(cell.task.plan.circuits[0].rtt_ns, _added(cell)) for cell in cells] == [
        (36_200_000, False), (42_500_000, True), (36_200_000, True),
    ]  # fmt: skip


def _added(cell: Cell) -> bool:
    """Return whether a round trip of the cell's circuit has random delays."""
    return any(end.egress is not None and end.egress.added is not None for end in cell.task.plan.circuits[0].ends)


def test_repetitions_differ_in_all_seeds() -> None:
    cells = cells_of(gtsdsl.load(MESH), Options(), Matrix(NONE, ("latency",), ("AMS-MIL",), repetitions=2)).cells
    seeds = [{end.egress.seed for end in cell.task.plan.ends if end.egress is not None} for cell in cells]
    assert len(seeds[0]) == 20
    assert not seeds[0] & seeds[1]


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (Matrix(NONE, ("latency",), ("AMS-MIK",)), "no circuit AMS-MIK; did you mean `AMS-MIL`"),
        (Matrix(NONE, ("latency",), ("x",)), "no circuit x; the circuits are AMS-MIL, AMS-LJU"),
        (Matrix(NONE, ("latency",), ("x",)), "MIL-PRA, BRA-LJU, …"),
        (Matrix(NONE, ("speed",)), "unknown workload speed"),
        (Matrix((OverlayOptions("flanell"),), ("latency",)), "unknown overlay flanell; did you mean `flannel`"),
        (Matrix((), ("latency",)), "no overlay to measure"),
        (Matrix(NONE, ("latency",), settings={"throughput": ()}), "settings of throughput, which is not measured"),
        (Matrix(NONE, ("latency",), settings={"latenzy": ()}), "unknown workload latenzy"),
        (
            Matrix(NONE, ("latency",), settings={"latency": (Setting("speed", "1"),)}),
            "unknown setting latency.speed; ",
        ),
    ],
)
def test_what_is_not_there_is_refused_before_anything_runs(matrix: Matrix, message: str) -> None:
    with pytest.raises(EmulationError) as caught:
        cells_of(gtsdsl.load(MESH), Options(), matrix)
    assert message in str(caught.value)


def test_a_matrix_that_nobody_can_wait_for_is_refused() -> None:
    matrix = Matrix(NONE, ("latency",), repetitions=5001)
    with pytest.raises(EmulationError, match="has 50,010 cells, and 50,000 are the most: choose fewer overlays"):
        cells_of(gtsdsl.load(MESH), Options(), matrix)


def test_each_repetition_is_the_network_of_its_own_seed() -> None:
    testbed = gtsdsl.load(MESH)
    first, second = cells_of(testbed, Options(), Matrix(NONE, ("latency",), ("AMS-MIL",), repetitions=2, seed=4)).cells
    assert first.task.plan == plan(testbed, Options(seed=4))
    assert second.task.plan == plan(testbed, Options(seed=5))
    seeds = {end.egress.seed for cell in (first, second) for end in cell.task.plan.ends if end.egress is not None}
    assert len(seeds) == 2 * 20


def test_a_topology_without_a_circuit_has_no_cells() -> None:
    with pytest.raises(EmulationError, match="no two hosts that a circuit joins"):
        cells_of(joined([], alone=["a"]), Options(), Matrix(NONE, ("latency",)))


def test_all_stands_for_each_overlay_and_each_workload() -> None:
    matrix = matrix_of(BenchOptions(overlays=("none", "all"), workloads=("all",), hosts=True), seed=5)
    assert tuple(it.name for it in matrix.overlays) == overlays_of_all()
    assert {"none", "flannel:udp", "weave:sleeve", "calico:rr", "geneve:mesh"} <= set(overlays_of_all())
    assert {"latency", "throughput"} <= set(matrix.workloads)
    assert (matrix.levels, matrix.seed) == (("hosts", "containers"), 5)


def test_the_value_of_a_setting_may_have_an_equals_sign() -> None:
    options = BenchOptions(settings={"streaming.video=a": "b.mp4", "streaming.clients": "1"})
    assert matrix_of(options, seed=1).settings == {
        "streaming": (Setting("video", "a=b.mp4"), Setting("clients", "1")),
    }


def test_all_has_a_program_of_the_user_s_only_if_settings_name_it() -> None:
    assert "command" not in matrix_of(BenchOptions(workloads=("all",)), seed=1).workloads
    options = BenchOptions(workloads=("all",), settings={"command.run": "true"})
    assert "command" in matrix_of(options, seed=1).workloads


def test_a_setting_without_a_workload_is_refused() -> None:
    with pytest.raises(EmulationError, match=r"congestion names no setting: write WORKLOAD.SETTING=VALUE"):
        matrix_of(BenchOptions(settings={"congestion": "bbr"}), seed=1)


def test_a_scenario_is_a_part_of_each_cell_and_of_its_hash(tmp_path: Path) -> None:
    (tmp_path / "storm.toml").write_text('[[cut]]\nat = 1\nlink = "l1"\n')
    testbed = gtsdsl.load(MESH)
    scenario = load_scenario(tmp_path / "storm.toml", testbed)
    matrix = Matrix((OverlayOptions("none"),), ("latency",), circuits=("AMS-MIL",))
    (calm,) = cells_of(testbed, Options(), matrix).cells
    (stormy,) = cells_of(testbed, Options(), replace(matrix, scenario=scenario)).cells
    assert (calm.task.scenario, stormy.task.scenario) == (None, scenario)
    assert sha256_of_task(calm.task) != sha256_of_task(stormy.task)
