"""RTSP's answers and session descriptions: those of GStreamer's server, and such as no server should send."""

from __future__ import annotations

import pytest

from emulator.workloads.rtsp.messages import (
    MOST_BODY_BYTES,
    RtspError,
    Video,
    parse_description,
    parse_head,
    parse_session,
    request,
    source,
    start,
)
from emulator.workloads.rtsp.rtp import Start

BASE = "rtsp://10.0.0.1:8554/video/"
DESCRIPTION = b"""v=0
o=- 15548651815726887690 1 IN IP4 10.0.0.1
s=Session streamed with GStreamer
a=control:*
m=audio 0 RTP/AVP 97
a=rtpmap:97 MPEG4-GENERIC/48000
a=control:stream=1
m=video 0 RTP/AVP 96
b=AS:1553
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1
a=control:stream=0
m=video 0 RTP/AVP 98
a=rtpmap:98 H264/1000
a=control:stream=2
"""


def test_a_request_has_its_number_and_its_headers() -> None:
    assert request("PLAY", "rtsp://h/video", 4, {"Session": "x"}) == (
        b"PLAY rtsp://h/video RTSP/1.0\r\nCSeq: 4\r\nSession: x\r\n\r\n"
    )


def test_an_answer_has_a_status_and_headers() -> None:
    head = parse_head(b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-length:  513\r\nX-Colon: a:b")
    assert (head.status, head.reason, head.body_bytes) == (200, "OK", 513)
    assert head.headers["x-colon"] == "a:b"
    assert parse_head(b"RTSP/1.0 404 Not Found").status == 404


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 200 OK", b"RTSP/1.0 20 OK", b"RTSP/1.0 200 OK\r\nno colon", b"\xff\xfe"]
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(RtspError, match=r"^the RTSP server "):
        parse_head(data)


@pytest.mark.parametrize("length", ["-1", "", "1e3", str(MOST_BODY_BYTES + 1), "9" * 5000])
def test_a_body_of_a_wrong_length_is_refused(length: str) -> None:
    head = parse_head(f"RTSP/1.0 200 OK\r\nContent-Length: {length}".encode())
    with pytest.raises(RtspError, match="Content-Length"):
        _ = head.body_bytes


def test_the_video_of_a_description_is_its_first() -> None:
    assert parse_description(DESCRIPTION, BASE) == Video(f"{BASE}stream=0", 96, 90_000)
    assert parse_description(DESCRIPTION, BASE.rstrip("/")).url == f"{BASE}stream=0"
    own = DESCRIPTION.replace(b"control:stream=0", b"control:rtsp://10.0.0.9/other")
    assert parse_description(own, BASE).url == "rtsp://10.0.0.9/other"


@pytest.mark.parametrize(
    "change",
    [
        (b"m=video", b"m=text"),
        (b"H264/90000", b"VP8/90000"),
        (b"H264/90000", b"H264/0"),
        (b"H264/90000", b"H264/" + b"9" * 5000),
        (b"RTP/AVP 96", b"RTP/AVP"),
        (b"RTP/AVP 96", b"RTP/AVP 960"),
        (b"control:stream=0", b"control:http://elsewhere/"),
        (b"control:stream=0", b"control:a b\x7f"),
    ],
)
def test_a_description_without_a_usable_video_is_refused(change: tuple[bytes, bytes]) -> None:
    with pytest.raises(RtspError, match=r"^the RTSP server "):
        parse_description(DESCRIPTION.replace(*change), BASE)


def test_a_session_has_an_identifier_and_a_time() -> None:
    assert parse_session("abc;timeout=30") == ("abc", 30)
    assert parse_session("abc") == ("abc", 60)
    assert parse_session("abc; timeout=0") == ("abc", 1)
    assert parse_session(f"abc;timeout={'9' * 50}") == ("abc", 60)
    for text in ("", ";timeout=30", "a\x07b"):
        with pytest.raises(RtspError, match="names no session"):
            parse_session(text)


def test_the_first_number_and_the_source_are_found_or_unknown() -> None:
    assert start("url=rtsp://h/video/stream=0;seq=65500;rtptime=5") == Start(65_500, 5)
    assert source('RTP/AVP;unicast;client_port=30000-30001;server_port=3-4;ssrc=0000004D;mode="PLAY"') == 77
    assert start("url=rtsp://h/") == start("seq=123456;rtptime=x") == Start()
    assert source("ssrc=4D") is None
