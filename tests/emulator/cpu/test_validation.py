"""The pure parts of the benchmark that compares the model with the real clock: predictions, intervals, the table."""

from __future__ import annotations

import pytest

from benchmarks.cpu_chains import chains
from benchmarks.cpu_tools import Flow, received_bps
from benchmarks.cpu_validation import (
    PAGE,
    Outcome,
    chain_ns,
    conditions,
    flow_bps,
    flows,
    in_page,
    interval,
    page_lines,
    with_circuit,
)
from emulator.cpu.model import CpuModel
from emulator.cpu.reader import parse_table
from emulator.cpu.table import CostTable
from emulator.system.errors import EmulationError
from gtsdsl.source import Source
from tests.emulator.calibration.test_document import measurement

TEXT = "".join(
    f'[stages.{name}]\npacket_ns = {cost}\nbyte_ns = {byte}\nsource = "a test"\n'
    for name, cost, byte in (
        *(("socket", 500, 0.1), ("veth", 200, 0), ("bridge", 300, 0), ("forward", 100, 0), ("vxlan", 400, 0)),
        *(("user-space", 1000, 0.2), ("rule", 5, 0)),
    )
)


def table(text: str = TEXT) -> CostTable:
    return parse_table(Source("t.toml", text))


MODEL = CpuModel.of(table(with_circuit(TEXT, table())), {}, offload=True)


def test_a_chain_costs_the_sum_of_its_stages() -> None:
    found = [chain_ns(it, table()) for it in chains()]
    pair = 2 * 500 + 200
    assert found == pytest.approx(
        [
            pair + 0.2 * 64,
            pair + 2 * 400 + 0.2 * 114,
            pair + 2 * 400 + 0.2 * 1000,
            pair + 4 * 400 + 0.2 * 1500,
            pair + 2 * 400 + 2 * 1000 + 0.6 * 1500,
            pair + 2 * 200 + 2 * 300 + 2 * 100 + 2 * 400 + 0.2 * 1500,
            pair + 50 * 5 + 0.2 * 1000,
            pair + 1000 * 5 + 0.2 * 1000,
        ]
    )


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (Flow("", 1000), 8e9 * 1000 / (600 + 0.1 * 1042)),
        (Flow("", 1000, flows=2, over=1), 8e9 * 1000 / (1000 + 0.1 * 1092)),
        (Flow("", offload=False), 8e9 * 2896 / (3 * 600 + 0.1 * (2 * 1514 + 66))),
        (Flow(""), 8e9 * 65160 / (2 * 600 + 0.1 * (65226 + 66))),
    ],
)
def test_the_slower_of_two_equal_hosts_bounds_a_flow(flow: Flow, expected: float) -> None:
    assert flow_bps(flow, MODEL) == pytest.approx(expected)


def test_the_rate_of_a_report_is_that_of_its_flows_without_their_sum() -> None:
    flow = "20260101000000,10.0.0.2,5001,10.0.0.1,{port},{id},0.0-1.0,1000,{bps},0.01,0,10,0.0,0"
    lines = [
        flow.format(port=1, id=1, bps=3000),
        flow.format(port=2, id=2, bps=4000),
        flow.format(port=0, id=-1, bps=7000),
    ]
    assert received_bps("\n".join(["a warning", *lines, ""])) == 7000
    with pytest.raises(EmulationError, match="received nothing"):
        received_bps("")


@pytest.mark.parametrize(
    ("count", "first", "last"), [(1, 1, 1), (5, 1, 5), (6, 1, 6), (9, 2, 8), (20, 6, 15), (101, 41, 61)]
)
def test_the_interval_of_a_median_is_that_of_tables_of_order_statistics(count: int, first: int, last: int) -> None:
    assert interval([float(it) for it in range(count, 0, -1)]) == (first, last)


def test_the_table_says_plainly_where_the_model_is_off() -> None:
    found = [
        Outcome("near", "ns", 1100, [990, 1000, 1010]),
        Outcome("far", "Mbit/s", 1000, [700, 800, 900], guest=1200, why="a reason"),
    ]
    assert list(page_lines(found)) == [
        "| case | formula | in the guest | measured, median (95 %) | error |",
        "| --- | --- | --- | --- | --- |",
        "| near | 1,100 ns |  | 1,000 (990 to 1,010) | +10 % |",
        "| far | 1,000 Mbit/s | 1,200 | 800 (700 to 900) | **+50 %** |",
        "",
        "The model is off by more than 15 % in 1 of these 2 cases.",
        "",
        "- far. The likely reason: a reason.",
    ]
    assert "| **−20 %** |" in list(page_lines([Outcome("low", "ns", 800, [1000], why="a reason")]))[2]
    busy = list(page_lines(found, "other work had the processor"))
    assert busy[-1].startswith("**The machine was too busy:** other work had the processor. So no reason")
    assert not any("a reason." in line for line in busy)
    assert list(page_lines(found[:1]))[-1] == "The model is off by more than 15 % in 0 of these 1 cases."


@pytest.mark.parametrize(("noise", "is_busy"), [(0.01, False), (0.3, True)])
def test_a_busy_machine_is_named(noise: float, is_busy: bool) -> None:
    said = " ".join(conditions(measurement(noise), 7.5).split())
    assert "a load average of 7.5 at the start" in said
    assert ("would have refused so busy a machine" in said) == is_busy


def test_the_page_has_a_place_for_the_table_and_every_case_of_a_tool_has_a_reason() -> None:
    page = PAGE.read_text(encoding="utf-8")
    once = in_page(page, ["one", "two"])
    assert "-->\n\none\ntwo\n\n<!-- end -->" in once
    assert in_page(once, ["one", "two"]) == once
    with pytest.raises(ValueError, match="substring"):
        in_page("no marks", [])
    assert all(it.why for it in flows())
