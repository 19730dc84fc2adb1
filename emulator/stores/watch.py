"""The changes of a store's keys, as they come, over one connection of etcd's JSON gateway."""

from __future__ import annotations

import json
import math
import select
import socket
import time
from types import TracebackType
from typing import Self

from emulator.stores.keepalive import notice_a_cut
from emulator.stores.messages import (
    MOST_BYTES,
    PIECE_BYTES,
    Event,
    StoreError,
    error_text,
    name_of,
    number,
    parse_item,
    reason,
    record,
    records,
)


class Watch:
    """The changes of some keys as they come, until it breaks; a context manager, with a ``fileno``.

    A store that cannot be reached any more is noticed within some five seconds, by probes of TCP's.

    Raises, at its making:
        StoreError: no connection.
    """

    def __init__(self, address: tuple[str, int], request: bytes, deadline_s: float) -> None:
        self.address = address
        self._rest = b""
        self._is_in_body = False
        # version 1.0 of HTTP has no chunks: the answer is nothing but lines, each a message
        head = (
            f"POST /v3/watch HTTP/1.0\r\nHost: {address[0]}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(request)}\r\n\r\n"
        )
        try:
            self._socket = socket.create_connection(address, deadline_s)
        except OSError as error:
            raise StoreError(f"{name_of(address)}: {reason(error, deadline_s)}") from None
        try:
            notice_a_cut(self._socket)
            self._socket.sendall(head.encode() + request)
            self._socket.setblocking(False)
        except OSError as error:
            self.close()
            raise StoreError(f"{name_of(address)}: {reason(error, deadline_s)}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def fileno(self) -> int:
        """Its descriptor: readable when `events` has something to say."""
        return self._socket.fileno()

    def events(self, timeout_s: float | None = 0.0) -> tuple[Event, ...]:
        """All that has come, in order; if nothing has, what comes first within ``timeout_s``, None for ever.

        Raises:
            StoreError: the connection broke, or the store ended the watch; a store does so if the revision to start
                from is older than what it keeps (it was compacted). List the keys again and watch from there.
        """
        end_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            found = tuple(self._read())
            left_s = None if end_s is None else end_s - time.monotonic()
            if found or (left_s is not None and left_s <= 0):
                return found
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            poll.poll(None if left_s is None else math.ceil(left_s * 1000))

    def _read(self) -> list[Event]:
        """What has come, without waiting."""
        found: list[Event] = []
        try:
            while piece := self._socket.recv(PIECE_BYTES):
                found += self._take(piece)
        except BlockingIOError:
            return found
        except OSError as error:
            raise self._broken(reason(error, 0)) from None
        raise self._broken("it ended the connection")

    def _take(self, piece: bytes) -> list[Event]:
        self._rest += piece
        if len(self._rest) > MOST_BYTES:
            raise self._broken("a message is too long")
        if not self._is_in_body:
            head, separator, rest = self._rest.partition(b"\r\n\r\n")
            if not separator:
                return []
            status = head.split(b"\r\n", 1)[0].split()
            self._is_in_body = True
            self._rest = rest
            if status[1:2] != [b"200"]:
                raise self._broken("no answer of a store")
        *lines, self._rest = self._rest.split(b"\n")
        return [event for line in lines if line.strip() for event in self._message(line)]

    def _message(self, line: bytes) -> list[Event]:
        try:
            answer: object = json.loads(line)
        except (ValueError, RecursionError):
            raise self._broken("its answer is no JSON") from None
        fields = record(answer, self.address)
        if "error" in fields:
            raise self._broken(error_text(fields["error"]) or "an error")
        result = record(fields.get("result"), self.address)
        if oldest := number(result, "compact_revision"):
            raise self._broken(f"changes before revision {oldest} are no longer known")
        if result.get("canceled") is True:
            raise self._broken(error_text(result.get("cancel_reason")) or "it was cancelled")
        return [
            Event("delete" if event.get("type") == "DELETE" else "put", parse_item(event.get("kv"), self.address))
            for event in records(result, "events")
        ]

    def _broken(self, why: str) -> StoreError:
        return StoreError(f"{name_of(self.address)}: the watch is broken: {why}")
