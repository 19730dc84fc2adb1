"""A host's `flavorId` to what it stands for: processors, memory, disk."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulator.system.errors import EmulationError
from gtsdsl.text import printable

_FORM = re.compile(r"c([1-9][0-9]{0,5})r([1-9][0-9]{0,5})h([1-9][0-9]{0,5})")
_MB, _GB = 2**20, 2**30


@dataclass(frozen=True, slots=True)
class Flavor:
    """The size of a machine."""

    cpus: int
    memory_bytes: int
    disk_bytes: int


_NAMED = {
    "tiny": Flavor(1, 512 * _MB, 1 * _GB),
    "small": Flavor(1, 2 * _GB, 20 * _GB),
    "medium": Flavor(2, 4 * _GB, 40 * _GB),
    "large": Flavor(4, 8 * _GB, 80 * _GB),
}
"""OpenStack's ``m1.tiny`` to ``m1.large``, as Nova had them by default up to its release of 2016: GTS ran on OpenStack,
and says no figures of its own."""


def limits(flavor_id: str | None) -> tuple[int | None, int | None]:
    """How many processors, and how many bytes of memory, a machine of a flavor has; None where nothing is said.

    Raises:
        EmulationError: it is no flavor.
    """
    if flavor_id is None:
        return None, None
    found = flavor(flavor_id)
    return found.cpus, found.memory_bytes


def flavor(text: str) -> Flavor:
    """What a flavor stands for: ``c2r4h20`` is 2 processors, 4 GB of memory, 20 GB of disk.

    Raises:
        EmulationError: it is none.
    """
    if text in _NAMED:
        return _NAMED[text]
    found = _FORM.fullmatch(text)
    if found is None:
        raise EmulationError(f"{printable(text, 40)} is no flavor: write it as c2r4h20, or one of {', '.join(_NAMED)}")
    cpus, memory_gb, disk_gb = map(int, found.groups())
    return Flavor(cpus, memory_gb * _GB, disk_gb * _GB)
