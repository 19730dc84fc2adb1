"""The section about processor time: its sentences follow from the figures, and say the opposite if these do."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from emulator.bench.report.build import report_of
from emulator.bench.report.cases import cases_of
from emulator.bench.report.model import Bullets, DotPlot, LinePlot, Paragraph, Section, Table
from emulator.bench.report.processors import processors
from emulator.bench.results import CellResult, CostTableText, Processors, Results, Variant
from emulator.workloads.model import Figure, WorkloadResult
from gtsdsl.scenario.outcome import Happening
from tests.emulator.bench.samples import result, results_of
from tests.emulator.samples import ROOT

TEXT = (ROOT / "examples" / "cost_table.toml").read_text()
TABLE = CostTableText("round.toml", hashlib.sha256(TEXT.encode()).hexdigest(), TEXT)
STAGES = {"none": ("nic", "socket"), "flannel:vxlan": ("nic", "veth", "socket", "bridge", "forward", "vxlan")}
LIMIT = 950.0


def cell(
    overlay: str, tcp: float, lost: float, *, cpus: float = 1.0, offload: bool = True, neighbours: bool = False
) -> CellResult:
    """Return a cell of throughput with costs, of which UDP at 900 Mbit/s loses a part in percent."""
    received = 900 * (1 - lost / 100)
    figures = [
        *(("tcp.received", tcp, "Mbit/s"), ("tcp.limit", LIMIT, "Mbit/s"), ("udp.10M.received", 10.0, "Mbit/s")),
        *(("udp.10M.lost", 0.0, "%"), ("udp.900M.received", received, "Mbit/s"), ("udp.900M.lost", lost, "%")),
        ("udp.knee", received if lost > 1 else 1200.0, "Mbit/s"),
        *([] if offload else [("tcp.knee", 1.25 * tcp, "Mbit/s")]),
    ]
    return replace(
        result(overlay),
        workload="throughput",
        measured=WorkloadResult({}, tuple(Figure(*it) for it in figures)),
        cpu=Processors(TABLE.name, TABLE.sha256, offload, {"h1": cpus, "h2": 2.0}, STAGES[overlay]),
        variant=Variant(f"{cpus:g}", "on" if offload else "off"),
        part="noisy neighbours" if neighbours else "processors",
        scenario=(Happening(0, 512, "h1: cpus 0.25"),) if neighbours else (),
    )


def measured(*cells: CellResult) -> Results:
    return replace(results_of(*cells), cost_tables=(TABLE,))


def section(*cells: CellResult) -> Section:
    found = processors(measured(*cells))
    assert found is not None
    return found


def sentences(found: Section) -> list[str]:
    """Return the answer and what was found, without the parts that are typed."""
    texts = []
    for block in found.blocks:
        if isinstance(block, Paragraph) and block.tone == "lead":
            texts.append("".join(it for it in block.parts if isinstance(it, str)))
        elif isinstance(block, Bullets):
            texts += ["".join(it for it in item if isinstance(it, str)) for item in block.items]
    return texts


def test_udp_that_loses_what_tcp_does_not_is_the_anomaly() -> None:
    found = section(
        *(cell("none", 905, 0.2), cell("none", 900, 0.3, offload=False)),
        *(cell("flannel:vxlan", 900, 36), cell("flannel:vxlan", 360, 36.4, offload=False)),
        *(cell("none", 905, 0.2, cpus=2), cell("flannel:vxlan", 900, 0, cpus=2)),
    )
    answer, two, one, offload, udp, tcp, threshold, never = sentences(found)
    assert answer.startswith(
        "The study of 2016 saw UDP lose over overlays what TCP did not, and its authors suspected "
    )
    assert answer.endswith("that happens with 1 core (over flannel:vxlan), and not with 2 cores.")
    assert two == (
        "2 cores: UDP at 900 Mbit/s loses less than 1 % over none and flannel:vxlan. "
        "TCP with offload reaches 94.7 to 95.3 % of what the circuit allows."
    )
    assert one == (
        "1 core: UDP at 900 Mbit/s loses 36 % over flannel:vxlan, and less than 1 % over none. "
        "TCP with offload reaches 94.7 % of what the circuit allows over flannel:vxlan, so UDP loses what TCP does not."
    )
    assert offload == (
        "Offload, 1 core: TCP is 1.01 to 2.5 times as fast with it as without. The lost part of UDP differs by at most "
        "0.4 percentage points. So it helps TCP over flannel:vxlan, and not UDP."
    )
    assert udp.startswith("The formula of UDP's knee: in 2 of 6 cases")
    assert udp.endswith("differs from the formula by 0 %.")
    assert "in 1 case, " in tcp
    assert "differs from the formula by −20 %" in tcp
    assert "loses with fewer cores than these: 0.75 over none. Costs" in threshold
    assert never == "By the formula, UDP at the highest rate loses over flannel:vxlan with any number of cores."


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([cell("none", 905, 0), cell("flannel:vxlan", 880, 0)], "that does not happen with 1 core."),
        ([cell("flannel:vxlan", 300, 36)], "that does not happen with 1 core."),
        ([cell("flannel:vxlan", 300, 36)], "over flannel:vxlan, so TCP is slow there, too."),
        (
            [cell("flannel:vxlan", 880, 36), cell("flannel:vxlan", 870, 60, offload=False)],
            "So it helps UDP, and not TCP.",
        ),
        ([cell("flannel:vxlan", 880, 36), cell("flannel:vxlan", 300, 60, offload=False)], "So it helps TCP, and UDP."),
        (
            [cell("flannel:vxlan", 880, 36), cell("flannel:vxlan", 880, 36, offload=False)],
            "Offload, 1 core: TCP is as fast with it as without. The lost part of UDP differs by at most 0 percentage "
            "points. So it helps neither.",
        ),
        (
            [cell("none", 900, 0), cell("none", 450, 20, neighbours=True)],
            "The neighbours (noisy neighbours) beside 1 core without them: UDP loses over none, where it did not; TCP "
            "has 50 % of its rate.",
        ),
        (
            [cell("none", 900, 0), cell("none", 900, 0, neighbours=True)],
            "beside 1 core without them: UDP loses over no further overlay; TCP has 100 % of its rate.",
        ),
    ],
)
def test_other_figures_say_something_else(cells: list[CellResult], expected: str) -> None:
    assert any(text.endswith(expected) for text in sentences(section(*cells))), sentences(section(*cells))


def test_plots_have_a_line_for_each_setup_and_the_knees_of_the_formula() -> None:
    found = section(
        *(cell("none", 905, 0), cell("none", 905, 40, cpus=0.5), cell("none", 900, 20, neighbours=True)),
        *(cell("none", 800, 0, offload=False), cell("flannel:vxlan", 900, 36)),
    )
    plots = [block for block in found.blocks if isinstance(block, LinePlot)]
    assert [plot.title for plot in plots] == ["UDP over none", "UDP over flannel:vxlan"]
    assert [line.overlay for line in plots[0].lines] == ["1 core", "0.5 cores", "1 core, noisy neighbours"]
    assert [(mark.label, mark.x) for mark in plots[0].marks] == [("knee, 0.5 cores", 540.0)]
    assert plots[0].names == plots[1].names == ("1 core", "0.5 cores", "1 core, noisy neighbours")
    dots = [block for block in found.blocks if isinstance(block, DotPlot)]
    assert [plot.title for plot in dots] == ["TCP, 1 core", "TCP, 0.5 cores", "TCP, 1 core, noisy neighbours"]
    assert [(dot.category, dot.overlay, dot.limit) for dot in dots[0].dots] == [
        *(("none", "with offload", LIMIT), ("flannel:vxlan", "with offload", LIMIT)),
        ("none", "without offload", LIMIT),
    ]


def test_the_table_of_costs_has_its_sources_and_the_way_of_each_overlay() -> None:
    free = TEXT.replace("[stages.bridge]\npacket_ns = 1000", "[stages.bridge]\npacket_ns = 0")
    results = measured(cell("none", 905, 0), cell("flannel:vxlan", 900, 36))
    found = processors(replace(results, cost_tables=(replace(TABLE, text=free),)))
    assert found is not None
    costs, ways = [block for block in found.blocks if isinstance(block, Table)][1:]
    assert costs.rows[0] == ("nic", "1,000", "0", "–", "a round figure")
    assert ("socket", "9,000", "0", "9,000 ns + 0.1 ns/B", "a round figure") in costs.rows
    assert [row[0::2] for row in ways.rows] == [("none", "10"), ("flannel:vxlan", "19.15")]
    (sure,) = [block for block in found.blocks if isinstance(block, Paragraph) and "How sure?" in str(block.parts[0])]
    assert "Stages that cost nothing in it, for the reason that their source gives: bridge." in str(sure.parts[0])
    assert "It has no intervals" in str(sure.parts[0])


def test_a_cost_table_that_is_no_table_is_said() -> None:
    results = replace(measured(cell("none", 905, 0)), cost_tables=(replace(TABLE, text="[stages]\nx = 1"),))
    found = processors(results)
    assert found is not None
    assert any("cannot be read" in str(block.parts[0]) for block in found.blocks if isinstance(block, Paragraph))


def test_the_main_sections_leave_out_what_compares_processors() -> None:
    plain = replace(cell("none", 905, 0), cpu=None, variant=Variant(), part="throughput")
    report = report_of(measured(plain, cell("none", 905, 0), cell("none", 100, 50, cpus=0.5)))
    (throughput,) = [it for it in report.sections if it.anchor == "throughput"]
    (table, *_) = [block for block in throughput.blocks if isinstance(block, Table)]
    assert [row[0] for row in table.rows] == ["AMS-MIL"]
    assert "processors" in [it.anchor for it in report.sections]
    only = report_of(measured(cell("none", 905, 0), cell("none", 100, 50, cpus=0.5)))
    assert "throughput" not in [it.anchor for it in only.sections]
    assert cases_of(measured(plain)) == ()
    assert "processors" not in [it.anchor for it in report_of(measured(plain)).sections]
