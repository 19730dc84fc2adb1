"""A fault and what it does to an overlay, as values and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from tests.emulator.samples import ROOT

PAGE = ROOT / "docs" / "faults.md"
DATA = ROOT / "docs" / "faults.json"
"""The figures of the page, which `python -m tests.emulator.overlays.faults --write` measures."""

Reached = tuple[int, int]
"""The number of pairs of containers that reach each other, and of all pairs."""


class Fault(StrEnum):
    """A fault over the five-site mesh, of which the value is the name in the data."""

    HOST = "host"
    """All circuits of h4 are down, and up again."""
    CIRCUIT = "circuit"
    """The circuit between h1 and h2 is down, and up again."""
    SILENCE = "silence"
    """The circuit between h1 and h2 loses all packets, and no interface is down."""
    STORE = "store"
    """The store is killed, and started again with its data."""
    HUB = "hub"
    """The agent of h1, on which the others depend, is killed and started again. Calico's BIRD is killed with it."""
    AGENT = "agent"
    """The agent of h2 is killed, and started again. Calico's BIRD is killed with it."""


@dataclass(frozen=True)
class Figures:
    """The effect of a fault, by echoes ten times a second. Times are in seconds of the virtual clock.

    ``others`` counts the pairs of containers that the fault is no part of, and ``affected`` those that it is, that
    answer at the end of the fault: in its last second, or before it in the time that a renewal of WireGuard may take.
    ``mended_s`` is how long the affected pairs took until they reached each other during the fault: 0 if they never
    stopped, None if they did not within the fault's time. ``detour_ms`` is the round trip between c1 and c2 at that
    end, if it is another than before. ``back_s`` is how long it took after the fault until all containers reached each
    other again, in the round trips of before.
    """

    others: Reached
    affected: Reached
    mended_s: float | None
    detour_ms: float | None
    back_s: float


def figures_of(value: Mapping[str, Any]) -> Figures:
    """Return figures from their JSON."""
    others, affected = tuple(value["others"]), tuple(value["affected"])
    return Figures(others, affected, value["mended_s"], value["detour_ms"], value["back_s"])


Table = dict[str, dict[Fault, Figures]]
"""The figures of each subject, by its name and by fault."""


def read_table() -> Table:
    """Return the figures that the page is made from."""
    found = json.loads(DATA.read_text()) if DATA.exists() else {}
    return {
        name: {Fault(fault): figures_of(value) for fault, value in faults.items()} for name, faults in found.items()
    }


def write_table(table: Table) -> None:
    """Write the figures that the page is made from."""
    found = {name: {fault: asdict(figures) for fault, figures in faults.items()} for name, faults in table.items()}
    DATA.write_text(json.dumps(found, indent=2) + "\n")
