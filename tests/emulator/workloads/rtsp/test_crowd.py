"""Clients of an RTSP server: what they see of a stream, and what they say of a server that fails them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from emulator.netlink import links, namespaces
from emulator.netlink.connection import Netlink
from emulator.workloads.base import End, WorkloadError
from emulator.workloads.rtsp import client
from emulator.workloads.rtsp.crowd import Crowd, View, delays_s
from tests.emulator.workloads.rtsp.scripted import ADDRESS, ANSWERS, SOURCE, rtp, scripted_server


@pytest.fixture
def end() -> Iterator[End]:
    """An end in a network namespace whose loopback interface is up."""
    ((descriptor, netlink),) = namespaces.create(1, lambda _: Netlink())
    netlink.send([links.up(1, "lo")])
    yield End("h1", descriptor, "127.0.0.1")
    netlink.close()
    os.close(descriptor)


def watch(end: End, duration_s: float = 0.2, sent: Mapping[int, int] | None = None) -> View:
    """Return what one client sees of the server."""
    with Crowd(end, 1) as crowd:
        crowd.watch(ADDRESS, "/video", [0.0], duration_s)
        (view,) = crowd.views(sent or {})
    return view


@pytest.mark.networks
def test_a_client_counts_the_packets_of_its_stream(end: End) -> None:
    others = [rtp(1, source=SOURCE + 1), rtp(1, kind=97), b"", b"noise"]
    packets = [rtp(65_535, ends=False), rtp(1), *others, rtp(1), rtp(0)]
    with scripted_server(end.namespace, packets=packets) as asked:
        view = watch(end, sent={20_000: 6, 20_001: 2})
    assert asked == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
    assert view.jitter_ms is not None
    assert view.first_frame_ms is not None
    assert replace(view, jitter_ms=None, first_frame_ms=None) == View(
        bitrate_kbps=3 * len("payload") * 8 / 0.2 / 1000, sent=6, lost=3, lost_reports=2, reordered=1
    )


@pytest.mark.networks
def test_a_client_keeps_its_session_alive_and_survives_the_end_of_the_server(end: End) -> None:
    answers = {**ANSWERS, "TEARDOWN": b""}
    with scripted_server(end.namespace, answers, [rtp(65_534)]) as asked:
        view = watch(end, duration_s=1.2)
    assert asked[4:] == ["GET_PARAMETER", "GET_PARAMETER", "TEARDOWN"]
    assert (view.error, view.sent, view.lost) == (None, 1, 0)


@pytest.mark.networks
@pytest.mark.parametrize(
    ("method", "answer", "error"),
    [
        ("OPTIONS", b"", "the RTSP server has closed the connection"),
        ("OPTIONS", None, "the RTSP server has not answered for 0.5 s"),
        ("OPTIONS", b"HTTP/1.1 200 OK\r\n\r\n", "the RTSP server answers with HTTP/1.1 200 OK"),
        ("OPTIONS", b"a" * 100_000, "the head of the RTSP server's answer to OPTIONS has no end"),
        ("OPTIONS", b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n", "the RTSP server's answer to OPTIONS is to another request"),
        ("DESCRIBE", b"RTSP/1.0 404 Not Found\r\nCSeq: %d\r\n\r\n", "the RTSP server refuses DESCRIBE: 404 Not Found"),
        ("DESCRIBE", ANSWERS["OPTIONS"], "the RTSP server describes no video in H.264 over RTP/AVP"),
        ("SETUP", ANSWERS["OPTIONS"], "the RTSP server names no session: "),
    ],
)  # fmt: skip
def test_a_client_says_how_the_server_fails_it(
    end: End, monkeypatch: pytest.MonkeyPatch, method: str, answer: bytes | None, error: str
) -> None:
    if answer is None:
        monkeypatch.setattr(client, "_PATIENCE_S", 0.5)
    answers = {name: it for name, it in {**ANSWERS, method: answer}.items() if it is not None}
    with scripted_server(end.namespace, answers):
        assert watch(end) == View(error=error)


@pytest.mark.networks
def test_without_a_server_a_client_says_so(end: End) -> None:
    assert watch(end) == View(error="Connect call failed ('127.0.0.1', 8554)")


@pytest.mark.networks
def test_an_end_that_is_not_there_is_an_error(end: End) -> None:
    with pytest.raises(WorkloadError, match="h1 cannot receive streams: Cannot assign requested address"):
        Crowd(replace(end, address="192.0.2.1"), 2)


def test_clients_start_apart_at_times_that_follow_from_the_seed() -> None:
    found = delays_s(64, 0.061, 1)
    assert found == delays_s(64, 0.061, 1) != delays_s(64, 0.061, 2)
    assert all(number * 0.061 <= delay < (number + 1) * 0.061 for number, delay in enumerate(found))
    assert delays_s(4, 0.061, 1) == found[:4]
    assert delays_s(3, 0.0, 1) == (0.0, 0.0, 0.0)
