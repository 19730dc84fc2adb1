"""An RTSP client of one video: it asks for the stream, receives it by RTP over UDP for a time, and leaves."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping

from emulator.measure.echo import SO_TIMESTAMPNS, arrived_ns
from emulator.netlink import namespaces
from emulator.system.closing import Closing
from emulator.workloads.base import End
from emulator.workloads.rtsp import messages
from emulator.workloads.rtsp.messages import Head, RtspError, Video
from emulator.workloads.rtsp.rtp import Reception, parse_packet
from gtsdsl.text import printable

_PATIENCE_S = 20.0
"""The longest wait for an answer: a segment that is lost four times comes after 1 + 2 + 4 + 8 seconds."""
_TAIL_S = 5.0
"""The longest wait for packets that are late, after the duration."""
_BUFFER_BYTES = 2**23
"""The receive buffer: what arrives between two calls of `receive`, of a video of 100 Mbit/s."""
_SO_RCVBUFFORCE = 33  # of Linux; Python's socket module has no name for it
_MOST_PACKET_BYTES = 2**14
"""More than a packet of a path with the largest MTU in use, 9,000 bytes; a longer packet would be cut."""
_ANCILLARY_BYTES = 64
_NS_PER_S = 10**9


class Client(Closing):
    """A client. ``error`` says why it has got no stream; None if it has got one."""

    def __init__(self, end: End, port: int) -> None:
        """Open the client's sockets at an end, for RTP at an even UDP port, and for RTCP at the next.

        Raises:
            OSError: the ports are in use.
        """
        self.port = port
        self.began_ns = 0
        """The time when the client began to connect, in nanoseconds since 1970."""
        self.reception: Reception | None = None
        """The packets that have arrived; None before the stream was there."""
        self.error: str | None = None
        self.reports = 0
        """The packets of RTCP that have arrived: the sender's reports."""
        self._source: int | None = None
        self._payload_type = 0
        self._sockets: list[socket.socket] = []
        try:
            with namespaces.entered(end.namespace):
                kinds = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_DGRAM
                self._sockets += [socket.socket(socket.AF_INET, kind) for kind in kinds]
            for each, number in zip(self._sockets, (0, port, port + 1), strict=True):
                each.setblocking(False)
                each.bind((end.address, number))
            self._control, self._rtp, self._rtcp = self._sockets
            self._rtp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._rtp.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the sockets."""
        for each in self._sockets:
            each.close()

    async def watch(self, target: tuple[str, int], path: str, delay_s: float, duration_s: float) -> None:
        """Receive the video ``path`` of the server at an address and port, after a delay and for a duration.

        `receive` must be called meanwhile. A failure is in ``error``.
        """
        await asyncio.sleep(delay_s)
        self.began_ns = time.time_ns()
        url = f"rtsp://{target[0]}:{target[1]}{path}"
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await asyncio.get_running_loop().sock_connect(self._control, target)
            reader, writer = await asyncio.open_connection(sock=self._control, limit=messages.MOST_HEADER_BYTES)
            try:
                await self._watch(_Control(reader, writer), url, duration_s)
            finally:
                writer.close()
        except (OSError, EOFError, RtspError) as error:
            if self.reception is None:  # a stream that has come counts, although its end was not said
                self.error = _reason(error)

    def receive(self) -> None:
        """Take the packets that have arrived; the kernel has noted when each did."""
        if self.reception is None:
            return
        while (found := _next(self._rtp)) is not None:
            packet = parse_packet(found[0])
            if packet is not None and packet.payload_type == self._payload_type and self._is_ours(packet.source):
                self.reception.add(packet, found[1])
        while _next(self._rtcp) is not None:
            self.reports += 1

    def _is_ours(self, source: int) -> bool:
        return self._source is None or source == self._source

    async def _watch(self, control: _Control, url: str, duration_s: float) -> None:
        await control.ask("OPTIONS", url)
        head, body = await control.ask("DESCRIBE", url, {"Accept": "application/sdp"})
        video = messages.parse_description(body, head.headers.get("content-base", url))
        transport = f"RTP/AVP;unicast;client_port={self.port}-{self.port + 1}"
        head, _ = await control.ask("SETUP", video.url, {"Transport": transport})
        session, timeout_s = messages.parse_session(head.headers.get("session", ""))
        self._source = messages.source(head.headers.get("transport", ""))
        self._payload_type = video.payload_type
        head, _ = await control.ask("PLAY", url, {"Session": session, "Range": "npt=0-"})
        self._begin(video, head, duration_s)
        left_s = duration_s
        while left_s > 0:
            await asyncio.sleep(min(left_s, timeout_s / 2))
            left_s -= timeout_s / 2
            if left_s > 0:  # else the server would forget the session
                await control.ask("GET_PARAMETER", url, {"Session": session})
        await asyncio.sleep(min(_TAIL_S, self._left_s(duration_s)))
        await control.ask("TEARDOWN", url, {"Session": session})

    def _begin(self, video: Video, played: Head, duration_s: float) -> None:
        self.reception = Reception(video.clock_hz, duration_s, messages.start(played.headers.get("rtp-info", "")))
        self.receive()

    def _left_s(self, duration_s: float) -> float:
        """Return the time until the duration has passed since the first packet arrived."""
        if self.reception is None or self.reception.first_arrival_ns is None:
            return 0.0
        return max(0.0, duration_s - (time.time_ns() - self.reception.first_arrival_ns) / _NS_PER_S)


class _Control:
    """A connection over which a client asks, and the server answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0

    async def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> tuple[Head, bytes]:
        """Return the head and the body of the answer to a request.

        Raises:
            RtspError: the server refuses, or its answer is none of RTSP.
            OSError: the connection is lost, or the answer does not come in time.
            EOFError: the server has closed the connection.
        """
        self._number += 1
        self._writer.write(messages.request(method, url, self._number, headers or {}))
        async with asyncio.timeout(_PATIENCE_S):
            try:
                text = await self._reader.readuntil(b"\r\n\r\n")
            except asyncio.LimitOverrunError:
                raise RtspError(f"the head of the RTSP server's answer to {method} has no end") from None
            head = messages.parse_head(text[:-4])
            body = await self._reader.readexactly(head.body_bytes)
        if head.status != 200:
            raise RtspError(f"the RTSP server refuses {method}: {head.status} {printable(head.reason, 60)}")
        if head.headers.get("cseq") != str(self._number):
            raise RtspError(f"the RTSP server's answer to {method} is to another request")
        return head, body


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"the RTSP server has not answered for {_PATIENCE_S:g} s"
    if isinstance(error, EOFError):
        return "the RTSP server has closed the connection"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _next(end: socket.socket) -> tuple[bytes, int] | None:
    """Return the next datagram of a socket, and when it arrived; None if none is there."""
    try:
        data, ancillary, _, _ = end.recvmsg(_MOST_PACKET_BYTES, _ANCILLARY_BYTES)
    except BlockingIOError:
        return None
    return data, arrived_ns(ancillary)
