"""A watch: the changes of a store's keys, streamed by etcd's JSON gateway over one connection."""

from __future__ import annotations

import json
import math
import select
import socket
import time

from emulator.stores.keepalive import enable_keepalive
from emulator.stores.messages import (
    CHUNK_BYTES,
    MAX_ANSWER_BYTES,
    NOT_AN_ETCD,
    Event,
    StoreError,
    error_text,
    failure_reason,
    int_field,
    list_field,
    parse_item,
    require_object,
    store_name,
)
from emulator.system.closing import Closing


class Watch(Closing):
    """A stream of the changes of some keys; a context manager that closes the connection.

    TCP keep-alive breaks the watch about five seconds after the store has become unreachable.
    """

    def __init__(self, address: tuple[str, int], request: bytes, deadline_s: float) -> None:
        """Connect to ``address`` within ``deadline_s`` seconds and send the JSON of a watch request.

        Raises:
            StoreError: the connection fails.
        """
        self.address = address
        self._buffer = b""
        self._is_in_body = False
        # HTTP/1.0 has no chunked encoding: the body is plain lines, and each line is a message
        head = (
            f"POST /v3/watch HTTP/1.0\r\nHost: {address[0]}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(request)}\r\n\r\n"
        )
        try:
            self._socket = socket.create_connection(address, deadline_s)
        except OSError as error:
            raise StoreError(f"{store_name(address)}: {failure_reason(error, deadline_s)}") from None
        try:
            enable_keepalive(self._socket)
            self._socket.sendall(head.encode() + request)
            self._socket.setblocking(False)
        except OSError as error:
            self.close()
            raise StoreError(f"{store_name(address)}: {failure_reason(error, deadline_s)}") from None

    def close(self) -> None:
        """Close the connection, which ends the watch."""
        self._socket.close()

    def fileno(self) -> int:
        """Return the descriptor of the connection, which is readable when `events` has something to read."""
        return self._socket.fileno()

    def events(self, timeout_s: float | None = 0.0) -> tuple[Event, ...]:
        """Return the changes that have arrived, in order.

        If none has arrived, wait up to ``timeout_s`` seconds for the first one; None waits without limit.

        Raises:
            StoreError: the connection broke, or the store ended the watch. The store does so if it has compacted the
                revision to start from. List the keys again and watch from the listing's revision.
        """
        end_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            events = tuple(self._read())
            remaining_s = None if end_s is None else end_s - time.monotonic()
            if events or (remaining_s is not None and remaining_s <= 0):
                return events
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            poll.poll(None if remaining_s is None else math.ceil(remaining_s * 1000))

    def _read(self) -> list[Event]:
        """Return the changes that have arrived, without waiting."""
        events: list[Event] = []
        try:
            while chunk := self._socket.recv(CHUNK_BYTES):
                events += self._parse(chunk)
        except BlockingIOError:
            return events
        except OSError as error:
            raise self._error(failure_reason(error, 0)) from None
        raise self._error("the store closed the connection")

    def _parse(self, chunk: bytes) -> list[Event]:
        self._buffer += chunk
        if len(self._buffer) > MAX_ANSWER_BYTES:
            raise self._error("a message is too long")
        if not self._is_in_body:
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return []
            status = head.split(b"\r\n", 1)[0].split()
            self._is_in_body = True
            self._buffer = rest
            if status[1:2] != [b"200"]:
                raise self._error(NOT_AN_ETCD)
        *lines, self._buffer = self._buffer.split(b"\n")
        return [event for line in lines if line.strip() for event in self._parse_message(line)]

    def _parse_message(self, line: bytes) -> list[Event]:
        try:
            answer: object = json.loads(line)
        except (ValueError, RecursionError):
            raise self._error("a message is not JSON") from None
        fields = require_object(answer, self.address)
        if "error" in fields:
            raise self._error(error_text(fields["error"]) or "the store reports an error")
        result = require_object(fields.get("result"), self.address)
        if oldest := int_field(result, "compact_revision"):
            raise self._error(f"the store has dropped the changes before revision {oldest}")
        if result.get("canceled") is True:
            raise self._error(error_text(result.get("cancel_reason")) or "the store cancelled it")
        return [
            Event("delete" if event.get("type") == "DELETE" else "put", parse_item(event.get("kv"), self.address))
            for event in list_field(result, "events")
        ]

    def _error(self, reason: str) -> StoreError:
        return StoreError(f"{store_name(self.address)}: the watch is broken: {reason}")
