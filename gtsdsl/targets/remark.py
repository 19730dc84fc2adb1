"""What an output format cannot say as the testbed says it: a warning that is not yet tied to a source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gtsdsl.model.testbed import Resource
from gtsdsl.source import Location
from gtsdsl.text import printable

_SHOWN = 3


class Remark(NamedTuple):
    """One warning of a format: a sentence, where in the input its cause stands, and what to do."""

    message: str
    place: Location | None
    hint: str | None = None


def listed(names: Sequence[str]) -> str:
    """Return the first few names as a message quotes them, and how many more there are."""
    shown = ", ".join(f"`{printable(name)}`" for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else shown


def ids_of(resources: Sequence[Resource]) -> str:
    """Return the first few ids of resources as a message quotes them."""
    return listed([resource.id for resource in resources])
