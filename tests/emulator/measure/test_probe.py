"""Round trips over circuits: each probe goes over its own circuit and has an expected time."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from emulator.cpu.model import CpuModel
from emulator.cpu.table import Cost
from emulator.lab.lab import Lab
from emulator.lab.underlay import require_netem
from emulator.measure.echo import FRAME_BYTES
from emulator.measure.probe import BOTH, expected_ns, probe, to_json
from emulator.mininet.network import EmulatedNetwork
from emulator.plan import Options, plan
from emulator.system.errors import EmulationError
from tests.emulator.topologies import joined, mesh, ring

pytestmark = pytest.mark.networks
_IDEAL = Options(impaired=False)
_BRIDGES = Options(impaired=False, switch="bridge")


def test_every_end_answers_in_a_mesh() -> None:
    with Lab(plan(mesh(8), _IDEAL)) as lab:
        result = probe(lab, count=1, warm_up=0)
        both = probe(lab, count=1, warm_up=0, families=BOTH)
    assert [circuit.lost for circuit in result.circuits] == [0] * 28
    assert [(it.id, it.family, it.lost) for it in both.circuits] == [
        (it.id, family, 0) for it in result.circuits for family in BOTH
    ]


def test_every_end_answers_where_neighbours_are_told() -> None:
    with Lab(plan(ring(300), _IDEAL)) as lab:
        assert all(circuit.lost == 0 for circuit in probe(lab, count=1, warm_up=0).circuits)


def test_a_probe_goes_over_its_circuit_and_no_other() -> None:
    with EmulatedNetwork(
        plan(joined([("a", "b"), ("a", "b"), ("a", "s1"), ("s1", "b")], ("s1",)), _BRIDGES)
    ) as network:
        network["a"].intf("a-eth1").ifconfig("down")
        seen = probe(network.lab, count=2, warm_up=1)
        found = [(circuit.by, circuit.lost) for circuit in seen.circuits]
        assert found == [("icmp", 0), ("icmp", 2), ("frame", 0), ("frame", 0)]
        document = json.loads(to_json(seen))
    assert document["version"] == 1
    assert document["frame_bytes"] == FRAME_BYTES


def test_a_circuit_that_somebody_has_removed_or_set_down_gives_no_reply() -> None:
    edges = [("a", "b"), ("a", "c"), ("c", "s1"), ("d", "s1"), ("e", "s1")]
    with EmulatedNetwork(plan(joined(edges, ("s1",)), _BRIDGES)) as network:
        network["a"].cmd("ip link del a-eth0")
        network["c"].cmd("ip addr flush dev c-eth0")
        network["c"].cmd("ip link set c-eth1 down")
        network["s1"].cmd("ip link set s1-eth2 down")
        found = probe(network.lab, count=1, warm_up=0)
    assert [circuit.lost for circuit in found.circuits] == [1, 1, 1, 1, 0]
    assert found.circuits[0].measured_us is None


def test_what_a_probe_expects() -> None:
    (circuit,) = plan(joined([("a", "b", "18ms")])).circuits
    assert expected_ns(circuit) == 2 * (18_000_000 + FRAME_BYTES * 8)
    assert expected_ns(circuit, 6) == expected_ns(circuit) + 2 * 20 * 8


def test_a_network_without_ipv6_measures_none() -> None:
    with Lab(plan(mesh(2), replace(_IDEAL, ipv6=False))) as lab, pytest.raises(EmulationError, match="no IPv6"):
        probe(lab, families=BOTH)


def test_a_probe_expects_the_processor_time_of_both_hosts() -> None:
    costs = {"socket": Cost(10_000.0, 1.0)}
    cpu = CpuModel("t", "", offload=True, backlog_packets=10, costs=costs, cpus={"a": 1.0, "b": 0.5})
    (circuit,) = plan(joined([("a", "b", "18ms")])).circuits
    work_ns = (10_000 + FRAME_BYTES) * 3  # b has half a processor, and takes twice as long
    assert expected_ns(circuit, 4, cpu) == 2 * (18_000_000 + FRAME_BYTES * 8 + work_ns)
    assert expected_ns(circuit, None, cpu) == expected_ns(circuit)  # frames


def test_impairments_are_measured_or_refused_before_anything_is_made() -> None:
    made = plan(joined([("a", "b", "5ms")]))
    if _has_netem():
        with EmulatedNetwork(made) as network:
            (seen,) = probe(network.lab).circuits
        assert seen.measured_us is not None
        assert seen.measured_us >= seen.expected_us
    else:
        with pytest.raises(EmulationError, match="no netem") as caught, EmulatedNetwork(made) as network:
            pass
        assert caught.value.exit_status == 3


def _has_netem() -> bool:
    try:
        require_netem()
    except EmulationError:
        return False
    return True
