"""Rules about adjacencies and links: a link must join exactly two ports of different resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from gtsdsl.diagnostics import Diagnostic
from gtsdsl.model.testbed import HOST_CLASSES, LINK_CLASS, SWITCH_CLASSES, Adjacency, PortRef
from gtsdsl.rules.index import IdScope, Index, PortKey, shown
from gtsdsl.rules.references import missing
from gtsdsl.source import Location
from gtsdsl.text import printable

Kind: TypeAlias = Literal["link", "node"]
"""The kind of a port's resource. Resources of unknown classes have no kind: they may be joined to anything."""

_KINDS: dict[str, Kind] = {LINK_CLASS: "link", **dict.fromkeys(HOST_CLASSES | SWITCH_CLASSES, "node")}

_FEW_PORTS = 64
"""The most ports of a resource among which a hint names a free one, because a hostile file could use up the time."""

_ADD_A_LINK = 'join each to an end of a link: `link { id = "l1"; port { id = "src" }; port { id = "dst" } }`'


_ABSENT = Adjacency(PortRef("", ""), PortRef("", ""))


def check_wiring(index: Index) -> Iterator[Diagnostic]:
    """Yield all findings about adjacencies and links."""
    for scope in index.scopes:
        # the number of wired ends of each link, by its id; references to missing ports of the link count too
        wired_ends: dict[str, int] = {}
        yield from _adjacencies(index, scope, wired_ends)
        yield from _links(index, scope, wired_ends)
        yield from _loose_ends_of_nested_links(index, scope)
    yield from _links_on_one_resource(index)


def _adjacencies(index: Index, scope: IdScope, wired_ends: dict[str, int]) -> Iterator[Diagnostic]:
    kinds = {id: _KINDS.get(index.resources[number].cls) for id, number in scope.numbers.items()}
    # the adjacency that has used each port; None at first
    users: dict[PortKey, Adjacency | None] = dict.fromkeys(scope.ports)
    reported: set[tuple[PortRef, Location | None]] = set()  # missing ports: a loop repeats them
    for adjacency in scope.testbed.adjacencies:
        first, second = adjacency.first, adjacency.second
        first_kind, second_kind = kinds.get(first[0]), kinds.get(second[0])
        user, second_user = users.get(first, _ABSENT), users.get(second, _ABSENT)
        if (
            user is second_user is None
            and first_kind is not second_kind
            and first_kind is not None
            and second_kind is not None
        ):  # valid, as nearly all adjacencies are: a large mesh has tens of thousands
            users[first] = users[second] = adjacency
            link = first[0] if first_kind == "link" else second[0]
            wired_ends[link] = wired_ends.get(link, 0) + 1
            continue
        if first == second:
            yield index.finding("GTS023", f"port {shown(str(first))} is joined to itself", adjacency.place)
            continue
        if user is second_user and user is not None and user is not _ABSENT:
            message = f"adjacency of {shown(str(first))} and {shown(str(second))} is stated twice"
            yield index.finding("GTS023", message, adjacency.place, note=("the first one is here", user.place))
            continue
        for ref, kind, before, place in (
            (first, first_kind, user, adjacency.first_place),
            (second, second_kind, second_user, adjacency.second_place),
        ):
            if kind == "link":
                wired_ends[ref[0]] = wired_ends.get(ref[0], 0) + 1
            if before is None:
                users[ref] = adjacency
            elif before is _ABSENT:
                if (ref, place) in reported:
                    continue
                reported.add((ref, place))
                yield missing(index, scope, ref, place or adjacency.place)
            else:
                yield _used_twice(index, scope, ref, place or adjacency.place, before)
        if user is _ABSENT or second_user is _ABSENT:
            continue
        if first[0] in scope.nested or second[0] in scope.nested:
            yield from _unbound(index, scope, adjacency)
            first_kind, second_kind = _kind(index, scope, first), _kind(index, scope, second)
        if first_kind is second_kind:
            yield from _mismatch(index, scope, adjacency, first_kind)


def _kind(index: Index, scope: IdScope, ref: PortRef) -> Kind | None:
    number = scope.leads_to(ref)
    return None if number is None else _KINDS.get(index.resources[number].cls)


def _used_twice(index: Index, scope: IdScope, ref: PortRef, place: Location | None, before: Adjacency) -> Diagnostic:
    resource = scope.named.get(ref.resource)
    few = resource.ports if resource is not None and len(resource.ports) <= _FEW_PORTS else ()
    free = next(
        (
            port.id
            for port in few
            if port.id and not port.is_control and (ref.resource, port.id) not in scope.named_ports
        ),
        None,
    )
    return index.finding(
        "GTS023",
        f"port {shown(str(ref))} is used by two adjacencies",
        place,
        note=("the first one is here", before.place),
        hint=f"port {shown(f'{ref.resource}.{free}')} is free" if free is not None else None,
    )


def _unbound(index: Index, scope: IdScope, adjacency: Adjacency) -> Iterator[Diagnostic]:
    for ref, place in (
        (adjacency.first, adjacency.first_place),
        (adjacency.second, adjacency.second_place),
    ):
        inner = scope.nested.get(ref.resource)
        if inner is not None and ref.port not in inner.bindings:
            yield index.finding(
                "GTS043",
                f"port {shown(str(ref))} leads nowhere: no adjacency inside testbed {shown(inner.testbed.type)} "
                f"binds {shown(ref.port)}",
                place or adjacency.place,
                note=("it is declared here", inner.own_ports[ref.port]),
                hint=f"bind it inside the type: `adjacency {printable(ref.port)}, …`",
            )


def _mismatch(index: Index, scope: IdScope, adjacency: Adjacency, kind: Kind | None) -> Iterator[Diagnostic]:
    first, second = adjacency.first, adjacency.second
    both = f"{_explained(index, scope, first)} and {_explained(index, scope, second)}"
    if kind == "link":
        message = f"adjacency joins two links' ends, {both}, with no host or switch between them"
        if first.resource == second.resource and first.resource in scope.numbers:
            message = f"adjacency joins both ends of link {shown(first.resource)} to each other"
        hint = "join each end of a link to a port of a host or a switch"
        yield index.finding("GTS027", message, adjacency.place, hint=hint)
    elif kind == "node":
        message = f"adjacency joins {both} without a link between them"
        yield index.finding("GTS026", message, adjacency.place, hint=_ADD_A_LINK)
    elif not first.resource and not second.resource:
        message = f"adjacency joins two of the testbed's own ports, {both}, with nothing between them"
        hint = "bind each to the port of a resource"
        yield index.finding("GTS026", message, adjacency.place, hint=hint)


def _explained(index: Index, scope: IdScope, ref: PortRef) -> str:
    number = scope.leads_to(ref) if ref.resource in scope.nested else None
    if number is None:
        return shown(str(ref))
    return f"{shown(str(ref))} (which stands for a port of {shown(index.path(number))})"


def _links(index: Index, scope: IdScope, wired_ends: dict[str, int]) -> Iterator[Diagnostic]:
    for link in scope.testbed.links:
        if scope.named.get(link.id) is not link:  # it has no id or a duplicate one, which is reported already
            continue
        wired = wired_ends.get(link.id, 0)
        if len(link.ports) != 2:
            yield index.finding(
                "GTS024",
                f"link {shown(link.id)} declares {_in_words(len(link.ports), 'port')}; a link has two ends",
                link.place,
                hint='write `port { id = "src" }; port { id = "dst" }`',
            )
        elif wired not in (0, 2):
            free = [port.id for port in link.ports if (link.id, port.id) not in scope.named_ports]
            yield index.finding(
                "GTS024",
                f"link {shown(link.id)} has {_in_words(wired, 'wired end')}; a link joins two ports",
                link.place,
                hint=f"join {shown(f'{link.id}.{free[0]}')} to a port" if wired < 2 and free else None,
            )
        if wired == 0:
            message = f"link {shown(link.id)} is not used: no adjacency names it"
            yield index.finding("GTS042", message, link.place, hint="join its two ends to ports, or remove it")


def _in_words(number: int, noun: str) -> str:
    words = ("no", "one", "two", "three")
    return f"{words[number] if number < len(words) else number} {noun}{'' if number == 1 else 's'}"


def _loose_ends_of_nested_links(index: Index, scope: IdScope) -> Iterator[Diagnostic]:
    """Yield findings for exported ends of links that no outer adjacency uses, so that the link has only one end.

    The root's exported ports may stay unused, because another file may nest the root.
    """
    for id, inner in scope.nested.items():
        for port in inner.own_ports:
            if (id, port) in scope.named_ports or _kind(index, scope, PortRef(id, port)) != "link":
                continue
            number = scope.leads_to(PortRef(id, port))
            link = index.path(number) if number is not None else id
            yield index.finding(
                "GTS024",
                f"link {shown(link)} has a loose end: it is port {shown(f'{id}.{port}')}, which no adjacency names",
                inner.testbed.place,
                note=("the port is declared here", inner.own_ports[port]),
                hint=f"join {shown(f'{id}.{port}')} to a port",
            )


def _links_on_one_resource(index: Index) -> Iterator[Diagnostic]:
    is_link = [resource.cls == LINK_CLASS for resource in index.resources]
    firsts: dict[
        int, tuple[int, PortRef, Adjacency]
    ] = {}  # of each link, the resource, the end and the adjacency of the first join
    for adjacency, first, second in index.joins:
        if is_link[first] == is_link[second]:
            continue
        link, far, end = (first, second, adjacency.first) if is_link[first] else (second, first, adjacency.second)
        before = firsts.get(link)
        if before is None:
            firsts[link] = far, end, adjacency
        elif before[0] == far and before[1] != end:
            resource = index.resources[far]
            yield index.finding(
                "GTS025",
                f"both ends of link {shown(index.resources[link].id)} are on {printable(resource.cls)} "
                f"{shown(resource.id)}",
                adjacency.place,
                note=("the first end is joined here", before[2].place),
            )
