"""Results to a report, and a report to the files of its folder."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from emulator.bench.report.clocks import clocks
from emulator.bench.report.convergence import convergence, store
from emulator.bench.report.differences import differences
from emulator.bench.report.encapsulation import encapsulation
from emulator.bench.report.groups import overlays
from emulator.bench.report.html import to_html
from emulator.bench.report.latency import latency
from emulator.bench.report.markdown import to_markdown
from emulator.bench.report.model import Block, DotPlot, LinePlot, Picture, Report, Section
from emulator.bench.report.numbers import listed
from emulator.bench.report.others import others
from emulator.bench.report.processors import processors
from emulator.bench.report.ran import maps, ran, repeat
from emulator.bench.report.streaming import streaming
from emulator.bench.report.study import study
from emulator.bench.report.study_throughput import study_throughput
from emulator.bench.report.summary import summary
from emulator.bench.report.throughput import throughput
from emulator.bench.results import Results
from emulator.system.decode import encode
from gtsdsl.machine import missing_package
from gtsdsl.text import printable

PAGE = "index.html"
TEXT = "report.md"
_PACKAGES = ("altair", "vl_convert")
_DISTRIBUTIONS = {"vl_convert": "vl-convert-python"}


def report_of(results: Results) -> Report:
    """Return the report of a benchmark."""
    plain = _without_variants(results)
    main = plain if plain.cells else results
    parts = (
        summary(main), study(main), differences(main), latency(main), throughput(plain),
        study_throughput(results), processors(results),
        streaming(main), convergence(main), store(main), encapsulation(main), *others(main),
        maps(results), ran(results), clocks(results), repeat(results),
    )  # fmt: skip
    origin = results.origin
    testbeds = list(dict.fromkeys(printable(cell.testbed, 60) for cell in results.cells))
    commit = f" ({origin.commit})" if origin.commit else ""
    machine = f"{origin.machine.processor}, {origin.machine.system}"
    return Report(
        title=f"Overlays on {listed(testbeds[:5]) or 'no topology'}",
        subtitle=f"{origin.started}, gtsdsl {origin.gtsdsl}{commit}, {machine}",
        overlays=overlays(results.cells),
        made_from=made_from(results),
        sections=tuple(_with_names(section for section in parts if section is not None)),
    )


def _without_variants(results: Results) -> Results:
    """Return results without the throughput that compares processors, which has a section of its own."""
    cells = tuple(cell for cell in results.cells if cell.workload != "throughput" or not cell.variant.words)
    return replace(results, cells=cells)


def _with_names(sections: Iterable[Section]) -> Iterator[Section]:
    """Yield sections whose pictures have names of their own, because circuits of other names may have the same slug."""
    seen: set[str] = set()

    def named(block: Block) -> Block:
        if not isinstance(block, LinePlot | DotPlot | Picture):
            return block
        names = itertools.chain([block.name], (f"{block.name}-{number}" for number in itertools.count(2)))
        name = next(name for name in names if name not in seen)
        seen.add(name)
        return replace(block, name=name)

    for section in sections:
        yield replace(section, blocks=tuple(map(named, section.blocks)))


def made_from(results: Results) -> str:
    """Return the hash of all that a report is made from, but for the time at which the benchmark was started.

    So the page of a benchmark of which no cell ran again stays as it is.
    """
    digest = hashlib.sha256(encode(replace(results, origin=replace(results.origin, started=""))))
    for path in sorted(Path(__file__).parent.iterdir()):
        if path.is_file():
            digest.update(path.read_bytes())
    for name in _PACKAGES:
        digest.update(_version(name).encode())
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return metadata.version(_DISTRIBUTIONS.get(package, package))
    except metadata.PackageNotFoundError:
        return ""


def files_of(report: Report) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of a report's files, the page last. Without Altair, there are no plots."""
    missing = _missing()
    drawn: dict[str, str] = {}
    for section in report.sections:
        for block in section.blocks:
            if isinstance(block, Picture):
                yield f"plots/{block.name}.svg", block.svg.encode()
            elif isinstance(block, LinePlot | DotPlot) and missing is None:
                from emulator.bench.report.vega import draw

                found = draw(block, block.names or report.overlays)
                drawn[block.name] = found.svg
                yield f"plots/{block.name}.svg", found.svg.encode()
                yield f"plots/{block.name}.pdf", found.pdf
                yield f"plots/{block.name}.png", found.png
    yield TEXT, to_markdown(report, drawn, missing).encode()
    yield PAGE, to_html(report, drawn, missing).encode()


def _missing() -> str | None:
    """Return the sentence for a report without plots; None if the packages that draw them are installed."""
    missing = next((name for name in _PACKAGES if find_spec(name) is None), None)
    return None if missing is None else f"There are no plots, because {missing_package(missing)}"
