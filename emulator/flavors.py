"""Flavors: the processors, memory and disk that a host's `flavorId` stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulator.system.errors import EmulationError
from gtsdsl.text import printable

_PATTERN = re.compile(r"c([1-9][0-9]{0,5})r([1-9][0-9]{0,5})h([1-9][0-9]{0,5})")
_MB, _GB = 2**20, 2**30


@dataclass(frozen=True, slots=True)
class Flavor:
    """The size of a host."""

    cpus: int
    memory_bytes: int
    disk_bytes: int


_NAMED = {
    "tiny": Flavor(1, 512 * _MB, 1 * _GB),
    "small": Flavor(1, 2 * _GB, 20 * _GB),
    "medium": Flavor(2, 4 * _GB, 40 * _GB),
    "large": Flavor(4, 8 * _GB, 80 * _GB),
}
"""OpenStack's ``m1.tiny`` to ``m1.large``, Nova's defaults up to its release of 2016. GTS ran on OpenStack, and
documents no figures."""


def flavor_limits(flavor_id: str | None) -> tuple[int | None, int | None]:
    """Return the processors and the bytes of memory of a host with this ``flavorId``; both are None without one.

    Raises:
        EmulationError: the text is not a flavor.
    """
    if flavor_id is None:
        return None, None
    size = flavor(flavor_id)
    return size.cpus, size.memory_bytes


def flavor(text: str) -> Flavor:
    """Return the size that a flavor stands for: ``c2r4h20`` is 2 processors, 4 GiB of memory and 20 GiB of disk.

    Raises:
        EmulationError: the text is not a flavor.
    """
    if text in _NAMED:
        return _NAMED[text]
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise EmulationError(
            f"{printable(text, 40)} is not a flavor: write it as c2r4h20, or as one of {', '.join(_NAMED)}"
        )
    cpus, memory_gb, disk_gb = map(int, match.groups())
    return Flavor(cpus, memory_gb * _GB, disk_gb * _GB)
