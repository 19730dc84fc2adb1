"""What `--store` says to where the store will be; and a testbed to one with a machine for the store at a site."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count

from emulator.plan import Options, Plan, PlanError, plan
from emulator.stores.model import StoreLocation
from gtsdsl.circuits import Circuits, canonical
from gtsdsl.model.testbed import LINK_CLASS, Adjacency, Port, PortRef, Resource, Testbed, flatten
from gtsdsl.text import did_you_mean, printable
from gtsdsl.topology.controllers import is_switch
from gtsdsl.topology.wiring import nodes

STORE_ID = "store"
"""What the machine of the store is called, unless something else is called so."""

_ADDRESS = re.compile(
    r"(?:(?P<scheme>[a-z]+)://)?(?:\[(?P<v6>[0-9A-Fa-f:.]+)]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?/?"
)
_PORT = 2379
_MOST_LISTED = 20


class StorePlaceError(PlanError):
    """A store that cannot be where it was asked for."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """Where the store is to be, one of three: on a host (its id), at a site (its code), or at an address, running."""

    host_id: str | None = None
    site: str | None = None
    address: str | None = None


def parse_store(text: str, testbed: Testbed, circuits: Circuits | None = None) -> StoreChoice:
    """What a text names: a host of the testbed by its id, else a site where a host stands, else an address.

    An address is ``10.0.0.5:2379`` or ``http://10.0.0.5:2379``, and comes out as the first. ``circuits`` are the
    user's own, with sites of their own.

    Raises:
        StorePlaceError: it names none of them; the message lists what there is.
    """
    text = text.strip()
    hosts = {node.id: node for node in _hosts(testbed)}
    if text in hosts:
        return StoreChoice(host_id=text)
    sites = _sites(hosts.values(), circuits)
    if canonical(text, circuits) in sites:
        return StoreChoice(site=canonical(text, circuits))
    found = _ADDRESS.fullmatch(text)
    if found is None or (found["scheme"] is None and found["port"] is None):
        near = did_you_mean(text, [*hosts, *sites])
        raise StorePlaceError(
            f"{printable(text)} is no place for the store{f' ({near})' if near else ''}: name "
            f"{_listed('host', hosts)}, {_listed('site', sites)}, or the address of an etcd, as in 10.0.0.5:2379"
        )
    if found["scheme"] not in {None, "http"}:
        raise StorePlaceError(f"{printable(text)}: the store is spoken to by http:// only, without certificates")
    port = int(found["port"] or _PORT)
    if not 0 < port < 2**16:
        raise StorePlaceError(f"{printable(text)}: {port} is no port")
    name = found["name"] or f"[{found['v6']}]"
    return StoreChoice(address=f"{name}:{port}")


def with_machine(testbed: Testbed, site: str, circuits: Circuits | None = None) -> tuple[Testbed, str]:
    """The testbed with one more host at a site, for the store; and the new host's id.

    One link joins it to the first host of that site, with the delay within a site, so it is never on the way of others'
    packets. All that is there keeps its names, addresses and interfaces. Nested testbeds come out flat.

    Raises:
        StorePlaceError: no host stands at that site; the message lists the sites that there are.
    """
    flat = flatten(testbed)
    sites = _sites(_hosts(flat), circuits)
    wanted = canonical(site, circuits)
    if wanted not in sites:
        raise StorePlaceError(
            f"no host stands at {printable(wanted)}, so a store there would be out of reach: {_listed('site', sites)}"
        )
    near = sites[wanted]
    ids = {resource.id for resource in flat.resources}
    store_id, link_id = _free(STORE_ID, ids), _free(f"{STORE_ID}_link", ids)
    port_id = _free(STORE_ID, {port.id for port in near.ports})
    grown = replace(near, ports=(*near.ports, Port(port_id)))
    store = Resource("host", store_id, near.location, ports=(Port("port1"),))
    link = Resource(LINK_CLASS, link_id, ports=(Port("src"), Port("dst")))
    made = replace(
        flat,
        resources=(*(grown if resource is near else resource for resource in flat.resources), store, link),
        adjacencies=(
            *flat.adjacencies,
            Adjacency(PortRef(near.id, port_id), PortRef(link_id, "src")),
            Adjacency(PortRef(store_id, "port1"), PortRef(link_id, "dst")),
        ),
    )
    return made, store_id


def plan_with_store(testbed: Testbed, options: Options, text: str) -> tuple[Plan, StoreLocation]:
    """The network of a testbed whose store is where ``text`` says (`parse_store`), and that place in it.

    Raises:
        PlanError: it names no place (`StorePlaceError`), or the testbed cannot be made into a network.
    """
    choice = parse_store(text, testbed, options.circuits)
    if choice.address is not None:
        return plan(testbed, options), StoreLocation(address=choice.address)
    wanted = choice.host_id
    if choice.site is not None:
        testbed, wanted = with_machine(testbed, choice.site, options.circuits)
    made = plan(testbed, options)
    hosts = tuple(replace(host, is_store=choice.site is not None and host.id == wanted) for host in made.hosts)
    return replace(made, hosts=hosts), StoreLocation(host=next(host.name for host in hosts if host.id == wanted))


def _hosts(testbed: Testbed) -> list[Resource]:
    """What a plan takes for hosts."""
    return [node for node in nodes(testbed).values() if not is_switch(node)]


def _sites(hosts: Iterable[Resource], circuits: Circuits | None) -> dict[str, Resource]:
    """For each site the first host that stands there."""
    found: dict[str, Resource] = {}
    for host in hosts:
        if host.location:
            found.setdefault(canonical(host.location, circuits), host)
    return found


def _listed(kind: str, names: Mapping[str, Resource]) -> str:
    if not names:
        return f"a {kind} (there is none)" if kind == "host" else f"a {kind} (no host has a location)"
    shown = ", ".join(printable(name, 40) for name in list(names)[:_MOST_LISTED])
    return f"a {kind} ({shown}{', …' if len(names) > _MOST_LISTED else ''})"


def _free(name: str, taken: set[str]) -> str:
    return next(it for it in chain([name], (f"{name}{number}" for number in count(2))) if it not in taken)
