"""An RTSP server that answers as a test says, in a network namespace."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence

from emulator.netlink import namespaces

ADDRESS = ("127.0.0.1", 8554)
SOURCE = 77
DESCRIPTION = b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:stream=0\r\n"
ANSWERS = {
    "OPTIONS": b"RTSP/1.0 200 OK\r\nCSeq: %d\r\n\r\n",
    "DESCRIBE": b"RTSP/1.0 200 OK\r\nCSeq: %%d\r\nContent-Length: %d\r\n\r\n%s" % (len(DESCRIPTION), DESCRIPTION),
    "SETUP": b"RTSP/1.0 200 OK\r\nCSeq: %d\r\nSession: abc;timeout=1\r\nTransport: RTP/AVP;ssrc=0000004D\r\n\r\n",
    "PLAY": b"RTSP/1.0 200 OK\r\nCSeq: %d\r\nRTP-Info: url=x;seq=65534;rtptime=0\r\n\r\n",
    "GET_PARAMETER": b"RTSP/1.0 200 OK\r\nCSeq: %d\r\n\r\n",
    "TEARDOWN": b"RTSP/1.0 200 OK\r\nCSeq: %d\r\n\r\n",
}
"""The answers of a server that does what it should; ``%d`` is the request's number."""

_PORT = re.compile(r"client_port=(\d+)-")
_SEQUENCE = re.compile(rb"CSeq: (\d+)")


def rtp(
    sequence: int, *, payload: bytes = b"payload", source: int = SOURCE, kind: int = 96, ends: bool = True
) -> bytes:
    """Return an RTP packet."""
    return struct.pack("!BBHII", 0x80, kind | (0x80 if ends else 0), sequence & 0xFFFF, 0, source) + payload


@contextlib.contextmanager
def scripted_server(
    namespace: int, answers: Mapping[str, bytes] = ANSWERS, packets: Sequence[bytes] = ()
) -> Iterator[list[str]]:
    """Serve one client; yield the methods that it asks for. After PLAY, ``packets`` go to the client.

    A method without an answer gets none; an empty answer closes the connection.
    """
    asked: list[str] = []
    with namespaces.entered(namespace):
        listener = socket.create_server(ADDRESS)
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with listener, sender:
        thread = threading.Thread(target=_serve, args=(listener, sender, answers, packets, asked), daemon=True)
        thread.start()
        yield asked
        thread.join(10)
        assert not thread.is_alive()


def _serve(
    listener: socket.socket,
    sender: socket.socket,
    answers: Mapping[str, bytes],
    packets: Sequence[bytes],
    asked: list[str],
) -> None:
    connection, _ = listener.accept()
    port = 0
    with connection, contextlib.suppress(ConnectionError):
        while request := connection.recv(65_536):
            text = request.decode()
            asked.append(text.partition(" ")[0])
            if found := _PORT.search(text):
                port = int(found[1])
            number = _SEQUENCE.search(request)
            assert number is not None
            answer = answers.get(asked[-1])
            if answer == b"":
                return
            if answer is not None:
                connection.sendall(answer % int(number[1]) if b"%d" in answer else answer)
            if asked[-1] == "PLAY":
                for packet in packets:
                    sender.sendto(packet, ("127.0.0.1", port))
