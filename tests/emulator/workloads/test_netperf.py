"""The output of netperf, as it has printed it in a guest, and texts that it should not print."""

from __future__ import annotations

import pytest

from emulator.workloads import netperf
from emulator.workloads.base import WorkloadError
from emulator.workloads.model import Program, WorkloadRequest
from emulator.workloads.netperf import parse, transferred
from emulator.workloads.transfers import Interval, Report

TRANSACTIONS = """\
MIN_LATENCY=36201
MEAN_LATENCY=36201.54
P50_LATENCY=36500
P90_LATENCY=36898
P99_LATENCY=36989
MAX_LATENCY=36202
STDDEV_LATENCY=0.50
TRANSACTION_RATE=27.600
ELAPSED_TIME=10.00
"""
REFUSED = """\
establish control: are you sure there is a netserver listening on h2 at port 12866?
establish_control could not establish the control connection from 0.0.0.0 port 0 address family AF_INET to h2 port 12866
"""


def test_numbers_are_found_by_their_keys() -> None:
    assert parse(TRANSACTIONS, ["MEAN_LATENCY", "TRANSACTION_RATE"]) == {
        "MEAN_LATENCY": 36201.54, "TRANSACTION_RATE": 27.6,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it said nothing"),
        (REFUSED, "address family AF_INET to h2 port 12866"),
        (TRANSACTIONS.replace("MIN_LATENCY=36201", "MIN_LATENCY=-1"), "-1"),  # which netperf prints if it has none
        ("MIN_LATENCY=nan\n", "nan"),
        ("MIN_LATENCY=inf\n", "inf"),
        ("MIN_LATENCY=1e999\n", "1e999"),
        ("MIN_LATENCY=36\x1b[2J01\n", "36 [2J01"),
        ("MIN_LATENCY\n=1\n", "=1"),
        (" MIN_LATENCY=1\n", "MIN_LATENCY=1"),
        ("MIN_LATENCY=" + "9" * 100_000 + "\n", "9" * 100),
    ],
)
def test_a_text_without_the_number_is_quoted_in_a_short_line(text: str, said: str) -> None:
    with pytest.raises(WorkloadError, match="netperf has printed no number for MIN_LATENCY: ") as caught:
        parse(text, ["MIN_LATENCY"])
    assert said in str(caught.value)
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()


STREAM = """\
NETPERF_INTERIM_RESULT[0]=815.33
NETPERF_UNITS[0]=10^6bits/s
NETPERF_INTERVAL[0]=1.022
NETPERF_ENDING[0]=1767225637.653
NETPERF_INTERIM_RESULT[1]=954.23
NETPERF_UNITS[1]=10^6bits/s
NETPERF_INTERVAL[1]=1.089
NETPERF_ENDING[1]=1767225638.742
THROUGHPUT=880.29
ELAPSED_TIME=2.24
LOCAL_TRANSPORT_RETRANS=3
"""


def test_a_transfer_has_the_receivers_whole_rate_and_the_senders_parts() -> None:
    found = transferred(STREAM)
    assert found.received == Report(Interval(0.0, 2.24, 880.29e6, 3))
    assert [(part.begin_s, part.end_s, part.rate_bps) for part in found.sent.parts] == [
        (0.0, 1.022, 815.33e6), (1.022, pytest.approx(2.111), 954.23e6),
    ]  # fmt: skip
    with pytest.raises(WorkloadError, match=r"no number for NETPERF_INTERVAL\[1\]"):
        transferred(STREAM.replace("INTERVAL[1]", "INTERVAL[2]"))
    with pytest.raises(WorkloadError, match="no number for LOCAL_TRANSPORT_RETRANS: -1"):
        transferred(STREAM.replace("RETRANS=3", "RETRANS=-1"))


def test_a_request_without_netperf_says_how_to_build_it() -> None:
    request = WorkloadRequest("latency", ("h1", "h2"))
    with pytest.raises(WorkloadError, match="netperf is missing: gtsdsl tools build netperf"):
        netperf.version(request)
    found = WorkloadRequest("latency", ("h1", "h2"), programs=(Program("netperf", "/bin/netperf", "2.7.1"),))
    assert netperf.version(found) == "2.7.1"
