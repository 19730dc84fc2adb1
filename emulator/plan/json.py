"""A plan to JSON and back: what goes into a guest kernel, and what a result keeps."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TypeAlias

from emulator.netlink.qdiscs import Netem
from emulator.plan.model import VERSION, Circuit, Controller, Host, Interface, Plan, Route, Switch
from emulator.system.errors import EmulationError

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
"""What JSON can say."""


def to_json(plan: Plan) -> str:
    """A plan as JSON text, one host, switch and circuit a line; the same plan gives the same text."""
    head = {"version": VERSION, "testbed": plan.testbed, "seed": plan.seed}
    parts = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    for key, items in (("hosts", plan.hosts), ("switches", plan.switches), ("circuits", plan.circuits)):
        lines = ",\n".join(f"    {json.dumps(asdict(item))}" for item in items)
        parts.append(f"  {json.dumps(key)}: [" + (f"\n{lines}\n  ]" if lines else "]"))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def from_json(text: str) -> Plan:
    """The plan that `to_json` wrote.

    Raises:
        EmulationError: it is not such a text, or one of another version.
    """
    try:
        document = json.loads(text)
        if document["version"] != VERSION:
            raise EmulationError(f"a plan of version {document['version']!r:.20}; this is for version {VERSION}")
        return Plan(
            testbed=document["testbed"],
            seed=document["seed"],
            hosts=tuple(_host(item) for item in document["hosts"]),
            switches=tuple(_switch(item) for item in document["switches"]),
            circuits=tuple(_circuit(item) for item in document["circuits"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise EmulationError(f"this is no plan: {type(error).__name__}: {str(error)[:100]!a}") from None


def _host(item: dict[str, Json]) -> Host:
    fields = dict(item)
    routes = tuple(Route(it["gateway"], it["interface"], tuple(it["destinations"])) for it in fields.pop("routes"))  # type: ignore[union-attr,call-overload,index,arg-type]
    return Host(**fields, routes=routes)  # type: ignore[arg-type]


def _switch(item: dict[str, Json]) -> Switch:
    fields = dict(item)
    found = tuple(Controller(**it) for it in fields.pop("controllers"))  # type: ignore[union-attr,arg-type]
    return Switch(**fields, controllers=found)  # type: ignore[arg-type]


def _circuit(item: dict[str, Json]) -> Circuit:
    fields = dict(item)
    first, second = _end(fields.pop("first")), _end(fields.pop("second"))
    return Circuit(**fields, first=first, second=second)  # type: ignore[arg-type]


def _end(item: Json) -> Interface:
    fields = dict(item)  # type: ignore[arg-type]
    egress = fields.pop("egress")
    return Interface(**fields, egress=None if egress is None else Netem(**egress))  # type: ignore[arg-type]
