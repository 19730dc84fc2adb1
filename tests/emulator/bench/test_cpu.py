"""A benchmark with a cost table of processors: what its cells depend on, and what its file may name."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.bench.cells import Cell, Matrix, cells_of
from emulator.bench.fingerprint import sha256_of_task
from emulator.bench.repeat import repeat_command
from emulator.bench.store import read_results
from emulator.bench.tables import rows
from emulator.options import OverlayOptions
from emulator.plan import Options
from emulator.plan.cpu import cpu_choice
from gtsdsl.cli.bench.matrix_file import read_matrix
from gtsdsl.diagnostics import GtsError
from gtsdsl.loading import load
from gtsdsl.source import Source
from tests.emulator.samples import MESH, Cli

TABLE = str(Path(__file__).parents[3] / "examples" / "cost_table.toml")


def cell(model: str, *cpus: str, offload: bool = True) -> Cell:
    options = Options(cpu=cpu_choice(model, cpus, offload=offload))
    found = cells_of(
        load(MESH), options, Matrix((OverlayOptions("none"),), ("latency",), ("AMS-MIL",), point_to_point=True)
    )
    return found.cells[0]


def test_a_cell_depends_on_the_table_the_shares_and_the_offload() -> None:
    cells = [cell("none"), cell(TABLE), cell(TABLE, "1"), cell(TABLE, "h1=0.5"), cell(TABLE, offload=False)]
    assert len({sha256_of_task(it.task) for it in cells}) == len(cells)
    assert sha256_of_task(cell(TABLE).task) == sha256_of_task(cells[1].task)


def test_a_share_of_a_host_outside_a_pair_leaves_the_pair_as_it_is() -> None:
    cpu = cell(TABLE, "h1=0.5", "h5=1").task.plan.cpu
    assert cpu is not None
    assert sorted(cpu.cpus.values()) == [0.5, 2.0]


def test_a_file_names_a_shipped_table_or_one_below_its_folder(tmp_path: Path) -> None:
    source = str(tmp_path / "bench.toml")
    assert read_matrix(Source(source, 'cpu-model = "study-2016"')).values["cpu-model"] == "study-2016"
    assert read_matrix(Source(source, 'cpu-model = "t.toml"')).values["cpu-model"] == str(tmp_path / "t.toml")
    with pytest.raises(GtsError, match="not below the folder"):
        read_matrix(Source(source, 'cpu-model = "../t.toml"'))


@pytest.mark.usefixtures("guest_kernel")
def test_processors_are_measured_side_by_side_where_the_formulas_put_them(
    gtsdsl: Cli, pair: Path, tmp_path: Path
) -> None:
    options = ["--overlays", "none", "--workloads", "throughput", "--duration", "2", "--rtt", "AMS-MIL=1ms"]
    rates = ["--setting", "throughput.udp_rates_mbps=10,90", "--setting", "throughput.udp_duration_s=1"]
    costs = ["--cpu-model", TABLE, "--each-cpus", "0.04,0.08", "--each-offload", "off"]
    folder = tmp_path / "report"
    done = gtsdsl("bench", str(pair), *options, *rates, *costs, "-o", str(folder))
    assert done.returncode == 0, done.stderr
    found = read_results(folder)
    assert [cell.variant.words for cell in found.cells] == ["cpus 0.04, offload off", "cpus 0.08, offload off"]
    for result, cpus in zip(found.cells, (0.04, 0.08), strict=True):
        assert result.measured is not None
        figure = result.measured.figure
        work_ns = (10_000 + 0.1 * 1514) / cpus  # by the table: nic and socket
        assert figure("udp.knee") == pytest.approx(1472 * 8000 / work_ns, rel=1e-4)
        received = [figure(f"udp.{rate}M.received") for rate in (10, 90)]
        assert received == pytest.approx([10, min(90, 1472 * 8000 / work_ns)], rel=0.01)
        knee = figure("tcp.knee")
        assert knee is not None
        assert 0.9 * knee < (figure("tcp.received") or 0) < 1.01 * knee  # a loss would slow TCP down for a while
    (table,) = found.cost_tables
    assert {row.cpu for row in rows(found.cells)} == {
        f"{TABLE} ({table.sha256[:12]}), cpus {cpus}, offload off" for cpus in (0.04, 0.08)
    }
    program, *command = repeat_command(found, found.cells[0])
    assert program == "gtsdsl"
    again = gtsdsl(*command, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    (repeated,) = read_results(tmp_path / f"repeat-{found.cells[0].key[:8]}").cells
    assert (repeated.key, repeated.measured) == (found.cells[0].key, found.cells[0].measured)
    shown = gtsdsl("bench", "report", str(folder))
    assert shown.returncode == 0, shown.stderr
    assert "## Processor time" in (folder / "report.md").read_text()


@pytest.mark.usefixtures("guest_kernel")
def test_a_benchmark_has_neighbours_who_take_processors(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "neighbours.toml"
    scenario.write_text('[[cpus]]\nat = 0\nhost = "h1"\ncpus = 0.5\n')
    options = ["--overlays", "none", "--workloads", "latency", "--duration", "3", "--cpu-model", TABLE, "--cpus", "1"]
    means = []
    for more in ([], ["--scenario", str(scenario)]):
        done = gtsdsl("bench", str(pair), *options, *more, "-o", str(tmp_path / "report"))
        assert done.returncode == 0, done.stderr
        (cell,) = read_results(tmp_path / "report").cells
        assert cell.measured is not None
        means.append(cell.measured.figure("rtt.mean"))
    assert None not in means
    alone_us, beside_us = (mean for mean in means if mean is not None)
    assert beside_us - alone_us == pytest.approx(20, abs=2)  # h1 works on two packets, each twice as long
    refused = gtsdsl("bench", str(pair), "--overlays", "none", "--scenario", str(scenario))
    assert refused.returncode == 2
    assert "[[cpus]] of h1 at 0 s: without a cost table, packets cost no time: add --cpu-model" in refused.stderr
