"""The common part of flannel's backends: their names, the containers' MTU, and the leases that they write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.overlays.flannel.agent import BACKENDS
from emulator.overlays.flannel.backend import Backend
from emulator.overlays.flannel.leases import lease_to_json
from emulator.overlays.flannel.udp import Udp
from tests.emulator.overlays.flannel.samples import HOST, NO_KERNEL, lease


@pytest.mark.parametrize(
    ("name", "mtu_bytes"), [("vxlan", 8950), ("host-gw", 9000), ("udp", 8972), ("wireguard", 8920)]
)
def test_the_containers_mtu_is_that_of_the_circuits_less_the_overhead(name: str, mtu_bytes: int) -> None:
    assert BACKENDS[name](replace(HOST, circuit_mtu_bytes=9000), NO_KERNEL).mtu_bytes == mtu_bytes


@pytest.mark.parametrize("kind", BACKENDS.values())
def test_a_lease_has_its_backends_name_unless_the_backend_is_udp(kind: type[Backend]) -> None:
    assert kind.lease_type == ("" if kind is Udp else kind.type)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("udp", '{"PublicIP":"100.64.0.1","PublicIPv6":null}'),
        ("host-gw", '{"PublicIP":"100.64.0.1","PublicIPv6":null,"BackendType":"host-gw"}'),
        (
            "vxlan",
            '{"PublicIP":"100.64.0.1","PublicIPv6":null,"BackendType":"vxlan",'
            '"BackendData":{"VNI":1,"VtepMAC":"0e:f1:64:40:00:01"}}',
        ),
    ],
)
def test_a_lease_says_what_other_hosts_must_know_of_the_device(name: str, value: str) -> None:
    backend = BACKENDS[name](HOST, NO_KERNEL)
    assert lease_to_json(lease(1, backend.lease_type, backend.lease_data())) == value
