"""The public editor's DSL tab, and the port that its next link gets, computed as in the editor's code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNDEFINED = "undefined"
Json = Mapping[str, Any]


def _pasted(of: Json, *names: str) -> str:
    return " ".join(
        f'{name} = "{of.get(field, UNDEFINED)}"' for name, field in zip(names[::2], names[1::2], strict=True)
    )


def _switch_port(name: str, value: object) -> str:
    """Return the first attribute without quotes. Of a string, the editor takes the characters for attributes."""
    members = value if isinstance(value, dict) else dict(enumerate(str(value)))
    key, first = next(iter(members.items()), (UNDEFINED, UNDEFINED))
    return f'port {{ id = "{name}"; {key} = {first} }}'


def _node(node: Json) -> str:
    plain = "; ".join(f'port {{ id = "{name}" }}' for name in node["ports"])
    common = _pasted(node, "id", "dsl_id", "location", "location")
    if node["group"] == "host":
        return f"host {{ {common} {_pasted(node, 'imageId', 'image', 'flavorId', 'flavor')} {plain} }}"
    if node["group"] == "bms":
        return f"baremetalserver {{ {common} {_pasted(node, 'image', 'image')} {plain} }}"
    address = _pasted(
        node, "switchIPv4Addr", "switchIPv4Addr", "switchIPv4Mask", "switchIPv4Mask", "switchMode", "switchMode"
    )
    controller = _pasted(node["controller"], "ipv4", "ipv4", "port", "port")  # a KeyError is the editor's TypeError
    ports = "; ".join(_switch_port(name, value) for name, value in node["ports"].items())
    return f"vsi {{ {common} {address} controller {{ {controller} }} {ports} }}"


def dsl(project: Json) -> str:
    """Return the text of the DSL tab."""
    lines = [f"{project['dsl_id']} {{", f'description = "{project["dsl_description"]}"', f'id = "{project["dsl_id"]}"']
    lines += [_node(node) for node in project["nodes"]]
    ids = {node["id"]: node["dsl_id"] for node in project["nodes"]}
    for edge in project["edges"]:
        rate = f" bandwidth = {edge['bandwidth']}" if edge.get("bandwidth") else ""
        lines.append(f'link {{ id = "{edge["name"]}" port {{ id = "src" }} port {{ id = "dst" }}{rate} }}')
        lines.append(f"adjacency {ids[edge['from']]}.{edge['from_port']}, {edge['name']}.src")
        lines.append(f"adjacency {ids[edge['to']]}.{edge['to_port']}, {edge['name']}.dst")
    return "\n".join([*lines, "}"])


def next_port(node: Json) -> str:
    """Return the port that the next link of a node gets."""
    return f"p{node['ports_count'] + 1}"
