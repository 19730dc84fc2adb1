"""Rules about a whole testbed: no resource, unreachable hosts, switches without their controller, unequal MTUs."""

from __future__ import annotations

from collections.abc import Iterator

from gtsdsl.diagnostics import Diagnostic
from gtsdsl.model.testbed import HOST_CLASSES, LINK_CLASS, Resource, flatten
from gtsdsl.model.units import MTU_BYTES, parse_mtu_bytes
from gtsdsl.rules.index import IdScope, Index, place_of, shown
from gtsdsl.topology.groups import Groups
from gtsdsl.topology.model import Topology

_SHOWN_HOSTS = 5
_SHOWN_PARTS = 3

_CONTROLLER_ATTRIBUTES = ("controllerIPv4", "controller")


def check_topology(index: Index) -> Iterator[Diagnostic]:
    """Yield all findings about a testbed as a whole."""
    yield from _nothing_in_it(index)
    yield from _unreachable_hosts(index)
    yield from _unequal_mtus(index)
    for scope in index.scopes:
        for switch in scope.testbed.switches:
            yield from _controller_cut_off(index, scope, switch)


def _nothing_in_it(index: Index) -> Iterator[Diagnostic]:
    root = index.scopes[0].testbed
    if not any(isinstance(item, Resource) for item in flatten(root).resources):
        yield index.finding(
            "GTS046",
            f"testbed {shown(root.id)} has no resource",
            root.place,
            hint='declare one, such as `host { id = "h1"; location = "AMS" }`',
        )


def _unreachable_hosts(index: Index) -> Iterator[Diagnostic]:
    parts = _parts(index)
    if len(parts) < 2:
        return
    largest = max(parts, key=len)  # of several, the first in the file
    others = [part for part in parts if part is not largest]
    place = index.resources[others[0][0]].place
    if len(largest) == 1:
        message = f"no host can reach another: none of the {len(parts):,} hosts is joined to another one"
        yield index.finding("GTS040", message, place)
        return
    named = "; ".join(_hosts(index, part) for part in others[:_SHOWN_PARTS])
    more = f"; and {len(others) - _SHOWN_PARTS:,} more parts" if len(others) > _SHOWN_PARTS else ""
    yield index.finding(
        "GTS040",
        f"the hosts fall into {len(parts):,} parts that cannot reach each other: "
        f"the largest has {_hosts(index, largest)}; cut off from it: {named}{more}",
        place,
        note=(f"{shown(index.path(largest[0]))} is in the largest part", index.resources[largest[0]].place),
    )


def _hosts(index: Index, part: list[int]) -> str:
    names = ", ".join(shown(index.path(number)) for number in part[:_SHOWN_HOSTS])
    return f"{names} and {len(part) - _SHOWN_HOSTS:,} more" if len(part) > _SHOWN_HOSTS else names


def _parts(index: Index) -> list[list[int]]:
    """Return the numbers of the hosts in each connected part of the network, in the order of the file."""
    groups: Groups[int] = Groups()
    for _, first, second in index.joins:
        groups.merge(first, second)
    parts: dict[int, list[int]] = {}
    for number, resource in enumerate(index.resources):
        if resource.cls in HOST_CLASSES:
            parts.setdefault(groups.root(number), []).append(number)
    return list(parts.values())


def _unequal_mtus(index: Index) -> Iterator[Diagnostic]:
    """Yield a finding for each switch between circuits of different MTU, because it drops packets without a message."""
    if not any(resource.cls == LINK_CLASS and "mtu" in resource.attributes for resource in index.resources):
        return
    topology = Topology.of(index.scopes[0].testbed)
    mtus: dict[str, dict[int, Resource]] = {}
    for wire in topology.wires:
        try:
            mtu_bytes = parse_mtu_bytes(wire.link.attributes.get("mtu", MTU_BYTES))
        except ValueError:  # another rule reports it
            continue
        for end in wire.ends:
            if end in topology.bridged_ports:
                mtus.setdefault(end.resource, {}).setdefault(mtu_bytes, wire.link)
    for switch, links in mtus.items():
        least, most = min(links), max(links)
        if least != most:
            small, large = links[least], links[most]
            yield index.finding(
                "GTS053",
                f"switch {shown(switch)} joins circuits of different MTU: {shown(small.id)} has {least} bytes, and "
                f"{shown(large.id)} has {most}; a switch drops a packet that is too large, and tells nobody",
                place_of(small, "mtu"),
                note=(f"{shown(large.id)} is here", place_of(large, "mtu")),
                hint="give all circuits of a switch the same `mtu`, or put a host in its place, which tells the sender",
            )


def _controller_cut_off(index: Index, scope: IdScope, switch: Resource) -> Iterator[Diagnostic]:
    attribute = next((name for name in _CONTROLLER_ATTRIBUTES if switch.attributes.get(name)), None)
    if attribute is None or not switch.id:
        return
    control = [port for port in switch.ports if port.is_control]
    if any((switch.id, port.id) in scope.named_ports for port in control):
        return
    what = f"{switch.cls} {shown(switch.id)} has a controller's address but no"
    place = switch.attribute_places.get(attribute, switch.place)
    if control:
        yield index.finding(
            "GTS041",
            f"{what} wired port of mode CONTROL: no adjacency names {shown(f'{switch.id}.{control[0].id}')}",
            place,
            note=("the port is declared here", control[0].place),
            hint="join it to a link that leads to the controller",
        )
    else:
        hint = 'add one, `port { id = "pControl"; mode = "CONTROL" }`, and join it to a link to the controller'
        yield index.finding("GTS041", f"{what} port of mode CONTROL", place, hint=hint)
