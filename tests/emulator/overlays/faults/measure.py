"""The faults of one subject, brought about in a guest."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tests.emulator.overlays.faults import scenario
from tests.emulator.overlays.faults.bounds import renewal_s
from tests.emulator.overlays.faults.kinds import cut_s, faults_of, settle_s
from tests.emulator.overlays.faults.model import Fault, Figures, figures_of
from tests.emulator.overlays.guest import run
from tests.emulator.overlays.subjects import Subject


def measure(folder: Path, subject: Subject, family: Literal[4, 6] = 4) -> dict[Fault, Figures]:
    """Bring all faults that a subject can have about, one after the other, and return the figures of each.

    The figures are those of echoes of a ``family`` of addresses. With 6, the containers have both.
    """
    faults = [fault.value for fault in faults_of(subject)]
    parameters = {
        "faults": faults,
        "cut_s": cut_s(subject),
        "settle_s": settle_s(subject),
        "renewal_s": renewal_s(subject),
        "family": family,
    }
    options = [*subject.options, *(["--overlay-ipv6"] if family == 6 else [])]
    found = run(folder, "mesh", subject.argument, scenario.break_everything, *options, **parameters)
    return {Fault(fault): figures_of(value) for fault, value in found.items()}
