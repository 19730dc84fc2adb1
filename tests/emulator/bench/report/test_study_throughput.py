"""The section with the study's table of throughput: its figures, and ours beside them."""

from __future__ import annotations

from dataclasses import replace

from emulator.bench.report.build import report_of
from emulator.bench.report.model import Table
from emulator.bench.report.study_throughput import study_throughput
from emulator.bench.results import CellResult, Results
from emulator.workloads.model import Figure, WorkloadResult
from tests.emulator.bench.report.test_processors import cell
from tests.emulator.bench.samples import results_of


def free(overlay: str) -> CellResult:
    """Return a cell of throughput without a cost table."""
    figures = (Figure("tcp.received", 940.0, "Mbit/s"), Figure("udp.900M.received", 899.5, "Mbit/s"))
    return replace(cell(overlay, 1, 0), circuit="AMS-BRA", cpu=None, scenario=(), measured=WorkloadResult({}, figures))


def table(results: Results) -> Table:
    section = study_throughput(results)
    assert section is not None
    (found,) = (block for block in section.blocks if isinstance(block, Table))
    return found


def test_our_figures_stand_beside_the_studys() -> None:
    costly = replace(cell("flannel:vxlan", 120.0, 90.0, cpus=0.07), circuit="AMS-BRA")
    found = table(results_of(free("none"), free("flannel:vxlan"), costly))
    blank = ("–", "–")
    assert found.rows == (
        ("AMS–BRA", "study, hosts", "148.9", "225.5", "188.5", "255.4", "187.2", "267.0"),
        ("AMS–BRA", "here, no overlay, packets cost nothing", *(("940.0", "899.5") * 3)),
        ("AMS–BRA", "study, containers", "207.1", "109.9", "209.8", "128.9", "169.8", "127.8"),
        ("AMS–BRA", "here, packets cost nothing", *blank, *blank, "940.0", "899.5"),
        ("AMS–BRA", "here, 0.07 cores, offload on", *blank, *blank, "120.0", "90.0"),
    )


def test_the_section_needs_a_circuit_and_an_overlay_of_the_study() -> None:
    assert study_throughput(results_of(free("none"))) is None
    assert study_throughput(results_of(replace(free("flannel:vxlan"), circuit="h1-h2"))) is None
    names = [section.title for section in report_of(results_of(free("flannel:vxlan"))).sections]
    assert "Throughput beside the study of 2016" in names


def test_what_is_said_of_the_study_follows_from_its_figures() -> None:
    section = study_throughput(results_of(free("flannel:vxlan")))
    assert section is not None
    text = str(section.blocks[1])
    assert "0.08 to 0.55" in text
    assert "14 of them" in text
