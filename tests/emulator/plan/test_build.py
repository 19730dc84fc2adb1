"""The plan of a testbed: addresses, names, routes, delays and queues."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.plan import Options, Plan, PlanError, from_json, plan, to_json
from gtsdsl.circuits import Circuits, parse_circuits
from gtsdsl.model.testbed import Port, Resource, Testbed
from gtsdsl.source import Source
from gtsdsl.topology.routes import networks
from tests.emulator.topologies import Edge, joined, mesh, ring
from tests.hostile import hostile_testbed
from tests.targets.samples import pair, triangle


def next_hop(made: Plan, host: str, target: str) -> str | None:
    """Return the gateway of a host to another host's own address, by the longest prefix."""
    by_name = {item.name: item for item in made.hosts}
    address = IPv4Address(by_name[target].loopback)
    found = [
        (network.prefixlen, route.interface)
        for route in by_name[host].routes
        for network in map(IPv4Network, route.destinations)
        if address in network
    ]
    return max(found)[1] if found else None


def path(made: Plan, start: str, target: str) -> list[str]:
    """Return the hosts that a packet to a host's own address visits, as the kernel would forward it."""
    owner = {end.address.partition("/")[0]: end.node for end in made.ends if end.address}
    hosts = {item.name: item for item in made.hosts}
    visited = [start]
    while visited[-1] != target:
        address = IPv4Address(hosts[target].loopback)
        gateways = [
            (network.prefixlen, route.gateway)
            for route in hosts[visited[-1]].routes
            for network in map(IPv4Network, route.destinations)
            if address in network
        ]
        if not gateways:
            return [*visited, "nowhere"]
        visited.append(owner[max(gateways)[1]])
        assert len(visited) <= len(hosts), f"a packet goes in circles: {visited}"
    return visited


def paths(edges: list[Edge], switches: tuple[str, ...] = ()) -> dict[str, str]:
    """All paths between different hosts, as ``a>b>c`` by ``ac``."""
    made = plan(joined(edges, switches))
    names = [host.name for host in made.hosts]
    return {a + b: ">".join(path(made, a, b)) for a in names for b in names if a != b}


def test_two_hosts() -> None:
    made = plan(pair())
    assert [(host.id, host.name, host.site, host.loopback) for host in made.hosts] == [
        ("h1", "h1", "AMS", "100.64.0.1"),
        ("h2", "h2", "MIL", "100.64.0.2"),
    ]
    (circuit,) = made.circuits
    assert [(end.name, end.index, end.mac, end.address) for end in circuit.ends] == [
        ("h1-eth0", 2, "02:00:00:00:00:01", "10.0.0.0/31"),
        ("h2-eth0", 2, "02:00:00:00:00:02", "10.0.0.1/31"),
    ]
    assert [(route.gateway, route.interface, route.destinations) for route in made.hosts[0].routes] == [
        ("10.0.0.1", "h1-eth0", ("100.64.0.2/32",))
    ]


@pytest.mark.parametrize(
    ("delay", "delay_ns"), [("18100us", 18_100_000), ("1us", 1000), ("0us", 0), ("60s", 60 * 10**9)]
)
def test_each_direction_has_the_links_delay(delay: str, delay_ns: int) -> None:
    (circuit,) = plan(pair(delay=delay)).circuits
    assert [end.egress.delay_ns if end.egress else None for end in circuit.ends] == [delay_ns, delay_ns]
    assert circuit.rtt_ns == 2 * delay_ns


@pytest.mark.parametrize("rtt_ms", ["36.2", "40.001", "0.003", "36.501"])
def test_the_two_directions_add_up_exactly_to_a_given_round_trip(rtt_ms: str) -> None:
    own = parse_circuits(Source("own", f'{{"AMS-MIL": {rtt_ms}}}'))
    (circuit,) = plan(pair(), Options(circuits=own)).circuits
    total = sum(end.egress.delay_ns for end in circuit.ends if end.egress)
    assert total == round(float(rtt_ms) * 1e6) == circuit.rtt_ns
    assert circuit.source == "given"


def test_a_links_other_attributes() -> None:
    (circuit,) = plan(pair(jitter="2ms", loss="0.5%", bandwidth=100)).circuits
    egress = circuit.first.egress
    assert egress is not None
    assert (egress.jitter_ns, egress.loss.percent, egress.rate_bps) == (2_000_000, 0.5, 10**8)
    # 18.1 ms and 2 ms of packets in flight, 36.2 ms of them waiting
    assert egress.queue_packets == 168 + 302


def test_a_queue_is_never_netems_default() -> None:
    queues = {end.egress.queue_packets for end in plan(mesh(5)).ends if end.egress}
    assert 1000 not in queues


def test_every_direction_has_a_seed_of_its_own() -> None:
    seeds = [end.egress.seed for end in plan(mesh(6)).ends if end.egress]
    assert len(set(seeds)) == len(seeds) == 30
    assert 0 not in seeds
    assert [end.egress.seed for end in plan(mesh(6), Options(seed=2)).ends if end.egress] != seeds


def test_an_ideal_plan_needs_nothing_of_the_kernel() -> None:
    made = plan(pair(), Options(impaired=False))
    assert not made.is_impaired
    assert made.circuits[0].rtt_ns == 0
    assert plan(pair()).is_impaired


def test_a_direct_circuit_wins_over_a_quicker_detour() -> None:
    found = paths([("a", "b", "50ms"), ("a", "c", "1ms"), ("c", "b", "1ms")])
    assert found["ab"] == "a>b"
    assert found["ba"] == "b>a"


def test_without_a_circuit_the_quickest_path_is_taken_and_not_the_shortest() -> None:
    slow: list[Edge] = [("a", "b", "30ms"), ("b", "d", "30ms")]
    quick: list[Edge] = [("a", "c", "10ms"), ("c", "e", "10ms"), ("e", "d", "10ms")]
    assert paths([*slow, *quick])["ad"] == "a>c>e>d"


def test_the_quickest_path_counts_that_a_host_in_between_keeps_to_its_circuit() -> None:
    # b would reach d quicker by c, but b has a circuit to d, so all that passes b takes it
    found = paths(
        [
            ("a", "b", "1ms"),
            ("b", "d", "50ms"),
            ("b", "c", "1ms"),
            ("c", "d", "1ms"),
            ("a", "e", "9ms"),
            ("e", "d", "9ms"),
        ]
    )
    assert found["bd"] == "b>d"
    assert found["ad"] == "a>e>d"


def test_of_parallel_circuits_the_quicker_carries_the_traffic() -> None:
    made = plan(joined([("a", "b", "9ms"), ("a", "b", "3ms")]))
    assert (next_hop(made, "a", "b"), next_hop(made, "b", "a")) == ("a-eth1", "b-eth1")


def test_of_equally_quick_paths_the_one_with_fewer_hops_is_taken() -> None:
    found = paths([("a", "b", "0us"), ("b", "c", "0us"), ("c", "d", "0us"), ("a", "e", "0us"), ("e", "d", "0us")])
    assert found["ad"] == "a>e>d"


def test_hosts_at_switches_reach_each_other_straight() -> None:
    found = paths([("a", "s1"), ("b", "s1"), ("s1", "s2"), ("c", "s2")], ("s1", "s2"))
    assert found == {"ab": "a>b", "ac": "a>c", "ba": "b>a", "bc": "b>c", "ca": "c>a", "cb": "c>b"}


def test_a_path_goes_over_hosts_between_switches() -> None:
    edges: list[Edge] = [("a", "s1"), ("r", "s1"), ("r", "s2"), ("b", "s2"), ("b", "c")]
    found = paths(edges, ("s1", "s2"))
    assert found["ac"] == "a>r>b>c"
    assert found["ca"] == "c>b>r>a"
    made = plan(joined(edges, ("s1", "s2")))
    assert {IPv4Interface(end.address).network for end in made.ends if end.address} == {
        IPv4Network("10.0.0.0/31"), IPv4Network("10.0.0.2/31"), IPv4Network("10.0.0.4/31"),
    }  # fmt: skip


def test_a_circuit_wins_over_a_switch_that_joins_the_same_hosts() -> None:
    made = plan(joined([("a", "s1", "1ms"), ("b", "s1", "1ms"), ("a", "b", "50ms")], ("s1",)))
    assert next_hop(made, "a", "b") == "a-eth1"


def test_what_is_not_joined_has_no_route() -> None:
    made = plan(joined([("a", "b"), ("c", "d")], alone=["e"]))
    assert next_hop(made, "a", "b") == "a-eth0"
    assert next_hop(made, "a", "c") is None
    assert [host.name for host in made.hosts] == ["a", "b", "c", "d", "e"]


_EDGES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 50)), min_size=1, max_size=25)


@settings(max_examples=150)
@given(_EDGES, st.sets(st.integers(0, 9), max_size=4))
def test_every_host_reaches_every_other_that_is_joined_to_it(
    edges: list[tuple[int, int, int]], switches: set[int]
) -> None:
    named: list[Edge] = [(f"n{a}", f"n{b}", f"{delay}ms") for a, b, delay in edges if a != b]
    hosts = {node for edge in named for node in edge[:2]} - {f"n{number}" for number in switches}
    if not hosts:
        return
    made = plan(joined(named, [f"n{number}" for number in switches]))
    part = {node: node for edge in named for node in edge[:2]}
    for _ in part:
        for edge in named:
            part[edge[0]] = part[edge[1]] = min(part[edge[0]], part[edge[1]])
    names = {host.id: host.name for host in made.hosts}
    direct = {frozenset(edge[:2]) for edge in named}
    for a in hosts:
        for b in hosts - {a}:
            way = path(made, names[a], names[b])
            assert (way[-1] == names[b]) == (part[a] == part[b])
            if frozenset((a, b)) in direct:
                assert way == [names[a], names[b]]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (1, 1, ["1/32"]),
        (0, 255, ["0/24"]),
        (1, 6, ["1/32", "2/31", "4/31", "6/32"]),
        (5, 4, []),
    ],
)
def test_networks_hold_addresses_and_no_other(first: int, last: int, expected: list[str]) -> None:
    assert [f"{start}/{length}" for start, length in networks(first, last)] == expected


def test_a_ring_of_400_sums_its_routes_up() -> None:
    made = plan(ring(400))
    assert max(sum(len(route.destinations) for route in host.routes) for host in made.hosts) < 30
    assert len(path(made, "h1", "h201")) == 201


def test_no_route_leads_to_an_address_that_nobody_has() -> None:
    made = plan(ring(37))
    owned = {int(IPv4Address(host.loopback)) for host in made.hosts}
    for host in made.hosts:
        led = [network for route in host.routes for network in map(IPv4Network, route.destinations)]
        addresses = [number for network in led for number in range(int(network[0]), int(network[-1]) + 1)]
        assert sorted(addresses) == sorted(owned - {int(IPv4Address(host.loopback))})


def test_switches() -> None:
    made = plan(triangle())
    assert [
        (item.id, item.kind, item.spanning_tree, [c.address for c in item.controllers]) for item in made.switches
    ] == [
        ("fabric", "ovs", True, ["192.168.7.1"]),
        ("s1", "ovs", True, []),
        ("s9", "ovs", True, []),
    ]
    addressed = {end.name: end.address for end in made.ends if end.node == made.switches[0].name}
    assert sorted(address for address in addressed.values() if address) == ["192.168.7.2/24"]


def test_switches_without_a_loop_need_no_spanning_tree() -> None:
    made = plan(joined([("a", "s1"), ("s1", "s2"), ("s2", "b")], ("s1", "s2")), Options(switch="bridge"))
    assert [(item.kind, item.spanning_tree) for item in made.switches] == [("bridge", False), ("bridge", False)]


def test_interfaces_of_switches_have_indexes_in_one_namespace() -> None:
    made = plan(triangle())
    switches = {switch.name for switch in made.switches}
    indexes = [end.index for end in made.ends if end.node in switches]
    assert sorted(indexes) == list(range(2, 2 + len(indexes)))


def test_hostile_ids_become_names_that_do_no_harm() -> None:
    made = plan(hostile_testbed())
    names = [*(host.name for host in made.hosts), *(switch.name for switch in made.switches)]
    assert len({name.lower() for name in names}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) for name in names)
    interfaces = [end.name for end in made.ends]
    assert len(set(interfaces)) == len(interfaces)
    assert all(len(name.encode()) <= 15 for name in interfaces)
    assert from_json(to_json(made)) == made


def test_the_same_testbed_gives_the_same_plan() -> None:
    assert to_json(plan(triangle())) == to_json(plan(triangle()))


def _without_an_end() -> Testbed:
    testbed = pair()
    return Testbed("T", "T", resources=testbed.resources, adjacencies=testbed.adjacencies[:1])


@pytest.mark.parametrize(
    ("testbed", "message"),
    [
        (Testbed("T", "T"), "has no host"),
        (Testbed("T", "T", resources=(Resource("vsi", "s1", ports=(Port("p"),)),)), "has no host"),
        (_without_an_end(), "link `l1` does not join two ports"),
        (pair(delay="soon"), "link `l1`: .* is not a duration"),
        (pair(bandwidth=-1), "link `l1`: .* out of range"),
    ],
)
def test_what_cannot_be_planned(testbed: Testbed, message: str) -> None:
    with pytest.raises(PlanError, match=message) as caught:
        plan(testbed)
    assert caught.value.exit_status == 1
    assert "\n" not in str(caught.value)


def test_own_circuits_may_name_sites_of_their_own() -> None:
    own: Circuits = parse_circuits(Source("own", '{"LAB-XYZ": "3ms"}'))
    made = plan(joined([("a", "b")], sites={"a": "LAB", "b": "XYZ"}), Options(circuits=own))
    assert made.circuits[0].rtt_ns == 3_000_000
