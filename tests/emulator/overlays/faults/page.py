"""The tables of the page about faults, made from the figures."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.emulator.overlays.faults.bounds import bound, varies
from tests.emulator.overlays.faults.kinds import hub
from tests.emulator.overlays.faults.model import PAGE, Fault, Figures, Reached, Table, read_table
from tests.emulator.overlays.faults.scenario import AGENT_HOST, CUT_HOST, HUB_HOST
from tests.emulator.overlays.subjects import SUBJECTS, Subject

_ONE_PAIR = {Fault.CIRCUIT, Fault.SILENCE}
_HOST = {Fault.HOST: CUT_HOST, Fault.HUB: HUB_HOST, Fault.AGENT: AGENT_HOST}
_MARKED = re.compile(r"(<!-- figures of (\w+) -->\n).*?(<!-- end -->)", re.S)


def made_page() -> str:
    """Return the page with its tables made anew from the figures."""
    table = read_table()

    def filled(match: re.Match[str]) -> str:
        rows = "\n".join(_rows(Fault(match[2]), table))
        return f"{match[1]}\n{rows}\n\n{match[3]}"

    return _MARKED.sub(filled, PAGE.read_text())


def write_page() -> None:
    """Write the tables of the page."""
    PAGE.write_text(made_page())


def _rows(fault: Fault, table: Table) -> Iterator[str]:
    through = "c1 and c2" if fault in _ONE_PAIR else f"pairs of {_HOST.get(fault, '')}"
    if fault is Fault.STORE:
        yield "| `--overlay` | pairs that go on | recovers after | at most |"
        yield "| --- | --- | --- | --- |"
    else:
        yield f"| `--overlay` | other pairs that go on | {through}, during the fault | recovers after | at most |"
        yield "| --- | --- | --- | --- | --- |"
    for subject in SUBJECTS:
        if (figures := table.get(subject.name, {}).get(fault)) is not None:
            yield "| " + " | ".join(_cells(subject, fault, figures)) + " |"


def _cells(subject: Subject, fault: Fault, figures: Figures) -> Iterator[str]:
    role = hub(subject) if fault is Fault.HUB else None
    differs = " (differs by run)" if varies(subject, fault) else ""
    yield f"`{subject.name}`" + ("" if role is None else f", {role}")
    if fault is not Fault.STORE:
        yield _of(figures.others) + differs
    yield _meanwhile(fault, figures) + differs
    yield f"{figures.back_s:g} s"
    allowed = bound(subject, fault)
    yield f"{allowed.most_s:g} s: {allowed.reason}"


def _meanwhile(fault: Fault, figures: Figures) -> str:
    if figures.mended_s == 0.0:
        return _of(figures.affected) + ", without a gap"
    detour = "" if figures.detour_ms is None else f", round trip {figures.detour_ms:g} ms"
    if figures.mended_s is not None:
        reached = "answer again" if fault in _ONE_PAIR else _of(figures.affected)
        return f"{reached} after {figures.mended_s:g} s{detour}"
    return "cut off" if fault in _ONE_PAIR else _of(figures.affected)


def _of(reached: Reached) -> str:
    return f"{reached[0]} of {reached[1]}"
