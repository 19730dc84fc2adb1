"""The reports of iperf 2, as it has printed them in a guest."""

from __future__ import annotations

import pytest

from emulator.workloads.base import WorkloadError
from emulator.workloads.iperf import parse
from emulator.workloads.transfers import Interval

SENT = """\
[ ID] Interval            Transfer    Bandwidth       Write/Err  Rtry     Cwnd/RTT(var)        NetPwr
[  1] 0.0000-1.0000 sec  119275580 Bytes  954204640 bits/sec  910/0          3     7597K/63769(344) us  1870
[  1] 1.0000-2.0000 sec  123994112 Bytes  991952896 bits/sec  946/0          0    13397K/112754(342) us  1100
[  1] 0.0000-2.2098 sec  354025532 Bytes  882360773 bits/sec  2701/0          3    19877K/167544(244) us  658
"""
STREAMS = """\
[  2] 0.0000-1.0000 sec  55967804 Bytes  447742432 bits/sec  427/0          0     8078K/52888(3564) us  1058
[  1] 0.0000-1.0000 sec  55836732 Bytes  446693856 bits/sec  426/0          0     8079K/52182(3555) us  1070
[SUM] 0.0000-1.0000 sec  111804536 Bytes  894436288 bits/sec  853/0         0
[  2] 0.0000-3.0651 sec  177209404 Bytes  462521388 bits/sec  1352/0          0     8078K/53237(3693) us  1086
[SUM] 0.0000-3.0272 sec  351404152 Bytes  928660361 bits/sec  2681/0         0
[ CT] final connect times (min/avg/max/stdev) = 17.402/17.402/17.402/0.000 ms (tot/err) = 2/0
"""
DATAGRAMS = """\
[  1] 0.0000-1.0000 sec  13108200 Bytes  104865600 bits/sec   0.011 ms 0/9363 (0%) 8.718/8.711/8.736/0.006 ms 9366
[  1] 0.0000-2.0002 sec  26220600 Bytes  104871179 bits/sec   0.013 ms 4/18729 (0.021%) 8.718/8.711/8.736/0.006 ms 9363
"""


def test_a_report_has_the_whole_time_and_its_parts() -> None:
    report = parse(SENT)
    assert report.whole == Interval(0.0, 2.2098, 882360773, 3, None, None, None)
    assert [part.rate_bps for part in report.parts] == [954204640, 991952896]
    assert [part.retransmissions for part in report.parts] == [3, 0]


def test_of_several_streams_the_sum_counts() -> None:
    report = parse(STREAMS)
    assert (report.whole.rate_bps, report.whole.retransmissions) == (928660361, 0)
    assert [part.rate_bps for part in report.parts] == [894436288]


def test_a_report_of_datagrams_has_loss_and_jitter() -> None:
    whole = parse(DATAGRAMS).whole
    assert (whole.jitter_ms, whole.lost, whole.total, whole.retransmissions) == (0.013, 4, 18729, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("connect failed: Connection refused\n", "connect failed: Connection refused"),
        ("", "it said nothing"),
        (SENT.replace(" bits/sec", " Gbits/sec"), "0.0000-2.2098 sec"),
        (f"[  1] 0.0000-1.0000 sec  1 Bytes  {'9' * 5000} bits/sec\n", "9" * 100),
        ("[  1] 0.0.0-1.0.0 sec  1 Bytes  1 bits/sec\n", "0.0.0"),
        ("[  1] ٠.0-1.0 sec  1 Bytes  1 bits/sec\n", "bits/sec"),  # a digit of another script
        ("\x1b[2J\n\x07\n", "[2J"),
    ],
)
def test_a_text_without_a_report_is_quoted_in_a_short_line(text: str, said: str) -> None:
    with pytest.raises(WorkloadError, match="iperf has printed no report: ") as caught:
        parse(text)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


def test_a_long_text_is_read_in_little_time() -> None:
    assert len(parse(SENT + "[  1] 1.0000-2.0000 sec  1 Bytes  1 bits/sec\n" * 20_000).parts) == 20_002
