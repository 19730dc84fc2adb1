"""The section about processor time: what a cost table says of UDP, TCP and offload, and what that rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emulator.bench.report.anomaly import answer, findings
from emulator.bench.report.cases import KEPT_PERCENT, LOST_PERCENT, Case, cases_of, main_cases, setups, under
from emulator.bench.report.groups import overlays
from emulator.bench.report.model import Axis, Block, Code, Dot, DotPlot, Line, LinePlot, Mark, Paragraph, Section, Table
from emulator.bench.report.numbers import MISSING, listed, number, slug
from emulator.bench.results import CostTableText, Results
from emulator.cpu.model import CpuModel, missing_stages
from emulator.cpu.reader import parse_table
from emulator.cpu.table import Cost, CostTable, Interval
from gtsdsl.diagnostics import GtsError
from gtsdsl.source import Source
from gtsdsl.text import printable

_MOST_OVERLAYS = 12
"""The most overlays that have a plot of their own. Tables have all."""
_FRAME_BYTES = 1514
_ON, _OFF = "with offload", "without offload"


def processors(results: Results) -> Section | None:
    """Return the section; None if no throughput was measured with a cost table."""
    cases = cases_of(results)
    if not cases:
        return None
    blocks: list[Block] = [answer(cases), *findings(cases), _rules(), *_udp(cases), *_tcp(cases), _table(cases)]
    blocks += _rests(results, cases)
    return Section("processors", "Processor time", tuple(blocks))


def _rules() -> Paragraph:
    return Paragraph(
        (
            f"UDP counts as losing from {LOST_PERCENT:g} % on, and TCP as not slowed down from {KEPT_PERCENT:g} % of "
            "what the circuit allows on. Dashed lines in plots of UDP are the knees of the formula: packets that are "
            "sent faster wait for a core, and some are lost. Ticks in plots of TCP are what the circuit and, without "
            "offload, the formula allow.",
        ),
        "note",
    )


def _udp(cases: Sequence[Case]) -> Iterator[LinePlot]:
    """Yield what arrived of UDP against what was sent, a plot for each overlay and a line for each setup."""
    every = setups(cases)
    names = tuple(setup.label for setup in every)
    for overlay in overlays([case.group for case in cases])[:_MOST_OVERLAYS]:
        found = [case for setup in every for case in main_cases(cases, setup) if case.overlay == overlay]
        lines = tuple(Line(case.setup.label, tuple(sorted(its.items()))) for case in found if (its := case.received))
        if not lines:
            continue
        most = max(rate for line in lines for rate, _ in line.points)
        knees = {case.setup.label: case.group.mean("udp.knee") for case in found if not case.setup.neighbours}
        marks = tuple(
            Mark(knee, printable(f"knee, {label}", 30)) for label, knee in knees.items() if knee and knee <= most
        )
        ends = "; ".join(f"{line.overlay} {number(dict(line.points).get(most), 1)}" for line in lines)
        formula = "; ".join(f"{label} {number(knee, 1)}" for label, knee in knees.items())
        about = f"At {number(most)} Mbit/s arrive, in Mbit/s: {ends}. Knees of the formula: {formula}."
        yield LinePlot(
            slug("udp-received", overlay),
            f"UDP over {printable(overlay, 40)}",
            about,
            Axis("sent, Mbit/s", from_zero=True),
            Axis("received, Mbit/s", from_zero=True),
            lines,
            is_marked=True,
            marks=marks,
            names=names,
        )


def _tcp(cases: Sequence[Case]) -> Iterator[DotPlot]:
    """Yield TCP with and without offload, a plot for each setup."""
    for setup in setups(cases):
        dots = []
        for has_offload, name in ((True, _ON), (False, _OFF)):
            for case in under(cases, setup, has_offload=has_offload):
                if case.tcp is not None:
                    limits = [it for it in map(case.group.mean, ("tcp.limit", "tcp.knee")) if it is not None]
                    limit = None if setup.neighbours else min(limits, default=None)
                    dots.append(Dot(case.overlay, name, case.tcp, limit=limit))
        if dots:
            said = "; ".join(f"{dot.category} {dot.overlay} {number(dot.value, 1)}" for dot in dots)
            axis = Axis("received, Mbit/s", from_zero=True)
            title = f"TCP, {setup.label}"
            yield DotPlot(
                slug("tcp-offload", setup.label), title, f"{said} (Mbit/s).", axis, "overlay", tuple(dots), (_ON, _OFF)
            )


def _table(cases: Sequence[Case]) -> Table:
    rows = []
    for setup in setups(cases):
        for case in (case for case in cases if case.setup == setup):
            received, lost = case.received, case.lost
            numbers = (
                case.tcp,
                case.group.mean("tcp.knee"),
                max(received.values(), default=None),
                case.group.mean("udp.knee"),
                lost[max(lost)] if lost else None,
            )
            rows.append(
                (setup.label, case.overlay, "on" if case.has_offload else "off", *(number(it, 1) for it in numbers))
            )
    headings = ("hosts", "overlay", "offload", "TCP", "TCP, formula", "most UDP", "knee, formula", "UDP lost, %")
    caption = "Throughput in Mbit/s, beside the formulas; the lost part is that at the highest rate"
    return Table(caption, headings, tuple(rows), heads=3)


def _rests(results: Results, cases: Sequence[Case]) -> Iterator[Block]:
    """Yield the cost tables, each with its sources, what packets of each overlay cost, and how sure that is."""
    for item in results.cost_tables:
        name = printable(item.name, 200)
        try:
            table = parse_table(Source(name, item.text))
        except GtsError as error:
            yield Paragraph((f"The cost table {name} of these results cannot be read: {error}",), "warning")
            continue
        its = [case for case in cases if case.group.cells[0].cpu is not None and _is_of(case, item)]
        if its:
            described = f": {table.description}" if table.description else ""
            yield Paragraph((f"What this rests on: the cost table {name}{described}.",))
            used = _used(table, its)
            yield _costs(table, used)
            yield _ways(table, its)
            yield _sureness(table, used)


def _is_of(case: Case, item: CostTableText) -> bool:
    cpu = case.group.cells[0].cpu
    return cpu is not None and cpu.sha256 == item.sha256


def _used(table: CostTable, cases: Sequence[Case]) -> list[str]:
    """Return the stages of a table that the packets of cases had, in the order of the table."""
    ways = {stage for case in cases if (cpu := case.group.cells[0].cpu) for stage in cpu.stages}
    ways |= {"rule"} if table.rules else set()
    return [name for name in table.stages if name in ways]


def _costs(table: CostTable, used: Sequence[str]) -> Table:
    rows = []
    for name in used:
        stage = table.stages[name]
        without = _cost_text(stage.of(offload=False)) if stage.without_offload is not None else MISSING
        costs = (
            number(stage.cost.packet_ns, 1) + _interval(stage.packet_ns_interval),
            number(stage.cost.byte_ns, 3) + _interval(stage.byte_ns_interval),
        )
        rows.append((name, *costs, without, printable(stage.source, 1000)))
    headings = ("stage", "a packet, ns", "a byte, ns", "without offload", "source")
    return Table("Costs of the stages that packets had, each with its source", headings, tuple(rows), texts=(4,))


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f" ({number(interval[0], 3)} to {number(interval[1], 3)})"


def _cost_text(cost: Cost) -> str:
    return f"{number(cost.packet_ns, 1)} ns + {number(cost.byte_ns, 3)} ns/B"


def _ways(table: CostTable, cases: Sequence[Case]) -> Table:
    rows = []
    for overlay in overlays([case.group for case in cases]):
        cpu = next(case.group.cells[0].cpu for case in cases if case.overlay == overlay)
        if cpu is not None and not missing_stages(table.stages, cpu.stages):
            models = (CpuModel.of(table, {}, offload=offload) for offload in (True, False))
            costs = (model.cost(cpu.stages).of(_FRAME_BYTES) for model in models)
            rows.append((overlay, ", ".join(cpu.stages), *(number(it / 1000, 2) for it in costs)))
    headings = ("overlay", "stages", "µs", "µs without offload")
    size = f"{_FRAME_BYTES:,}"
    caption = f"The way of a packet through a host, and its time on a whole core (a frame of {size} bytes)"
    return Table(caption, headings, tuple(rows), texts=(1,))


def _sureness(table: CostTable, used: Sequence[str]) -> Paragraph:
    free = [name for name in used if table.stages[name].cost == Cost()]
    with_interval = [name for name in used if table.stages[name].packet_ns_interval is not None]
    text = (
        "How sure? In the virtual clock, two runs differ by less than a tenth of a percent, and only beside real "
        "daemons. All else follows from the cost table, so the figures are as sure as the table. "
    )
    if with_interval:
        text += f"It has intervals for {len(with_interval)} of the {len(used)} stages that packets had. "
    else:
        text += "It has no intervals: each source says how its figure was found, and whether it is a bound. "
    if free:
        text += f"Stages that cost nothing in it, for the reason that their source gives: {listed(free)}. "
    return Paragraph(
        (
            text,
            "Take rates as upper bounds: the work of programs themselves is not in a model of packets. Its errors "
            "beside the real clock, and what else it leaves out, are in ",
            Code("docs/cpu.md"),
            ".",
        )
    )
