"""The reports of iperf3, as it has printed them in a guest, and texts that it should not print."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.workloads.base import WorkloadError
from emulator.workloads.iperf3 import parse

PRINTED = Path(__file__).with_name("printed")


def printed(name: str) -> str:
    return (PRINTED / f"iperf3-{name}.txt").read_text()


def test_the_sender_reports_retransmissions_and_the_receiver_its_rate() -> None:
    sent = parse(printed("tcp-client"), "sum_sent")
    assert (sent.whole.retransmissions, [part.retransmissions for part in sent.parts]) == (0, [0, 0, 0])
    received = parse(printed("tcp-server"), "sum_received")
    assert received.whole.rate_bps == pytest.approx(871_694_215.63)
    assert [round(part.rate_bps) for part in received.parts] == [695124600, 956670522, 956398208, 959277493]
    assert received.whole.retransmissions is None


def test_the_receiver_of_datagrams_reports_loss_and_jitter() -> None:
    received = parse(printed("udp-server"), "sum_received")
    assert received.whole.rate_bps == pytest.approx(196_350_137.07)
    assert (received.whole.lost, received.whole.total, received.whole.lost_percent) == (0, 33952, 0)
    assert received.whole.jitter_ms == pytest.approx(0.01554, abs=1e-5)
    assert [part.total for part in received.parts] == [16357, 16984, 611]


def test_an_error_of_iperf3_is_quoted() -> None:
    with pytest.raises(WorkloadError, match=r"no report: unable to connect to server: Connection refused$"):
        parse(printed("refused"), "sum_sent")


WHOLE = printed("tcp-server")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it said nothing"),
        ("iperf3: error - \x1b[2Junable to listen\n", "iperf3: error - [2Junable to listen"),
        ("{\n}\n", "it lacks end"),
        ("{\n" + "[" * 100_000 + "\n}\n", "the report of iperf3"),
        ("{\n" + '"a":[],' * 1_100_000 + '"b":1\n}\n', "more than 1000000 lists"),
        (WHOLE[: len(WHOLE) // 2], '"bits_per_second":'),
        (WHOLE.replace('"sum_received"', '"other"'), "it lacks sum_received"),
        (WHOLE.replace('"intervals":\t[', '"intervals":\t1, "x":\t[', 1), "its intervals are no list"),
        (WHOLE.replace('"bits_per_second":\t871694215.63032579', '"bits_per_second":\t"fast"'), "is no number from 0"),
        (WHOLE.replace('"bits_per_second":\t871694215.63032579', '"bits_per_second":\ttrue'), "is no number from 0"),
        (WHOLE.replace('"bits_per_second":\t871694215.63032579', '"bits_per_second":\t-1'), "is no number from 0"),
        (WHOLE.replace('"bits_per_second":\t871694215.63032579', '"bits_per_second":\tNaN'), "the report of iperf3"),
        (WHOLE.replace('"bits_per_second":\t871694215.63032579', f'"bits_per_second":\t{"9" * 5000}'), "iperf3"),
    ],
)
def test_another_text_is_refused_in_a_short_line(text: str, said: str) -> None:
    with pytest.raises(WorkloadError, match="iperf3 has printed no report: ") as caught:
        parse(text, "sum_received")
    assert said in str(caught.value)
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()
