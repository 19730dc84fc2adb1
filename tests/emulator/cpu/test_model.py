"""The formulas of the processors' queues."""

from __future__ import annotations

import math

import pytest

from emulator.cpu.model import CpuModel, capacity_pps, mean_wait_ns
from emulator.cpu.reader import parse_table
from emulator.cpu.table import Cost
from gtsdsl.source import Source

TABLE = parse_table(
    Source(
        "t.toml",
        "rules = 10\n"
        '[stages.socket]\npacket_ns = 1000\nsource = "a"\nwithout_offload = { packet_ns = 1000, byte_ns = 1 }\n'
        '[stages.rule]\npacket_ns = 20\nsource = "a"\n'
        '[stages.vxlan]\npacket_ns = 500\nbyte_ns = 0.5\nsource = "a"\n',
    )
)


def model(*, offload: bool = True, **cpus: float) -> CpuModel:
    return CpuModel.of(TABLE, cpus, offload=offload)


def test_the_cost_of_a_way_is_the_sum_of_its_stages_and_of_all_rules_once() -> None:
    assert model().cost(("nic", "socket", "vxlan")) == Cost(1000 + 500 + 10 * 20, 0.5)
    assert model(offload=False).cost(("socket",)) == Cost(1200, 1)


def test_stages_without_a_cost_are_missing_unless_they_may_be_left_out() -> None:
    assert model().missing(("nic", "rule", "socket", "geneve", "geneve", "ipip")) == ("geneve", "ipip")


def test_a_container_works_without_the_rules_of_its_host() -> None:
    assert model().inside == Cost(1000)


@pytest.mark.parametrize(
    ("cpus", "queues", "factor"), [(1.0, 1, 1.0), (2.0, 2, 1.0), (0.5, 1, 2.0), (0.25, 1, 4.0), (1.5, 2, 4 / 3)]
)
def test_a_share_makes_all_work_slower(cpus: float, queues: int, factor: float) -> None:
    found = model(h1=cpus)
    assert found.queues("h1") == queues
    assert found.on("h1", ("socket",)).packet_ns == pytest.approx(1200 * factor)


def test_the_knee_is_where_the_packets_fill_a_core() -> None:
    assert capacity_pps(Cost(20_000, 0.1), 1492) == pytest.approx(49_629.76, abs=0.01)
    assert math.isinf(capacity_pps(Cost(), 1500))


def test_the_mean_wait_is_that_of_a_queue_with_a_fixed_service() -> None:
    assert mean_wait_ns(Cost(1_000_000), 100, 500) == pytest.approx(500_000)
    assert mean_wait_ns(Cost(1_000_000), 100, 800) == pytest.approx(2_000_000)
    with pytest.raises(ValueError, match="faster"):
        mean_wait_ns(Cost(1_000_000), 100, 1000)


def test_the_label_says_the_table_the_shares_and_the_offload() -> None:
    assert model(h1=0.5, h2=1).label == f"t.toml ({TABLE.sha256[:12]}), cpus 0.5 to 1, offload on"
    assert model(offload=False, h1=2).label == f"t.toml ({TABLE.sha256[:12]}), cpus 2, offload off"
