"""The impairments of a circuit: from its attributes, or else from the circuit between its sites."""

from __future__ import annotations

import pytest

from gtsdsl.circuits import Circuits, parse_circuits
from gtsdsl.model.jitter import Jitter
from gtsdsl.model.losses import Loss
from gtsdsl.model.testbed import Port, Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import Source
from gtsdsl.topology.impairments import MIN_QUEUE_PACKETS, Impairment, impairments
from gtsdsl.topology.model import Topology
from tests.targets.samples import host, link, pair, triangle, wired


def _impairments(testbed: Testbed, own: Circuits | None = None) -> dict[str, Impairment]:
    """Return the impairment of each link whose directions are alike."""
    found = impairments(Topology.of(testbed), own)
    assert all(there == back for there, back in found.values())
    return {name: there for name, (there, _) in found.items()}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, Impairment(36_200, "measured")),
        ({"delay": "40ms"}, Impairment(80_000, "link")),
        ({"delay": "0us"}, Impairment(0, "link")),
        ({"jitter": "2ms", "loss": "1%"}, Impairment(36_200, "measured", jitter=Jitter(2000), loss=Loss(1))),
        ({"bandwidth": "100"}, Impairment(36_200, "measured", rate_bps=10**8)),
        ({"mtu": 9000, "black_hole": True}, Impairment(36_200, "measured", mtu_bytes=9000, is_black_hole=True)),
    ],
)
def test_the_circuit_between_two_sites(attributes: dict[str, Value], expected: Impairment) -> None:
    assert _impairments(pair(**attributes)) == {"l1": expected}


@pytest.mark.parametrize(
    ("first", "second", "source"),
    [
        ("AMS", "mil", "measured"),
        ("PRG", "LJU", "estimated"),
        ("AMS", "AMS", "estimated"),
        ("AMS", "XYZ", "unknown"),
        (None, "AMS", "unknown"),
    ],
)
def test_where_a_delay_comes_from(first: str | None, second: str | None, source: str) -> None:
    testbed = wired([host("h1", first, "p"), host("h2", second, "p")], [(link("l1"), "h1.p", "h2.p")])
    effect = _impairments(testbed)["l1"]
    assert effect.delay_source == source
    assert (effect.delay_us > 0) == (source != "unknown")


def test_a_users_own_circuits_go_first_and_a_links_own_delay_before_them() -> None:
    own = _own('{"MIL-AMS": 40.0}')
    assert _impairments(pair(), own)["l1"].delay_us == 20_000
    assert _impairments(pair(delay="1ms"), own)["l1"].delay_us == 1000


def _own(text: str) -> Circuits:
    return parse_circuits(Source("own.json", text))


@pytest.mark.parametrize("attributes", [{"delay": "18"}, {"jitter": 1}, {"loss": "2"}, {"bandwidth": 0}])
def test_a_wrong_attribute_names_the_link(attributes: dict[str, Value]) -> None:
    with pytest.raises(ValueError, match="link `l1`: "):
        _impairments(pair(**attributes))


def test_a_link_with_one_end_has_no_impairment() -> None:
    testbed = pair()
    broken = Testbed("T", "T", resources=testbed.resources, adjacencies=testbed.adjacencies[:1])
    assert _impairments(broken) == {}


def test_a_queue_holds_what_is_in_flight_and_a_bandwidth_delay_product() -> None:
    effect = _impairments(pair())["l1"]
    in_flight = effect.rate_bps * effect.delay_us / 1e6 / 8 / 1500
    assert effect.queue_packets == pytest.approx(3 * in_flight, abs=2)
    assert Impairment().queue_packets == MIN_QUEUE_PACKETS
    assert Impairment(120_000_000, rate_bps=10**12).queue_packets < 2**31


@pytest.mark.parametrize(
    ("rate_bps", "packets"),
    [
        (10**9, 1509 + 3017),  # 36.2 ms: 18.1 ms of packets in flight, 36.2 ms of them waiting
        (10**8, 151 + 302),
        (10**7, 16 + 100),  # waiting: the least
        (10**6, 2 + 100),
    ],
)
def test_a_queue_follows_the_rate(rate_bps: int, packets: int) -> None:
    assert Impairment(36_200, rate_bps=rate_bps).queue_packets == packets


def test_jitter_keeps_more_packets_in_flight() -> None:
    calm, jittery = Impairment(36_200), Impairment(36_200, jitter=Jitter(1200))
    assert jittery.queue_packets - calm.queue_packets == 100


@pytest.mark.parametrize("rtt_us", [0, 1, 36_501, 17_399])
def test_the_two_directions_add_up_to_the_round_trip(rtt_us: int) -> None:
    assert 2 * Impairment(rtt_us).delay_ns == rtt_us * 1000


def test_links_inside_nested_testbeds_have_flattened_ids() -> None:
    inner = pair()
    nested = Testbed("Sample", "s1", resources=inner.resources, adjacencies=inner.adjacencies, ports=(Port("x"),))
    assert list(_impairments(Testbed("T", "T", resources=(nested,)))) == ["s1/l1"]


def test_every_wired_link_is_there_in_the_order_of_the_file() -> None:
    assert list(_impairments(triangle())) == ["l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8", "unknown"]


@pytest.mark.parametrize(
    ("attributes", "there", "back"),
    [
        (
            {"delay": "18ms/20ms"},
            Impairment(38_000, "link", one_way_us=18_000),
            Impairment(38_000, "link", one_way_us=20_000),
        ),
        ({"delay": "19ms/19ms"}, Impairment(38_000, "link"), Impairment(38_000, "link")),
        ({"loss": "0%/1%"}, Impairment(36_200, "measured"), Impairment(36_200, "measured", loss=Loss(1))),
        (
            {"bandwidth": "100/20"},
            Impairment(36_200, "measured", rate_bps=10**8),
            Impairment(36_200, "measured", rate_bps=2 * 10**7),
        ),
        (
            {"jitter": "1ms / 2ms"},
            Impairment(36_200, "measured", jitter=Jitter(1000)),
            Impairment(36_200, "measured", jitter=Jitter(2000)),
        ),
    ],
)
def test_each_direction_may_have_a_value_of_its_own(
    attributes: dict[str, Value], there: Impairment, back: Impairment
) -> None:
    testbed = pair(**attributes)
    assert impairments(Topology.of(testbed)) == {"l1": (there, back)}


def test_the_users_own_delays_have_a_direction() -> None:
    own = Circuits(one_way_us={("MIL", "AMS"): 20_000, ("AMS", "MIL"): 18_000})
    ((there, back),) = impairments(Topology.of(pair()), own).values()
    assert (there.delay_us, back.delay_us, there.rtt_us, there.delay_source) == (18_000, 20_000, 38_000, "given")


def test_a_slow_direction_has_a_longer_queue() -> None:
    there, back = Impairment(38_000, one_way_us=8_000), Impairment(38_000, one_way_us=30_000)
    assert back.queue_packets - there.queue_packets == -(-(10**9) * 30_000 // 12_000_000_000) - -(
        -(10**9) * 8_000 // 12_000_000_000
    )


def test_the_options_give_an_mtu_and_a_black_hole_that_a_links_own_attributes_override() -> None:
    own = Circuits(mtu_bytes={("AMS", "MIL"): 9000}, black_holes=frozenset({("AMS", "MIL")}))
    assert (_impairments(pair(), own)["l1"].mtu_bytes, _impairments(pair(), own)["l1"].is_black_hole) == (9000, True)
    stated = _impairments(pair(mtu=1400, black_hole=False), own)["l1"]
    assert (stated.mtu_bytes, stated.is_black_hole) == (1400, False)


@pytest.mark.parametrize(
    ("mtu_bytes", "in_flight", "waiting"), [(1500, 1500, 3000), (750, 3000, 6000), (9000, 1500, 500), (9001, 1500, 500)]
)
def test_the_queue_has_room_for_packets_in_flight_and_waits_with_those_of_the_mtu(
    mtu_bytes: int, in_flight: int, waiting: int
) -> None:
    # 18 ms one way at 1 Gbit/s are 2.25 MB in flight, and a round trip of 36 ms is 4.5 MB
    assert Impairment(36_000, mtu_bytes=mtu_bytes).queue_packets == in_flight + waiting
