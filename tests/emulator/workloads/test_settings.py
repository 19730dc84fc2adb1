"""Settings of workloads: texts to values, and the mistakes that a user can make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from emulator.system.errors import EmulationError
from emulator.workloads import names, workload
from emulator.workloads.model import Setting
from emulator.workloads.settings import described, parse, setting, texts
from tests.emulator.samples import ROOT


@dataclass(frozen=True)
class _Sample:
    tool: Literal["iperf", "netperf"] = setting("iperf", "Program that measures.")
    rates_mbps: tuple[float, ...] = setting((), "Rates of UDP.", least=0.001, most=100_000)
    streams: int = setting(1, "Connections at once.", least=1, most=64)
    window_bytes: int | None = setting(None, "Socket buffers.")
    congestion: tuple[str, ...] = setting(("cubic",), "Congestion controls.")


def test_settings_that_are_not_named_have_their_defaults() -> None:
    assert parse(_Sample, (), "throughput") == _Sample()
    assert described(_Sample)["streams"] == ("1", "Connections at once.")


def test_texts_become_values_and_the_same_texts_again() -> None:
    given = (Setting("tool", "netperf"), Setting("rates_mbps", "10, 900,10"), Setting("window_bytes", "65536"))
    found = parse(_Sample, given, "throughput")
    assert (found.tool, found.rates_mbps, found.window_bytes) == ("netperf", (10, 900), 65536)
    assert texts(found) == (
        Setting("tool", "netperf"),
        Setting("rates_mbps", "10,900"),
        Setting("window_bytes", "65536"),
    )
    assert parse(_Sample, texts(found), "throughput") == found


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("stream", "1", "unknown setting throughput.stream; did you mean `streams`"),
        ("tool", "iperf4", "throughput.tool: iperf4 is none of iperf, netperf"),
        ("streams", "0", "throughput.streams: 0 is not between 1 and 64"),
        ("streams", "1.5", "throughput.streams: 1.5 is not a whole number"),
        ("rates_mbps", "10,fast", "throughput.rates_mbps: 10,fast is not a number"),
        ("rates_mbps", "inf", "throughput.rates_mbps: inf is not between"),
        ("rates_mbps", "nan", "throughput.rates_mbps: nan is not between"),
        ("rates_mbps", ",".join(map(str, range(1, 70))), "has more than 64 values"),
        ("window_bytes", "-1", "throughput.window_bytes: -1 is less than 0"),
    ],
)
def test_a_mistake_in_a_setting_is_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(EmulationError) as caught:
        parse(_Sample, (Setting(name, value),), "throughput")
    assert message in str(caught.value)


def test_a_setting_that_is_given_twice_is_refused() -> None:
    with pytest.raises(EmulationError, match=r"the setting throughput\.streams is given twice"):
        parse(_Sample, (Setting("streams", "1"), Setting("streams", "2")), "throughput")


def test_the_pages_list_each_setting_of_each_workload() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("bench*.md"))
    known = {f"{name}.{key}" for name in names() for key in described(workload(name).settings)}
    assert len(known) > 10
    assert {it for it in known if f"`{it}`" not in pages} == set()
