"""A benchmark of several parts: its file, the parts that a command chooses, and the study of 2016 as such a file."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from emulator.bench.fingerprint import sha256_of_task
from emulator.bench.options import BenchOptions
from emulator.bench.presets import preset, presets
from emulator.bench.repeat import repeat_command
from emulator.bench.store import read_results
from emulator.options import RunOptions
from emulator.overlays import overlay_class
from emulator.system.errors import EmulationError, UnknownNameError
from gtsdsl.circuits import measured
from gtsdsl.cli.bench.choice import chosen_parts, find_parts, overridden
from gtsdsl.cli.bench.matrix_file import MatrixFile, read_matrix
from gtsdsl.cli.bench.parts import Benchmark, benchmark_of
from gtsdsl.cli.network import NetworkOptions
from gtsdsl.diagnostics import GtsError
from gtsdsl.source import Source
from tests.emulator.bench.samples import result, results_of
from tests.emulator.samples import MESH, ROOT, Cli

TWO = """\
topology = "a.dsl"
overlays = ["none", "geneve"]
duration = 5
latency.interval_s = 0.5

[[parts]]
name = "near"
circuits = ["AMS-MIL"]
workloads = ["latency"]

[[parts]]
name = "far"
topology = "b.dsl"
overlays = ["none"]
duration = 20
set = { n = 3 }
latency.interval_s = 2
"""
STUDY = "seed-2016"
TABLE = str(ROOT / "examples" / "cost_table.toml")


def read(text: str) -> MatrixFile:
    return read_matrix(Source("bench.toml", text))


@pytest.fixture
def command() -> click.Context:
    """A command without arguments, whose options a file decides."""
    return click.Context(click.Command("run"))


def study(command: click.Context, *names: str, bench: BenchOptions | None = None) -> Benchmark:
    """Return the benchmark of the study, or of some parts of it."""
    with command:
        parts = chosen_parts(find_parts(None, None, STUDY, allow_programs=False), names)
        return benchmark_of(parts, bench or BenchOptions(), NetworkOptions())


def test_a_part_has_what_the_file_says_where_it_says_nothing_itself() -> None:
    near, far = read(TWO).resolved()
    assert (near.name, near.topology, near.values["duration"]) == ("near", Path("a.dsl"), 5)
    assert near.settings == {"latency.interval_s": "0.5"}
    assert (far.name, far.topology, far.values["overlays"]) == ("far", Path("b.dsl"), ("none",))
    assert (far.values["duration"], far.values["set"], far.settings) == (20, ("n=3",), {"latency.interval_s": "2"})


def test_a_file_without_parts_is_its_only_part() -> None:
    (only,) = read('topology = "a.dsl"').resolved()
    assert (only.name, only.topology) == ("", Path("a.dsl"))


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("parts = 4", "1:9", "this must be an array of tables: [[parts]]"),
        ("parts = []", "1:9", "a benchmark has 1 to 100 parts, not 0"),
        ("[[parts]]\nseed = 3", None, "this part has no name"),
        ('[[parts]]\nname = "a,b"', "2:8", "a part's name has 1 to 60 letters"),
        ('[[parts]]\nname = "a"\n[[parts]]\nname = "a"', "4:8", "another part has the name `a`"),
        ('[[parts]]\nname = "a"\nworkers = 3', "3:1", "`workers` is for the whole benchmark"),
        ('[[parts]]\nname = "a"\nclock = "real"', "3:1", "`clock` is for the whole benchmark"),
        ('[[parts]]\nname = "a"\noverlais = 3', "3:1", "unknown key `overlais`"),
        ('[[parts]]\nname = "a"\nlatency.interval_s = "x"', "3:22", "is not a number"),
        ('[[parts]]\nname = "a"\n[[parts.parts]]\nname = "b"', "3:9", "a file cannot set `parts`"),
    ],
)
def test_what_is_wrong_in_a_part_has_its_place(text: str, place: str | None, message: str) -> None:
    source = Source("bench.toml", text)
    with pytest.raises(GtsError) as caught:
        read_matrix(source)
    found = caught.value.diagnostics[0]
    assert message in found.message
    if place is not None:
        assert found.place is not None
        line, column = source.position(source.span(found.place).start)
        assert f"{line}:{column}" == place


def test_a_part_without_a_topology_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bench.toml"
    file.write_text('[[parts]]\nname = "near"')
    with pytest.raises(GtsError, match="the part near names no topology"):
        find_parts(str(file), None, None, allow_programs=False)
    (part,) = find_parts(str(MESH), str(file), None, allow_programs=False)
    assert part.topology == Path(MESH)


def test_parts_are_chosen_by_their_names() -> None:
    parts = read(TWO).resolved()
    assert [part.name for part in chosen_parts(parts, ("far",))] == ["far"]
    assert chosen_parts(parts, ()) == parts
    with pytest.raises(click.BadParameter, match="there is no part fat; did you mean `far`"):
        chosen_parts(parts, ("fat",))


@pytest.mark.parametrize("name", presets())
def test_a_preset_says_only_what_a_users_own_file_may_say(name: str, tmp_path: Path) -> None:
    shutil.copytree(preset(name).parent, tmp_path, dirs_exist_ok=True)
    own = find_parts(str(tmp_path / f"{name}.toml"), None, None, allow_programs=False)
    shipped = find_parts(None, None, name, allow_programs=False)
    for mine, its in zip(own, shipped, strict=True):
        assert (mine.name, mine.settings) == (its.name, its.settings)
        assert _with_files_in(tmp_path, mine) == _with_files_in(preset(name).parent, its)


def _with_files_in(folder: Path, part: MatrixFile) -> dict[str, object]:
    """Return the values of a part, whose files are named from the folder on."""
    return {
        key: str(Path(value).relative_to(folder)) if key == "scenario" and isinstance(value, str) else value
        for key, value in part.values.items()
    }


def test_the_study_has_its_circuits_overlays_and_topologies(command: click.Context) -> None:
    found = study(command)
    assert (found.left_out, len(found.topologies)) == ((), 4)
    latency = [cell for cell in found.cells if cell.part.startswith("latency")]
    assert {tuple(sorted(cell.circuit.split("-"))) for cell in latency} == set(measured())
    assert {cell.network for cell in latency} == {"pair"}
    places = {(cell.overlay.partition(":")[0], cell.level) for cell in latency}
    assert places == {
        ("none", "hosts"), *((name, "containers") for name in ("none", "libnetwork", "weave", "flannel", "calico")),
    }  # fmt: skip
    rtts = {
        cell.task.plan.testbed: cell.task.plan.circuits[0].rtt_ns for cell in found.cells if cell.network == "whole"
    }
    assert rtts == {
        "Star": 17_400_000,
        "FullMesh_Dispersed": 36_200_000,
        "FullMesh_Local": 100_000,
        "PointToPoint_AMS_BRA": 17_400_000,
    }
    assert len({cell.label for cell in found.cells}) == len(found.cells)


def test_the_study_as_it_measured_gives_the_three_overlays_their_own_delays(command: click.Context) -> None:
    found = study(command, "latency", bench=BenchOptions(as_measured=True))
    rtts = {cell.overlay.partition(":")[0]: cell.task.plan.circuits[0].rtt_ns for cell in found.cells
            if cell.circuit == "AMS-MIL"}  # fmt: skip
    assert rtts == {
        "none": 36_200_000,
        "libnetwork": 36_300_000,
        "weave": 36_200_000,
        "flannel": 42_500_000,
        "calico": 36_200_000,
    }


def test_the_study_has_costs_in_the_parts_of_processors_only(command: click.Context) -> None:
    found = study(command)
    costly = [cell for cell in found.cells if cell.task.plan.cpu is not None]
    assert {cell.part for cell in costly} == {"processors", "noisy neighbours"}
    assert all(cell.part not in {"processors", "noisy neighbours"} for cell in found.cells if cell not in costly)
    (table,) = found.cost_tables
    assert (table.name, table.sha256) == ("study-2016", hashlib.sha256(table.text.encode()).hexdigest())
    variants = {cell.variant.words for cell in costly if cell.part == "processors"}
    shares = ("1", "0.5", "0.25", "0.07")
    assert variants == {f"cpus {cpus}, offload {offload}" for cpus in shares for offload in ("on", "off")}
    for cell in costly:
        cpu, variant = cell.task.plan.cpu, cell.variant
        assert cpu is not None
        assert cpu.offload == (variant.offload == "on")
        assert {*cpu.cpus.values()} == {float(variant.cpus)}
        left = [] if cell.task.scenario is None else [it.share for it in cell.task.scenario.events]
        assert [it.cpus for it in left if it] == ([0.25, 0.25] if cell.part == "noisy neighbours" else [])
        (*_, share, offload, _, _, _) = repeat_command(results_of(), replace(result(), variant=variant))
        assert (share, offload) == (f"--each-cpus={variant.cpus}", f"--each-offload={variant.offload}")
    assert len({sha256_of_task(cell.task) for cell in costly}) == len(costly)


COMPARED = f'topology = "{MESH}"\noverlays = ["none"]\ncircuits = ["AMS-MIL"]\nworkloads = ["latency"]\n'


def test_parts_that_compare_processors_need_a_cost_table(command: click.Context) -> None:
    parts = read(f'{COMPARED}[[parts]]\nname = "a"\n[[parts]]\nname = "b"\neach-cpus = ["1"]\n').resolved()
    parts = tuple(replace(part, topology=Path(MESH)) for part in parts)
    with command:
        found = benchmark_of(parts, BenchOptions(), NetworkOptions())
        assert [cell.part for cell in found.cells] == ["a"]
        assert found.left_out == ("the part b is left out, because it needs a cost table: add --cpu-model",)
        with pytest.raises(EmulationError, match="the part b is left out, because it needs a cost table"):
            benchmark_of(parts[1:], BenchOptions(), NetworkOptions())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"each_cpus": ("1",)}, "without a cost table, packets cost no time: add --cpu-model"),
        ({"each_offload": ("of",)}, "`of` is neither on nor off"),
        ({"each_offload": ("on",), "offload": "off", "cpu_model": TABLE}, "the offload is given twice: omit --offload"),
        ({"each_cpus": ("0",), "cpu_model": TABLE}, "0: the least is 0.01 of a processor"),
        ({"each_cpus": ("3",), "cpu_model": TABLE}, "has 2 cores in the cost table"),
        ({"each_cpus": ("h9=1",), "cpu_model": TABLE}, "processors of h9: there is no such host"),
        ({"each_cpus": ("1",), "cpus": ("0.5",), "cpu_model": TABLE}, "the processors are given twice"),
        ({"overlays": ("weave",), "cpu_model": TABLE}, "has no cost for openvswitch"),
    ],
)
def test_processors_that_make_no_sense_are_refused(
    command: click.Context, changes: dict[str, Any], message: str
) -> None:
    of_network = {name: changes.pop(name) for name in ("cpu_model", "cpus", "offload") if name in changes}
    changes = {"overlays": ("none",), "circuits": ("AMS-MIL",), "workloads": ("latency",), **changes}
    with command, pytest.raises((EmulationError, click.ClickException), match=message):
        benchmark_of((MatrixFile(Path(MESH)),), BenchOptions(**changes), NetworkOptions(**of_network))


def test_a_mistake_of_processors_names_the_option_and_the_same_ones_are_measured_once(command: click.Context) -> None:
    bench = BenchOptions(overlays=("none",), circuits=("AMS-MIL",), workloads=("latency",))
    part, network = MatrixFile(Path(MESH)), NetworkOptions(cpu_model=TABLE)
    with command:
        with pytest.raises(click.BadParameter) as caught:
            benchmark_of((part,), replace(bench, each_cpus=("1", "0")), network)
        assert caught.value.param_hint == "--each-cpus"
        found = benchmark_of((part,), replace(bench, each_cpus=("1", "1"), each_offload=("on", "on")), network)
        assert [cell.variant.words for cell in found.cells] == ["cpus 1, offload on"]


def test_an_overlay_whose_stages_the_table_lacks_is_left_out(command: click.Context) -> None:
    bench = BenchOptions(overlays=("none", "weave"), circuits=("AMS-MIL",), workloads=("latency",))
    with command:
        found = benchmark_of((MatrixFile(Path(MESH)),), bench, NetworkOptions(cpu_model=TABLE))
    assert [cell.overlay for cell in found.cells] == ["none"]
    assert found.left_out == (f"weave is left out: the cost table {TABLE} has no cost for openvswitch",)


def test_no_part_as_the_study_measured_it_is_refused(command: click.Context) -> None:
    with pytest.raises(EmulationError, match="the study measured libnetwork, weave and flannel; none of them is here"):
        study(command, "latency of the machines", bench=BenchOptions(as_measured=True))


def test_options_of_the_command_come_before_those_of_a_part(gtsdsl: Cli, tmp_path: Path) -> None:
    done = gtsdsl("bench", "--like", STUDY, "--overlays", "flanell", "-o", str(tmp_path / "report"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown overlay flanell" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--like", "seed-2015"], "--like: there is no benchmark seed-2015; did you mean `seed-2016`"),
        (["mesh.dsl", "--like", STUDY], "--like seed-2016 has its own topologies and options: omit the file"),
        (["--like", STUDY, "--parts", "latenzy"], "there is no part latenzy; did you mean `latency`"),
    ],
)
def test_what_is_not_there_is_said(gtsdsl: Cli, arguments: list[str], message: str) -> None:
    done = gtsdsl("bench", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.usefixtures("guest_kernel")
def test_a_cell_of_the_study_is_measured_and_can_be_repeated(gtsdsl: Cli, tmp_path: Path) -> None:
    part = ["--parts", "latency", "--circuits", "BRA-AMS", "--overlays", "weave", "--as-measured"]
    report = tmp_path / "report"
    done = gtsdsl("bench", "--like", STUDY, *part, "--setting", "latency.tools=echo", "-o", str(report))
    assert done.returncode == 0, done.stderr
    assert "latency: AMS-BRA point to point  weave:fastdp  containers" in done.stdout
    results = read_results(report)
    (cell,) = results.cells
    assert cell.measured is not None
    assert cell.measured.figure("rtt.min") == pytest.approx(17400, rel=0.01)
    assert cell.measured.figure("rtt.mean") == pytest.approx(17700, rel=0.01)
    again = gtsdsl(*repeat_command(results, cell)[1:])
    assert again.returncode == 0, again.stderr
    tables = [found.stdout.partition("the report: ")[0] for found in (done, again)]  # without the report's path
    assert tables[0] == tables[1] != ""


@pytest.mark.usefixtures("guest_kernel")
def test_a_kept_cell_is_that_of_each_part_that_has_it(gtsdsl: Cli, tmp_path: Path) -> None:
    file, report = tmp_path / "bench.toml", tmp_path / "report"
    shutil.copy(MESH, tmp_path / "mesh.dsl")
    part = 'topology = "mesh.dsl"\ncircuits = ["AMS-MIL"]\noverlays = ["none"]\nworkloads = ["latency"]\nduration = 2\n'
    for name in ("one", "two"):
        file.write_text(f'{part}[[parts]]\nname = "{name}"\n')
        done = gtsdsl("bench", str(file), "-o", str(report))
        assert done.returncode == 0, done.stderr
        (cell,) = read_results(report).cells
        assert cell.part == name
    assert len(list((report / "cells").iterdir())) == 1


def test_docker_without_a_store_has_a_swarm(monkeypatch: pytest.MonkeyPatch) -> None:
    for version, variant in (("20.10.24", "kv"), ("28.2.2", "swarm"), ("", "kv")):
        monkeypatch.setattr("emulator.docker.programs.version", lambda found=version: found)
        assert overlay_class("libnetwork").default_variant() == variant


def test_run_options_are_those_of_the_file(command: click.Context) -> None:
    with command:
        assert overridden(RunOptions(), read('clock = "real"')).clock == "real"
    with pytest.raises(UnknownNameError):
        preset("x")


def test_the_plan_of_a_part_has_the_options_of_the_network(command: click.Context) -> None:
    options = NetworkOptions(mtus=("AMS-MIL=600",), ipv4_only=True)
    with command:
        cells = benchmark_of(find_parts(str(MESH), None, None, allow_programs=False), BenchOptions(), options).cells
    sizes = {circuit.mtu_bytes for cell in cells for circuit in cell.task.plan.circuits}
    assert 600 in sizes
