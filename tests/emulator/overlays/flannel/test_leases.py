"""Flannel's keys and JSON, with examples from flannel's documentation (reservations.md, configuration.md)."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

import pytest

from emulator.overlays.flannel.leases import (
    CONFIG_KEY,
    Config,
    Lease,
    NoSubnetError,
    config_from_json,
    config_to_json,
    format_subnet_file,
    key_of,
    lease_from_json,
    lease_to_json,
    parse_subnet_file,
    subnets_of,
)

CONFIG = Config(IPv4Network("10.244.0.0/16"), 24, "vxlan")
(SUBNETS,) = CONFIG.ranges
KEY = "/coreos.com/network/subnets/10.5.52.0-24"
VALUE = (
    '{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"vxlan",'
    '"BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}'
)
LEASE = Lease(
    IPv4Network("10.5.52.0/24"), "192.168.64.3", "vxlan", '{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}'
)  # fmt: skip


def nth(*numbers: int) -> list[IPv4Network]:
    return [IPv4Network(f"10.244.{number}.0/24") for number in numbers]


def test_a_lease_is_what_flannels_documentation_shows() -> None:
    assert key_of(LEASE.subnet) == KEY
    assert lease_to_json(LEASE) == VALUE
    assert lease_from_json(KEY, VALUE) == LEASE


def test_the_backend_udp_leaves_its_type_out() -> None:
    lease = Lease(IPv4Network("10.5.1.0/24"), "192.168.64.3")
    assert lease_to_json(lease) == '{"PublicIP":"192.168.64.3","PublicIPv6":null}'
    assert lease_from_json(key_of(lease.subnet), lease_to_json(lease)) == lease


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (KEY, "[]"),
        (KEY, "no JSON"),
        (KEY, "{}"),
        (KEY, '{"PublicIP":"300.1.1.1"}'),
        ("/coreos.com/network/subnets/10.5.52.0", VALUE),
        ("/coreos.com/network/subnets/10.5.52.7-24", VALUE),
        ("/coreos.com/network/config", VALUE),
    ],
)
def test_what_is_no_lease_is_none(key: str, value: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several modules; the agent passes it over whatever it says
        lease_from_json(key, value)


def test_a_key_names_a_subnet_or_none() -> None:
    assert subnets_of("/coreos.com/network/subnets/10.244.5.0-24") == (IPv4Network("10.244.5.0/24"),)
    dual = (IPv4Network("10.244.5.0/24"), IPv6Network("fc00:5::/64"))
    assert subnets_of("/coreos.com/network/subnets/10.244.5.0-24&fc00:5::-64") == dual
    assert key_of(*dual) == "/coreos.com/network/subnets/10.244.5.0-24&fc00:5::-64"
    for wrong in ("10.244.5.0-40", "10.244.5.0-24&fc00:5::1-64", "10.244.5.0-24&fc00:5::-129", "fc00:5::-64"):
        assert subnets_of(f"/coreos.com/network/subnets/{wrong}") == ()


def test_the_configuration_is_flannels() -> None:
    assert CONFIG_KEY == "/coreos.com/network/config"
    assert config_to_json(CONFIG) == '{"Network":"10.244.0.0/16","SubnetLen":24,"Backend":{"Type":"vxlan"}}'
    assert config_from_json(config_to_json(CONFIG)) == CONFIG


def test_the_mtu_is_that_of_the_circuits() -> None:
    config = replace(CONFIG, circuit_mtu_bytes=1400)
    assert '"Backend":{"Type":"vxlan","MTU":1400}' in config_to_json(config)
    assert config_from_json(config_to_json(config)) == config


@pytest.mark.parametrize(
    ("text", "network", "bits", "backend"),
    [
        ('{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}', "10.244.0.0/16", 24, "vxlan"),
        ('{"Network":"10.244.0.0/16"}', "10.244.0.0/16", 24, "udp"),
        ('{"Network":"10.244.0.0/16","SubnetLen":0,"Backend":null}', "10.244.0.0/16", 24, "udp"),
        ('{"Network":"10.244.0.0/23","Backend":{"Type":"host-gw"}}', "10.244.0.0/23", 25, "host-gw"),
        ('{"Network":"10.244.0.0/28","Backend":{"Type":"host-gw"}}', "10.244.0.0/28", 30, "host-gw"),
        ('{"network":"10.244.7.1/16","subnetLen":20,"backend":{"type":"udp"}}', "10.244.0.0/16", 20, "udp"),
    ],
)
def test_what_is_not_said_is_as_flannel_has_it(text: str, network: str, bits: int, backend: str) -> None:
    assert config_from_json(text) == Config(IPv4Network(network), bits, backend)


def test_what_says_flannels_own_defaults_asks_for_nothing_more() -> None:
    text = (
        '{"EnableIPv4":true,"EnableIPv6":false,"EnableNFTables":true,"Network":"10.244.0.0/16","SubnetLen":24,'
        '"SubnetMin":"10.244.1.0","SubnetMax":"10.244.255.0","IPv6Network":"fc00::/48",'
        '"Backend":{"Type":"vxlan","VNI":1,"Port":8472,"GBP":false,"Learning":false,"DirectRouting":false}}'
    )
    assert config_from_json(text) == CONFIG


@pytest.mark.parametrize(
    ("more", "backend", "message"),
    [
        ("", '{"Type":"vxlan","VNI":7}', "Backend.VNI is 7, and only 1 is supported"),
        ("", '{"Type":"vxlan","port":4789}', "Backend.Port is 4789, and only 8472 is supported"),
        ("", '{"Type":"vxlan","DirectRouting":true}', "Backend.DirectRouting is true, and only false is supported"),
        ("", '{"Type":"vxlan","MTU":"9000"}', 'Backend.MTU is "9000", and not a number of bytes'),
        ("", '{"Type":"wireguard","PSK":"a secret"}', "Backend.PSK is set, which is not supported"),
        ("", '{"Type":"wireguard","Mode":"auto"}', 'Backend.Mode is "auto", and only "separate" is supported'),
        ("", '{"Type":"udp","Port":7890}', "Backend.Port is 7890, and only 8285 is supported"),
        ("", '{"Type":"ipip"}', 'Backend.Type is "ipip", and only vxlan, host-gw, udp, wireguard are supported'),
        ("", '{"VNI":1}', 'Backend.Type is "", and only vxlan, host-gw, udp, wireguard are supported'),
        ("", "7", "7 is not a JSON object"),
        (
            '"SubnetMin":"10.244.9.0",', '{"Type":"vxlan"}',
            'SubnetMin is "10.244.9.0", and only "10.244.1.0" is supported',
        ),
        (
            '"SubnetMax":"10.244.99.0",', '{"Type":"vxlan"}',
            'SubnetMax is "10.244.99.0", and only "10.244.255.0" is supported',
        ),
        ('"EnableIPv6":true,', '{"Type":"udp"}', "EnableIPv6 is true, and only false is supported"),
        ('"EnableIPv6":1,', '{"Type":"vxlan"}', "IPv6Network: At least 3 parts expected in 'None'"),
        (
            '"SubnetLen":17,', '{"Type":"vxlan"}',
            "SubnetLen is 17, and flannel needs four subnets of /30 or larger in 10.244.0.0/16",
        ),
    ],
)  # fmt: skip
def test_what_is_not_done_is_named(more: str, backend: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        config_from_json(f'{{{more}"Network":"10.244.0.0/16","Backend":{backend}}}')


@pytest.mark.parametrize("text", ["[]", "no JSON", "{}", '{"Network":"300.0.0.0/8"}', '{"Network":"10.0.0.0/29"}'])
def test_what_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several modules
        config_from_json(text)


def test_a_host_takes_the_subnet_of_its_number_and_never_the_first() -> None:
    assert [SUBNETS.choose(number, [], None) for number in (1, 2, 255)] == nth(1, 2, 255)


def test_a_subnet_that_is_taken_is_passed_over() -> None:
    assert [SUBNETS.choose(2, nth(2, 3), None)] == nth(4)
    assert [SUBNETS.choose(255, nth(255), None)] == nth(1)
    with pytest.raises(NoSubnetError, match=r"10\.244\.0\.0/16 has no free subnet: 255 are in use"):
        SUBNETS.choose(1, nth(*range(1, 256)), None)


def test_the_subnet_that_a_host_had_before_goes_first_if_it_is_free() -> None:
    (before,) = nth(77)
    assert SUBNETS.choose(1, [], before) == before
    assert [SUBNETS.choose(1, [before], before)] == nth(1)
    assert [SUBNETS.choose(1, [], IPv4Network("10.9.0.0/24"))] == nth(1)


def test_the_file_for_containers_is_as_flannel_writes_it() -> None:
    config = Config(IPv4Network("10.5.0.0/16"), 24, "vxlan")
    text = format_subnet_file(config, [IPv4Network("10.5.52.0/24")], 1450)
    assert text == "FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.52.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n"
    assert parse_subnet_file(text) == (IPv4Network("10.5.52.0/24"),)
    assert parse_subnet_file("FLANNEL_SUBNET=nonsense") == parse_subnet_file("") == ()
