"""The section about what the benchmark's clock cannot see."""

from __future__ import annotations

from emulator.bench.report.model import Bullets, Code, Paragraph, Section
from emulator.bench.results import Results

_CANNOT = {
    "virtual": (
        "Computing takes no time. Which overlay needs more processor time, encrypts faster or forwards more packets a "
        "second cannot be seen.",
        "A throughput is what circuits, queues and protocols allow. On a slow processor it is less, above all for "
        "overlays that forward in a program (flannel:udp, weave:sleeve, nebula).",
        "Reading the clock costs 256 ns, so a round trip can be off by up to 1 µs. Beside etcd or dockerd, a single "
        "echo can be 20 µs late.",
        "Hardware does not take part: no offloading by network cards, no interrupts, no other machine's traffic.",
    ),
    "skip": (
        "Computing counts in steps of 1 ms only, so the work on a packet costs nothing, as in the virtual clock.",
        "The load of this machine counts in long computations: figures differ from run to run.",
    ),
    "real": (
        "A packet is late by the time for which this machine was busy, with other cells of this benchmark too.",
        "The figures are this machine's: another processor gives others.",
        "In a guest, the coarse timers add a few tenths of a millisecond.",
    ),
}


def clocks(results: Results) -> Section | None:
    """Return the section; None if no cell says its clock."""
    names = list(dict.fromkeys(cell.environment.clock for cell in results.cells if cell.environment is not None))
    blocks: list[Paragraph | Bullets] = []
    for name in names:
        if name in _CANNOT:
            blocks.append(Paragraph(("In the clock ", Code(name), ":")))
            blocks.append(Bullets(tuple((text,) for text in _CANNOT[name])))
    if models := list(dict.fromkeys(cell.cpu.label for cell in results.cells if cell.cpu is not None)):
        blocks.append(Paragraph(("Packets take processor time on the hosts, by a cost table:",)))
        blocks.append(Bullets(tuple((model,) for model in models)))
    return Section("clock", "What this clock cannot see", tuple(blocks)) if blocks else None
