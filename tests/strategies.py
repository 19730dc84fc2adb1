"""Testbeds for property tests: right in every respect, and as odd as the formats allow."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal

from hypothesis import assume
from hypothesis import strategies as st

from gtsdsl.model.nested import nested_types
from gtsdsl.model.references import RESERVED_WORDS, split_reference
from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed
from gtsdsl.model.values import Value
from tests.hostile import HOSTILE_IDS

TEXTS = st.one_of(st.sampled_from(HOSTILE_IDS), st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
IDS = st.one_of(st.from_regex(r"[a-z][a-z0-9_]{0,3}", fullmatch=True), TEXTS.filter(bool))
PARAMETERS = frozenset({"n", "site", "q1"})
"""Names of types' parameters; nothing else is called so, for inside a type the DSL would set the parameter."""
NAMES = st.one_of(
    st.sampled_from(["imageId", "flavorId", "bandwidth", "controller", "port", "host", "link", "it", "a1", "_"]),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True),
).filter(lambda name: name not in RESERVED_WORDS | PARAMETERS | {"id", "location", "description"})
NUMBERS = st.one_of(
    st.integers(-(10**99), 10**99),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**20), max_value=10**20).map(
        lambda number: number if number else Decimal("0.000")
    ),
)
VALUES: st.SearchStrategy[Value] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(TEXTS, inner, max_size=3),
        st.dictionaries(NAMES, inner, min_size=1, max_size=3),
        st.lists(st.dictionaries(NAMES, inner, min_size=1, max_size=2), min_size=1, max_size=3),
    ),
    max_leaves=6,
)
ATTRIBUTES = st.dictionaries(NAMES, VALUES, max_size=3)
LOCATIONS = st.one_of(st.none(), st.sampled_from(["AMS", "ams", "PRA", "MIL"]), TEXTS)
CLASSES = st.sampled_from(["host", "host", "vsi", "ofx", "baremetalserver", "router"])


@st.composite
def _ports(draw: st.DrawFn, count: int) -> tuple[Port, ...]:
    ids = draw(st.lists(IDS, min_size=count, max_size=count, unique=True))
    return tuple(Port(name, draw(st.one_of(st.just({}), ATTRIBUTES))) for name in ids)


@st.composite
def _body(draw: st.DrawFn, templates: Collection[Testbed], *, exports: bool) -> Testbed:
    """Draw a testbed without a type of its own, which may hold testbeds made from templates."""
    templates = list(templates)
    ids = iter(draw(st.lists(IDS, min_size=12, max_size=12, unique=True)))
    nodes: list[Resource | Testbed] = []
    for _ in range(draw(st.integers(0, 4))):
        nested = draw(st.booleans()) if templates else False
        if nested:
            nodes.append(replace(draw(st.sampled_from(templates)), id=next(ids)))
        else:
            ports = draw(_ports(draw(st.integers(0, 4))))
            attributes = draw(ATTRIBUTES)
            nodes.append(Resource(draw(CLASSES), next(ids), draw(LOCATIONS), attributes, ports))
    free = {node.id: [PortRef(node.id, port.id) for port in node.ports] for node in nodes}
    resources = list(nodes)
    adjacencies: list[Adjacency] = []

    def join(first: PortRef, second: PortRef) -> None:
        ends = (first, second) if draw(st.booleans()) else (second, first)
        adjacencies.insert(draw(st.integers(0, len(adjacencies))), Adjacency(*ends))

    for _ in range(draw(st.integers(0, 4))):
        open_nodes = [name for name, ports in free.items() if ports]
        if len(open_nodes) < 2:
            break
        source, target = draw(st.permutations(open_nodes))[:2]
        link = next(ids)
        ends = draw(st.one_of(st.just((Port("src"), Port("dst"))), _ports(2)))
        item = Resource("link", link, draw(st.one_of(st.none(), LOCATIONS)), draw(ATTRIBUTES), ends)
        resources.insert(draw(st.integers(0, len(resources))), item)
        join(free[source].pop(), PortRef(link, ends[0].id))
        join(free[target].pop(), PortRef(link, ends[1].id))
    own_ports: tuple[Port, ...] = ()
    if exports:
        unused = [ref for ports in free.values() for ref in ports][:3]
        own_ports = draw(_ports(draw(st.integers(0, len(unused)))))
        for port, ref in zip(own_ports, unused, strict=False):
            join(PortRef("", port.id), ref)
    return Testbed(
        type="Body",
        id="body",
        description=draw(st.one_of(st.none(), TEXTS)),
        attributes=draw(ATTRIBUTES),
        ports=own_ports,
        resources=tuple(resources),
        adjacencies=tuple(adjacencies),
    )


@st.composite
def valid_testbeds(draw: st.DrawFn, *, nested: bool = True) -> Testbed:
    """Testbeds in which each link joins two ports, each port is used at most once, and references are unambiguous."""
    templates: list[Testbed] = []
    for name in (
        draw(st.lists(st.sampled_from(["Island", "Ring", "Star_2"]), max_size=2, unique=True)) if nested else ()
    ):
        parameters = draw(st.lists(st.sampled_from(sorted(PARAMETERS)), max_size=2, unique=True))
        variants = []
        for _ in range(draw(st.integers(1, 3))):
            body = draw(_body(templates, exports=True))
            variants.append(replace(body, type=name, parameters={key: draw(VALUES) for key in parameters}))
        templates.extend(variants)
    kind = draw(st.sampled_from(["FullMesh", "Star", "T"]))
    testbed = replace(draw(_body(templates, exports=nested)), type=kind, id=draw(IDS))
    assume(not nested_types(testbed).contradictions)
    assume(_is_unambiguous(testbed))
    return testbed


def _is_unambiguous(testbed: Testbed) -> bool:
    ports_of = {item.id: {port.id for port in item.ports} for item in testbed.resources}
    own_ports = {port.id for port in testbed.ports}
    return all(
        split_reference(str(ref), ports_of, own_ports) == ref
        for adjacency in testbed.adjacencies
        for ref in (adjacency.first, adjacency.second)
    ) and all(_is_unambiguous(item) for item in testbed.resources if isinstance(item, Testbed))
