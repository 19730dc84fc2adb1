"""The file with a user's own addresses: what it sets, and each mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from gtsdsl.diagnostics import GtsError
from gtsdsl.loading import load
from gtsdsl.source import Source
from gtsdsl.topology.address_plan import load_address_plan, read_address_plan
from gtsdsl.topology.addresses import addresses, ipv6_addresses, ipv6_loopbacks, loopbacks
from gtsdsl.topology.model import Topology
from tests.targets.samples import pair

EXAMPLES = Path(__file__).parents[2] / "examples"


def mistakes(text: str) -> list[tuple[str, str | None]]:
    """Return the message of each finding about a plan for a pair of hosts, and the text that it points at."""
    with pytest.raises(GtsError) as caught:
        read_address_plan(Source("plan.toml", text), pair())
    found = caught.value.diagnostics
    assert {it.code for it in found} == {"GTS008"}
    return [(it.message, None if it.place is None else text[slice(*it.source.span(it.place))]) for it in found]


def test_the_example_gives_two_hosts_and_their_circuit_other_addresses() -> None:
    testbed = load(EXAMPLES / "full_mesh.dsl")
    before, after = (Topology.of(it) for it in (testbed, load_address_plan(EXAMPLES / "addresses.toml", testbed)))
    changed = {str(port): str(it) for port, it in addresses(after).items() if addresses(before)[port] != it}
    assert changed == {"h1.port12": "198.51.100.0/31", "h2.port21": "198.51.100.1/31"}
    changed = {str(port): str(it) for port, it in ipv6_addresses(after).items() if ipv6_addresses(before)[port] != it}
    assert changed == {"h1.port12": "2001:db8:12::a/127", "h2.port21": "2001:db8:12::b/127"}
    assert [str(it) for it in loopbacks(after).values()][:2] == ["192.0.2.1", "192.0.2.2"]
    assert [str(it) for it in ipv6_loopbacks(after).values()][:2] == ["2001:db8::1", "2001:db8::2"]


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("[host]\n", "unknown key `host`: an address plan has [hosts] and [ports]", "host"),
        ("hosts = 1\n", "`hosts` is not a table: write [hosts]", "1"),
        ('[hosts]\nh9 = "192.0.2.1"\n', "the topology has no host `h9`", '"192.0.2.1"'),
        ('[ports]\n"h1.x" = "192.0.2.1/31"\n', "the topology has no port `h1.x`", '"192.0.2.1/31"'),
        ("[hosts]\nh1 = 5\n", "an address is a string", "5"),
        ('[hosts]\nh1 = ["192.0.2.1", "192.0.2.2"]\n', "`h1` has two addresses of one family", '"192.0.2.2"'),
        ('[hosts]\nh1 = "fe80::1"\n', "fe80::1 is a link-local address, which each interface has already", '"fe80::1"'),
        (
            '[hosts]\nh1 = "192.0.2.1"\nh2 = "192.0.2.1"\n',
            "host `h1` and host `h2` both have 192.0.2.1",
            '"192.0.2.1"',
        ),
        (
            '[ports]\n"h1.p" = "192.0.2.1/30"\n"h2.p" = "192.0.2.5/30"\n',
            "port `h2.p` and port `h1.p` reach each other directly, but are in two subnets: 192.0.2.5/30 and "
            "192.0.2.1/30",
            '"192.0.2.5/30"',
        ),
    ],
)
def test_each_mistake_has_its_place(text: str, message: str, place: str) -> None:
    assert mistakes(text) == [(message, place)]


def test_what_is_not_toml_has_a_place() -> None:
    ((message, _),) = mistakes("[hosts\n")
    assert message.startswith("not TOML: ")
