"""RTSP's messages (RFC 2326) and session descriptions (RFC 8866), as far as a client of one video needs them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

from emulator.workloads.base import WorkloadError
from emulator.workloads.rtsp.rtp import Start
from gtsdsl.text import printable

MOST_HEADER_BYTES = 16_384
MOST_BODY_BYTES = 65_536
_STATUS = re.compile(r"RTSP/1\.[01] (\d{3})(?: (.*))?")
_NUMBER = re.compile(r"\d{1,10}")
_SEQUENCE = re.compile(r"seq=(\d{1,5})(?!\d)")
_TIMESTAMP = re.compile(r"rtptime=(\d{1,10})(?!\d)")
_SOURCE = re.compile(r"ssrc=([0-9A-Fa-f]{8})(?![0-9A-Fa-f])")
_DEFAULT_TIMEOUT_S = 60
"""The seconds after which a server forgets a session, if it says none (RFC 2326, 12.37)."""


class RtspError(WorkloadError):
    """A server has not answered as RTSP demands, or has refused."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first lines of an answer: its status, and its headers by their names in lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]

    @property
    def body_bytes(self) -> int:
        """The length of the body that follows.

        Raises:
            RtspError: the header is wrong, or the body is too long.
        """
        text = self.headers.get("content-length", "0")
        if not _NUMBER.fullmatch(text) or int(text) > MOST_BODY_BYTES:
            raise RtspError(f"the RTSP server says a Content-Length of {printable(text, 40)}")
        return int(text)


@dataclass(frozen=True, slots=True)
class Video:
    """The video of a session description: the URL to set up, the payload type, and the clock of its time stamps."""

    url: str
    payload_type: int
    clock_hz: int


def request(method: str, url: str, number: int, headers: Mapping[str, str]) -> bytes:
    """Return a request without a body."""
    lines = [f"{method} {url} RTSP/1.0", f"CSeq: {number}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def parse_head(data: bytes) -> Head:
    """Return the head of an answer, from its bytes up to the empty line.

    Raises:
        RtspError: it is no answer of RTSP.
    """
    first, *lines = data.decode("utf-8", errors="replace").split("\r\n")
    status = _STATUS.fullmatch(first)
    if status is None:
        raise RtspError(f"the RTSP server answers with {printable(first, 60)}")
    headers: dict[str, str] = {}
    for line in filter(None, lines):
        name, colon, value = line.partition(":")
        if not colon:
            raise RtspError(f"the RTSP server sends the header {printable(line, 60)}")
        headers.setdefault(name.strip().casefold(), value.strip())
    return Head(int(status[1]), status[2] or "", headers)


def parse_description(body: bytes, base: str) -> Video:
    """Return the video of a session description. ``base`` is the URL from which the description's own one starts.

    Raises:
        RtspError: the description has no video in H.264 whose clock it says.
    """
    section: list[str] | None = None
    for line in body.decode("utf-8", errors="replace").splitlines():
        if line.startswith("m="):
            if section is not None:
                break
            section = [line] if line.startswith("m=video ") else None
        elif section is not None:
            section.append(line)
    words = section[0].split() if section else []
    payload_type = words[3] if len(words) > 3 and words[2] == "RTP/AVP" and _NUMBER.fullmatch(words[3]) else ""
    clock = _attribute(section or (), f"rtpmap:{payload_type} H264/")
    if not payload_type or int(payload_type) > 127 or not _NUMBER.fullmatch(clock) or int(clock) == 0:
        raise RtspError("the RTSP server describes no video in H.264 over RTP/AVP")
    control = _attribute(section or (), "control:")
    folder = base if base.endswith("/") else f"{base}/"
    url = base if control in ("", "*") else urljoin(folder, control)
    if not url.startswith("rtsp://") or not url.isascii() or not url.isprintable():
        raise RtspError(f"the RTSP server names the stream {printable(control, 60)}")
    return Video(url, int(payload_type), int(clock))


def parse_session(text: str) -> tuple[str, int]:
    """Return the identifier of a session and the seconds after which the server forgets it, from the header Session.

    Raises:
        RtspError: the header has no identifier.
    """
    identifier, *parameters = (part.strip() for part in text.split(";"))
    if not identifier or not identifier.isascii() or not identifier.isprintable():
        raise RtspError(f"the RTSP server names no session: {printable(text, 40)}")
    times = [part.partition("=")[2] for part in parameters if part.startswith("timeout=")]
    seconds = [int(time) for time in times if _NUMBER.fullmatch(time)]
    return identifier, max(1, *seconds) if seconds else _DEFAULT_TIMEOUT_S


def start(rtp_info: str) -> Start:
    """Return the first packet's numbers, as far as the header RTP-Info says them."""
    sequence, timestamp = _SEQUENCE.search(rtp_info), _TIMESTAMP.search(rtp_info)
    return Start(int(sequence[1]) & 0xFFFF if sequence else None, int(timestamp[1]) & 0xFFFFFFFF if timestamp else None)


def source(transport: str) -> int | None:
    """Return the number by which the packets of the stream are known, from the header Transport; None if not said."""
    found = _SOURCE.search(transport)
    return int(found[1], 16) if found else None


def _attribute(lines: list[str] | tuple[str, ...], name: str) -> str:
    return next((line[2 + len(name) :].strip() for line in lines if line.startswith(f"a={name}")), "")
