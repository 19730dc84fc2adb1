"""The placement of the store that `--store` asks for: at an address, on a host, or on an additional host at a site."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain, count

from emulator.plan import Options, Plan, PlanError, plan
from emulator.stores.model import StoreLocation
from gtsdsl.circuits import Circuits, canonical
from gtsdsl.model.testbed import LINK_CLASS, Adjacency, Port, PortRef, Resource, Testbed, flatten
from gtsdsl.text import did_you_mean, printable
from gtsdsl.topology.model import Topology

STORE_ID = "store"
"""The id of the store's own host, unless another resource has it."""

_ADDRESS = re.compile(
    r"(?:(?P<scheme>[a-z]+)://)?(?:\[(?P<v6>[0-9A-Fa-f:.]+)]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?/?"
)
_PORT = 2379
_MAX_LISTED = 20


class StoreLocationError(PlanError):
    """A store location that is unknown or cannot be reached."""

    exit_status = 2


def plan_with_store(testbed: Testbed, options: Options, text: str) -> tuple[Plan, StoreLocation]:
    """Return the plan of a testbed whose store is at the location that ``text`` names, and that location in the plan.

    A text names a host by its id, else a site with a host, else the address of a store that runs already
    (``10.0.0.5:2379`` or ``http://10.0.0.5:2379``). At a site, the store gets its own host.

    Raises:
        PlanError: the text names no location (`StoreLocationError`), or the testbed has no plan.
    """
    text = text.strip()
    hosts = {node.id: node for node in Topology.of(testbed).hosts}
    sites = _sites(hosts.values(), options.circuits)
    if text in hosts:
        unchanged = plan(testbed, options)
        return unchanged, StoreLocation(host=next(host.name for host in unchanged.hosts if host.id == text))
    if (site := canonical(text, options.circuits)) in sites:
        extended, store_id = with_store_host(testbed, site, options.circuits)
        result = plan(extended, options)
        hosts_with_store = tuple(replace(host, is_store=host.id == store_id) for host in result.hosts)
        store_name = next(host.name for host in hosts_with_store if host.is_store)
        return replace(result, hosts=hosts_with_store), StoreLocation(host=store_name)
    location = StoreLocation(address=_address(text, hosts, sites))
    return plan(testbed, options), location


def store_places(testbed: Testbed, circuits: Circuits | None) -> tuple[str, ...]:
    """Return the texts that `plan_with_store` takes for each site with a host, or for each host if none has a site."""
    hosts = Topology.of(testbed).hosts
    return tuple(_sites(hosts, circuits)) or tuple(host.id for host in hosts)


def with_store_host(testbed: Testbed, site: str, circuits: Circuits | None = None) -> tuple[Testbed, str]:
    """Add a host for the store at a site; return the new testbed and the host's id.

    One link joins the new host to the first host of the site, with the delay within a site, so no other packets pass
    through the new host. All other names, addresses and interfaces stay as they are. Nested testbeds become flat.

    Raises:
        StoreLocationError: no host is at that site; the message lists the sites that have one.
    """
    flat = flatten(testbed)
    sites = _sites(Topology.of(flat).hosts, circuits)
    code = canonical(site, circuits)
    if code not in sites:
        raise StoreLocationError(
            f"no host is at {printable(code)}, so nothing could reach a store there; name {_listed('site', sites)}"
        )
    near = sites[code]
    ids = {resource.id for resource in flat.resources}
    store_id, link_id = _free(STORE_ID, ids), _free(f"{STORE_ID}_link", ids)
    port_id = _free(STORE_ID, {port.id for port in near.ports})
    near_with_port = replace(near, ports=(*near.ports, Port(port_id)))
    store = Resource("host", store_id, near.location, ports=(Port("port1"),))
    link = Resource(LINK_CLASS, link_id, ports=(Port("src"), Port("dst")))
    extended = replace(
        flat,
        resources=(*(near_with_port if resource is near else resource for resource in flat.resources), store, link),
        adjacencies=(
            *flat.adjacencies,
            Adjacency(PortRef(near.id, port_id), PortRef(link_id, "src")),
            Adjacency(PortRef(store_id, "port1"), PortRef(link_id, "dst")),
        ),
    )
    return extended, store_id


def _address(text: str, hosts: Mapping[str, Resource], sites: Mapping[str, Resource]) -> str:
    """Return the address in a text as ``HOST:PORT``.

    Raises:
        StoreLocationError: the text is not an address, nor one of the hosts and sites.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or (match["scheme"] is None and match["port"] is None):
        near = did_you_mean(text, [*hosts, *sites])
        raise StoreLocationError(
            f"{printable(text)} is not a location for the store{f' ({near})' if near else ''}: name "
            f"{_listed('host', hosts)}, {_listed('site', sites)}, or the address of an etcd, as in 10.0.0.5:2379"
        )
    if match["scheme"] not in {None, "http"}:
        raise StoreLocationError(f"{printable(text)}: gtsdsl speaks to a store by http:// only, without certificates")
    port = int(match["port"] or _PORT)
    if not 0 < port < 2**16:
        raise StoreLocationError(f"{printable(text)}: {port} is not a port")
    name = match["name"] or f"[{match['v6']}]"
    return f"{name}:{port}"


def _sites(hosts: Iterable[Resource], circuits: Circuits | None) -> dict[str, Resource]:
    """Return the first host at each site, by the site's code."""
    sites: dict[str, Resource] = {}
    for host in hosts:
        if host.location:
            sites.setdefault(canonical(host.location, circuits), host)
    return sites


def _listed(kind: str, names: Mapping[str, Resource]) -> str:
    if not names:
        return f"a {kind} (the topology has none)" if kind == "host" else f"a {kind} (no host has a location)"
    shown = ", ".join(printable(name, 40) for name in list(names)[:_MAX_LISTED])
    return f"a {kind} ({shown}{', …' if len(names) > _MAX_LISTED else ''})"


def _free(name: str, used: set[str]) -> str:
    return next(it for it in chain([name], (f"{name}{number}" for number in count(2))) if it not in used)
