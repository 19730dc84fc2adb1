"""Findings about references to missing ports, with a hint at the port that was probably meant (GTS022)."""

from __future__ import annotations

import re
from itertools import islice

from gtsdsl.diagnostics import Diagnostic
from gtsdsl.model.testbed import PortRef, Resource, Testbed
from gtsdsl.rules.index import IdScope, Index, shown
from gtsdsl.source import Location
from gtsdsl.text import printable

_SHOWN_PORTS = 5
_MOST_DOTS = 10


def missing(index: Index, scope: IdScope, ref: PortRef, place: Location | None) -> Diagnostic:
    """Return the finding for a reference that does not name a port of its testbed."""
    outer, *inner = re.split(r"[./]", str(ref), maxsplit=2)
    nested = scope.nested.get(outer)
    if nested is not None and inner and inner[0] in nested.named:
        message = f"{shown(inner[0])} inside {shown(outer)} is not visible here: only the ports that it exports are"
        exported = [shown(f"{outer}.{port}") for port in islice(nested.own_ports, _SHOWN_PORTS)]
        type_name = printable(nested.testbed.type)
        hint = f"it exports {', '.join(exported)}" if exported else f'export one: `port {{ id = "…" }}` in {type_name}'
        return index.finding("GTS022", message, place, hint=hint)

    resource = scope.named.get(ref.resource)
    if resource is not None:
        kind = f"testbed {printable(resource.type)}" if isinstance(resource, Testbed) else printable(resource.cls)
        message = f"{kind} {shown(ref.resource)} has no port {shown(ref.port)}"
        near = index.near(ref.port, (port.id for port in resource.ports))
        return index.finding("GTS022", message, place, hint=near or _ports_of(resource))

    if ref.resource:
        message = f"there is no resource {shown(ref.resource)}"
        near = _in_quotes(str(ref), scope) or index.near(ref.resource, scope.named)
        return index.finding("GTS022", message, place, hint=near)

    whole = scope.named.get(ref.port)
    if whole is not None:
        message = f"{shown(ref.port)} is a resource, not a port"
        first = next((shown(f"{ref.port}.{port.id}") for port in whole.ports), None)
        hint = f"name one of its ports, such as {first}" if first else _ports_of(whole)
        return index.finding("GTS022", message, place, hint=hint)
    message = f"testbed {shown(scope.testbed.type)} has no port {shown(ref.port)} of its own"
    return index.finding("GTS022", message, place, hint=index.near(ref.port, scope.own_ports))


def _in_quotes(reference: str, scope: IdScope) -> str | None:
    """Return a hint to write a reference in quotes, if an id in it contains a `.`; else None."""
    ids = (reference[: match.start()] for match in islice(re.finditer(r"\.", reference), _MOST_DOTS))
    quoted = f'"{reference}"'
    return f"write such an id in quotes: {shown(quoted)}" if any(id in scope.named for id in ids) else None


def _ports_of(item: Resource | Testbed) -> str:
    if not item.ports:
        return "it declares no ports"
    more = ", …" if len(item.ports) > _SHOWN_PORTS else ""
    return f"its ports: {', '.join(shown(port.id) for port in item.ports[:_SHOWN_PORTS])}{more}"
