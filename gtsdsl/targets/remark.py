"""Warnings about parts of a testbed that an output format changes or leaves out, not yet tied to a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gtsdsl.model.routing import STATIC, parse_routing
from gtsdsl.model.testbed import Resource, Testbed
from gtsdsl.source import Location
from gtsdsl.text import printable

_SHOWN = 3


class Remark(NamedTuple):
    """A warning of a format: a sentence, the place of its cause in the input, and what to do about it."""

    message: str
    place: Location | None
    hint: str | None = None


def routing_remarks(testbed: Testbed) -> Iterator[Remark]:
    """Yield a warning if a testbed states a routing protocol, which a lab with static routes does not have."""
    try:
        routing = parse_routing(testbed.attributes.get("routing", STATIC))
    except ValueError:  # a rule reports it
        return
    if routing is not None:
        yield Remark(
            f"the routes of the lab are static: nothing runs {routing.protocol}",
            testbed.attribute_places.get("routing"),
            "`gtsdsl emulate` runs BIRD on each host",
        )


def listed(names: Sequence[str]) -> str:
    """Return the first few names as a message quotes them, and the number of the others."""
    shown = ", ".join(f"`{printable(name)}`" for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else shown


def ids_of(resources: Sequence[Resource]) -> str:
    """Return the first few ids of resources as a message quotes them."""
    return listed([resource.id for resource in resources])
