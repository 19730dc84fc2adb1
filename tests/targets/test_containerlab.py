"""The containerlab topology file, against the structure that containerlab publishes (schemas/clab.schema.json)."""

from __future__ import annotations

import re
import shlex
from typing import TypedDict, cast
from urllib.parse import unquote

import jsonschema_rs
import pytest
import yaml

from emulator.plan import plan
from gtsdsl.model.shapes import build
from gtsdsl.model.testbed import Port, Resource, Testbed
from gtsdsl.model.values import Value
from gtsdsl.targets import compile_to
from gtsdsl.topology.model import Topology
from tests.hostile import hostile_testbed
from tests.targets.golden import matches
from tests.targets.samples import host, link, pair, triangle, wired

# What containerlab's schema says of the keys that the target writes; any other key is refused here.
_SCHEMA = {
    "type": "object",
    "required": ["name", "topology"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9-._]*$"},
        "topology": {
            "type": "object",
            "required": ["nodes"],
            "additionalProperties": False,
            "properties": {
                "kinds": {"type": "object", "patternProperties": {"^linux$": {"$ref": "#/definitions/node"}}},
                "nodes": {
                    "type": "object",
                    "patternProperties": {"^[a-zA-Z0-9][a-zA-Z0-9-._|]*$": {"$ref": "#/definitions/node"}},
                    "additionalProperties": False,
                },
                "links": {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/link"}},
            },
        },
    },
    "definitions": {
        "node": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "kind": {"enum": ["linux", "bridge", "ovs-bridge"]},
                "image": {"type": "string"},
                "labels": {"type": "object", "patternProperties": {".+": {"type": "string", "minLength": 1}}},
                "exec": {"type": "array", "minItems": 1, "items": {"type": "string"}},
            },
        },
        "link": {
            "type": "object",
            "required": ["endpoints"],
            "additionalProperties": False,
            "properties": {
                "endpoints": {
                    "type": "array",
                    "minItems": 2,
                    "maxItems": 2,
                    "uniqueItems": True,
                    "items": {"type": "string", "pattern": r"^\S+:\S+$"},
                },
                "mtu": {"type": "integer"},
            },
        },
    },
}


class _Node(TypedDict, total=False):
    kind: str
    labels: dict[str, str]
    exec: list[str]


class _Link(TypedDict):
    endpoints: list[str]
    mtu: int


class _Topology(TypedDict, total=False):
    kinds: dict[str, dict[str, str]]
    nodes: dict[str, _Node]
    links: list[_Link]


def _topology(testbed: Testbed) -> _Topology:
    document = yaml.safe_load(compile_to(testbed, "containerlab"))
    jsonschema_rs.validator_for(_SCHEMA).validate(document)
    return cast("_Topology", document["topology"])


TESTBEDS = [pair(), triangle(), hostile_testbed(), Testbed("Empty", "Empty"), Testbed("", "")]


@pytest.mark.parametrize("testbed", TESTBEDS, ids=lambda testbed: testbed.type)
def test_every_node_and_link_is_there(testbed: Testbed) -> None:
    topology = _topology(testbed)
    ids = {name: unquote(node["labels"]["gts-id"]) for name, node in topology["nodes"].items()}
    assert list(ids.values()) == list(Topology.of(testbed).nodes)
    joined = [[ids[endpoint.split(":")[0]] for endpoint in item["endpoints"]] for item in topology.get("links", [])]
    assert joined == [[end.resource for end in wire.ends] for wire in Topology.of(testbed).wires]


@pytest.mark.parametrize("testbed", TESTBEDS, ids=lambda testbed: testbed.type)
def test_names_are_containers_and_interfaces(testbed: Testbed) -> None:
    topology = _topology(testbed)
    assert all(re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,59}", name) for name in topology["nodes"])
    endpoints = [endpoint for item in topology.get("links", []) for endpoint in item["endpoints"]]
    assert len(set(endpoints)) == len(endpoints)
    assert all(re.fullmatch(r"[^:]+:eth[1-9][0-9]{0,8}", endpoint) for endpoint in endpoints)


@pytest.mark.parametrize("testbed", TESTBEDS, ids=lambda testbed: testbed.type)
def test_nothing_is_left_for_templates_variables_or_terminals(testbed: Testbed) -> None:
    text = compile_to(testbed, "containerlab")
    assert "{{" not in text
    assert "$" not in text
    assert re.fullmatch(r"[\n -~]+", text)


@pytest.mark.parametrize("testbed", TESTBEDS, ids=lambda testbed: testbed.type)
def test_commands_hold_nothing_but_our_own_words(testbed: Testbed) -> None:
    number = r"[0-9]+(\.[0-9]+)?"
    own = re.compile(
        r"ip link add br0 type bridge stp_state 1 forward_delay 200|ip link set br0 up|ip link set eth\d+ master br0"
        r"|ip address add [0-9.]+/\d+ dev (eth\d+|lo)|ip route add [0-9.]+/\d+ via [0-9.]+ dev eth\d+ src [0-9.]+"
        r"|ip address add [0-9a-f:]+/\d+ dev (eth\d+|lo) nodad"
        r"|ip -6 route add [0-9a-f:]+/\d+ via [0-9a-f:]+ dev eth\d+ src [0-9a-f:]+"
        r"|sysctl -w( net\.ipv[46]\.[a-z0-9_.]+=\d+)+"
        r"|sh -c 'printf \"([0-9a-f.:]+ [a-zA-Z0-9._-]+\\n)+\" >> /etc/hosts'"
        rf"|tc qdisc replace dev eth\d+ root netem delay \d+us( \d+us)?( loss {number}%)? rate \d+bit limit \d+"
    )
    for node in _topology(testbed)["nodes"].values():
        for command in node.get("exec", []):
            assert own.fullmatch(command)
            assert shlex.join(shlex.split(command)) == command


def test_a_strangers_image_is_never_pulled() -> None:
    topology = _topology(hostile_testbed())
    assert topology["kinds"] == {"linux": {"image": "nicolaka/netshoot:latest"}}
    for node in topology["nodes"].values():
        assert "image" not in node
        assert node["labels"]["gts-image-id"] == node["labels"]["gts-id"]


def test_a_host_has_an_address_and_half_of_the_round_trip_on_its_egress() -> None:
    assert _topology(pair(jitter="1.5ms", loss="0.1%", bandwidth=100))["nodes"]["h1"] == {
        "kind": "linux",
        "labels": {"gts-id": "h1", "gts-class": "host", "gts-location": "AMS"},
        "exec": [
            "sysctl -w net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 "
            "net.ipv4.conf.eth1.rp_filter=0 net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.all.forwarding=1",
            "ip address add 100.64.0.1/32 dev lo",
            "ip address add fd74:e102:a04c:ffff::1/128 dev lo nodad",
            "ip address add 10.0.0.0/31 dev eth1",
            "ip address add fd74:e102:a04c::2/127 dev eth1 nodad",
            "tc qdisc replace dev eth1 root netem delay 18100us 1500us loss 0.1% rate 100000000bit limit 466",
            "ip route add 100.64.0.2/32 via 10.0.0.1 dev eth1 src 100.64.0.1",
            "ip -6 route add fd74:e102:a04c:ffff::2/128 via fd74:e102:a04c::3 dev eth1 src fd74:e102:a04c:ffff::1",
            'sh -c \'printf "100.64.0.1 h1\\n100.64.0.2 h2\\nfd74:e102:a04c:ffff::1 h1\\nfd74:e102:a04c:ffff::2 h2\\n"'
            " >> /etc/hosts'",
        ],
    }


def test_a_switch_is_a_bridge_that_leaves_its_control_port_alone() -> None:
    node = _topology(triangle())["nodes"]["fabric"]
    assert node["labels"]["gts-controllers"] == "192.168.7.1:6633"
    assert [command for command in node["exec"] if not command.startswith("tc")] == [
        "ip link add br0 type bridge stp_state 1 forward_delay 200",
        "ip link set br0 up",
        "ip link set eth1 master br0",
        "ip link set eth2 master br0",
        "ip link set eth3 master br0",
        "ip address add 192.168.7.2/24 dev eth4",
        "ip address add fd74:e102:a04c::3/127 dev eth4 nodad",
    ]


@pytest.mark.parametrize(
    ("attributes", "flags"),
    [
        ({}, "--delay 18100us --rate 1000000"),
        ({"delay": "0us", "jitter": "1ms"}, "--delay 1us --jitter 1000us --rate 1000000"),
        ({"loss": "0.1%", "bandwidth": "0.5"}, "--delay 18100us --loss 0.1 --rate 500"),
    ],
)
def test_the_commands_of_containerlab_stand_in_comments(attributes: dict[str, Value], flags: str) -> None:
    lines = compile_to(pair(**attributes), "containerlab").splitlines()
    for node in ("h1", "h2"):
        assert f"#   containerlab tools netem set -n clab-Sample-{node} -i eth1 {flags}" in lines


@pytest.mark.parametrize("name", ["host", "mgmt-net", "macvlan", "dummy", "vxlan", "HOST"])
def test_a_node_is_never_named_what_containerlab_takes_for_the_machine(name: str) -> None:
    testbed = wired([host(name, "AMS", "p"), host("h2", "MIL", "p")], [(link("l1"), f"{name}.p", "h2.p")])
    assert name not in _topology(testbed)["nodes"]


def test_a_flavor_and_a_bare_metal_servers_image_are_kept() -> None:
    topology = _topology(triangle())["nodes"]
    assert topology["h1"]["labels"]["gts-flavor-id"] == "c2r4h20"
    assert topology["bms"]["labels"]["gts-image-id"] == "Debian"


def test_a_reference_to_a_port_of_a_nested_testbed_is_followed() -> None:
    island = wired([Resource("host", "h1", "BRA", {}, (Port("p"),))], [])
    testbed = Testbed("T", "T", resources=(Testbed("Island", "s1", resources=island.resources),))
    assert _topology(testbed)["nodes"]["s1-h1"]["labels"]["gts-id"] == "s1/h1"


def _commands_of(testbed: Testbed, beginning: str) -> dict[str, list[str]]:
    nodes_of = _topology(testbed)["nodes"]
    return {
        name: [command for command in node.get("exec", []) if command.startswith(beginning)]
        for name, node in nodes_of.items()
    }


@pytest.mark.parametrize("testbed", [pair(), triangle(), build("ring", ["AMS", "MIL"], 9)], ids=lambda it: it.type)
def test_routes_and_addresses_are_those_of_the_plan(testbed: Testbed) -> None:
    made = plan(testbed)
    addresses = _commands_of(testbed, "ip address")
    for machine in made.hosts:
        for command, of_family in (("ip route", machine.routes), ("ip -6 route", machine.ipv6_routes)):
            gateways = [f"{network} via {route.gateway}" for route in of_family for network in route.destinations]
            routes = _commands_of(testbed, command)[machine.id]
            assert [re.sub(f"{command} add | dev .*", "", it) for it in routes] == gateways
        ends = [end for end in made.ends if end.node == machine.name]
        assert [it.split()[3] for it in addresses[machine.id]] == [
            f"{machine.loopback}/32",
            f"{machine.ipv6_loopback}/128",
            *(address for end in ends for address in (end.address, end.ipv6_address)),
        ]
    switches = {switch.name: switch.id for switch in made.switches}
    for end in made.ends:
        if end.node in switches and end.address is not None:
            assert any(end.address in command for command in addresses[switches[end.node]])


def test_a_packet_may_pass_a_long_line_of_hosts() -> None:
    commands = _commands_of(build("line", ["AMS"], 65), "sysctl")["h1"]
    assert "net.ipv4.ip_default_ttl=255" in commands[0]


def test_golden() -> None:
    matches("triangle.clab.yml", compile_to(triangle(), "containerlab"))


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"loss": "1% 25%"}, "loss 1% 25%"),
        ({"loss": "gemodel 1% 10%"}, "loss gemodel 1% 10% 100% 0%"),
        ({"corrupt": "1%", "duplicate": "2%", "reorder": "3%"}, "corrupt 1% duplicate 2% reorder 3%"),
    ],
)
def test_losses_are_in_the_words_of_tc(attributes: dict[str, Value], words: str) -> None:
    commands = _topology(pair(**attributes))["nodes"]["h1"]["exec"]
    assert any(f"netem delay 18100us {words} rate" in command for command in commands)


def test_a_link_has_the_mtu_of_the_circuit_and_a_black_hole_drops_at_both_ends() -> None:
    topology = _topology(pair(mtu=9000, black_hole=True))
    assert [item["mtu"] for item in topology["links"]] == [9000]
    assert [item["mtu"] for item in _topology(pair())["links"]] == [1500]
    for node in topology["nodes"].values():
        assert "tc qdisc add dev eth1 clsact" in node["exec"]
        assert sum(command.startswith("tc filter add dev eth1 egress protocol ip") for command in node["exec"]) == 2
