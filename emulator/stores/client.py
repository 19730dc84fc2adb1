"""etcd's JSON gateway (version 3 of its API) to keys, leases and a watch, as typed values.

The package etcd3gw does as much, but for what an agent behind a long path needs: its requests and its watch know no
deadline, and its watch takes each chunk of the answer for a whole message, and passes errors over.

The gateway: https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/
"""

from __future__ import annotations

import base64
import http.client
import json
import math
import select
import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from emulator.errors import EmulationError

__all__ = ["Client", "Event", "KeyValue", "Listing", "StoreError", "Watch"]

DEADLINE_S = 5.0
"""So long a request may take: many times the longest circuit's round trip, less than a lease lasts."""
_IDLE_S = 2
_PROBE_S = 1
_PROBES = 3
_MOST_BYTES = 2**24
_PIECE_BYTES = 2**16


class StoreError(EmulationError):
    """The store cannot be reached, does not answer in time, or refuses; the message has its address."""

    exit_status = 1


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key and what it holds. A revision is the store's number of a change; a ``lease`` of 0 is none."""

    key: str
    value: str
    create_revision: int
    mod_revision: int
    lease: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What the store held at ``revision``: watch from the next one on, and nothing is missed."""

    revision: int
    items: tuple[KeyValue, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a key. Of one that is gone, the key and the change's revision are known, and the value is empty."""

    kind: Literal["put", "delete"]
    item: KeyValue


class Client:
    """A client of one store, which connects with the first request and again after a failed one; a context manager.

    For one process and one thread: make it after a fork. Keys and values are text (UTF-8; other bytes come through).
    Each request raises a `StoreError` if the store has not answered within ``deadline_s``, or refuses. Whether a change
    was made is then not known.
    """

    def __init__(self, host: str, port: int, deadline_s: float = DEADLINE_S) -> None:
        self.address = (host, port)
        self.deadline_s = deadline_s
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection; its watches go on."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def version(self) -> str:
        """The version of the server."""
        return str(_record(self._exchange("GET", "/version", None), self.address).get("etcdserver", ""))

    def is_healthy(self) -> bool:
        """Whether it serves: it has elected a leader and can write. A store that cannot be reached is not healthy."""
        try:
            return _record(self._exchange("GET", "/health", None), self.address).get("health") == "true"
        except StoreError:
            return False

    def get(self, key: str) -> KeyValue | None:
        """What a key holds; None if there is no such key."""
        return next(iter(self._range({"key": _encode(key)}).items), None)

    def list_keys(self, prefix: str) -> Listing:
        """All keys that begin with ``prefix``, in order."""
        return self._range(_keys(prefix))

    def put(self, key: str, value: str, lease: int = 0) -> int:
        """Set a key, which goes with the lease if one is given; the change's revision."""
        return _revision(self._ask("kv/put", {"key": _encode(key), "value": _encode(value), "lease": str(lease)}))

    def put_if(self, key: str, mod_revision: int, value: str, lease: int = 0) -> bool:
        """Set a key if ``mod_revision`` is that of its last change, 0 if it must not be there; whether it was set."""
        put = {"key": _encode(key), "value": _encode(value), "lease": str(lease)}
        compare = {"key": _encode(key), "target": "MOD", "mod_revision": str(mod_revision)}
        answer = self._ask("kv/txn", {"compare": [compare], "success": [{"request_put": put}]})
        return answer.get("succeeded") is True

    def delete(self, key: str) -> bool:
        """Remove a key; whether it was there."""
        return _number(self._ask("kv/deleterange", {"key": _encode(key)}), "deleted") > 0

    def delete_all(self, prefix: str) -> int:
        """Remove all keys that begin with ``prefix``; how many there were."""
        return _number(self._ask("kv/deleterange", _keys(prefix)), "deleted")

    def grant(self, ttl_s: int) -> int:
        """A lease that ends after ``ttl_s`` without `keep_alive`, and takes its keys along."""
        return _number(self._ask("lease/grant", {"TTL": str(ttl_s)}), "ID")

    def keep_alive(self, lease: int) -> int:
        """Begin a lease's time anew: the seconds that it has now, 0 if it has ended."""
        return _number(_record(self._ask("lease/keepalive", {"ID": str(lease)}).get("result"), self.address), "TTL")

    def revoke(self, lease: int) -> None:
        """End a lease and remove its keys."""
        self._ask("lease/revoke", {"ID": str(lease)})

    def watch(self, prefix: str, start_revision: int) -> Watch:
        """All changes of keys that begin with ``prefix``, from a revision on, on a connection of its own."""
        request = {"create_request": {**_keys(prefix), "start_revision": str(start_revision)}}
        return Watch(self.address, json.dumps(request).encode(), self.deadline_s)

    def _range(self, request: dict[str, str]) -> Listing:
        answer = self._ask("kv/range", request)
        return Listing(_revision(answer), tuple(_item(it, self.address) for it in _records(answer, "kvs")))

    def _ask(self, what: str, request: dict[str, object] | dict[str, str]) -> dict[str, object]:
        answer = _record(self._exchange("POST", f"/v3/{what}", json.dumps(request).encode()), self.address)
        if "error" in answer:  # of a stream, as a lease's keep-alive is one
            raise StoreError(f"{_name(self.address)}: {_message(answer['error'])}")
        return answer

    def _exchange(self, method: str, path: str, body: bytes | None) -> object:
        """One request and its answer, as JSON. After a failure the next request connects anew."""
        end_s = time.monotonic() + self.deadline_s
        try:
            connection = self._connection or self._connect()
            connection.sock.settimeout(_left(end_s))
            connection.request(method, path, body, {"Content-Type": "application/json"})
            text = b""
            with connection.getresponse() as response:
                while piece := response.read1(_PIECE_BYTES):
                    text += piece
                    if len(text) > _MOST_BYTES:
                        raise ValueError("it is too long")
                    if connection.sock is not None:  # the server may have said that it closes
                        connection.sock.settimeout(_left(end_s))
            answer: object = json.loads(text)
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            self.close()
            raise StoreError(f"{_name(self.address)}: {_why(error, self.deadline_s)}") from None
        except BaseException:
            self.close()
            raise
        if response.status != http.HTTPStatus.OK:
            raise StoreError(f"{_name(self.address)}: {_message(answer) or f'HTTP status {response.status}'}")
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(*self.address, timeout=self.deadline_s)
        connection.connect()
        _notice_a_cut(connection.sock)
        self._connection = connection
        return connection


class Watch:
    """The changes of some keys as they come, until it breaks; a context manager, with a ``fileno``.

    A store that cannot be reached any more is noticed within some five seconds, by probes of TCP's.

    Raises, at its making:
        StoreError: no connection.
    """

    def __init__(self, address: tuple[str, int], request: bytes, deadline_s: float) -> None:
        self.address = address
        self._rest = b""
        self._head = b""
        self._is_in_body = False
        # version 1.0 of HTTP has no chunks: the answer is nothing but lines, each a message
        head = (
            f"POST /v3/watch HTTP/1.0\r\nHost: {address[0]}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(request)}\r\n\r\n"
        )
        try:
            self._socket = socket.create_connection(address, deadline_s)
        except OSError as error:
            raise StoreError(f"{_name(address)}: {_why(error, deadline_s)}") from None
        try:
            _notice_a_cut(self._socket)
            self._socket.sendall(head.encode() + request)
            self._socket.setblocking(False)
        except OSError as error:
            self.close()
            raise StoreError(f"{_name(address)}: {_why(error, deadline_s)}") from None

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
            while piece := self._socket.recv(_PIECE_BYTES):
                found += self._take(piece)
        except BlockingIOError:
            return found
        except OSError as error:
            raise self._broken(_why(error, 0)) from None
        raise self._broken("it ended the connection")

    def _take(self, piece: bytes) -> list[Event]:
        self._rest += piece
        if len(self._rest) > _MOST_BYTES:
            raise self._broken("a message is too long")
        if not self._is_in_body:
            head, separator, rest = self._rest.partition(b"\r\n\r\n")
            if not separator:
                return []
            status = head.split(b"\r\n", 1)[0].split()
            self._is_in_body = True
            self._rest = rest
            if status[1:2] != [b"200"]:
                raise self._broken(" ".join(rest.decode(errors="replace").split())[:200] or "no answer of a store")
        *lines, self._rest = self._rest.split(b"\n")
        return [event for line in lines if line.strip() for event in self._message(line)]

    def _message(self, line: bytes) -> list[Event]:
        try:
            answer: object = json.loads(line)
        except (ValueError, RecursionError):
            raise self._broken("its answer is no JSON") from None
        message = _record(answer, self.address)
        if "error" in message:
            raise self._broken(_message(message["error"]) or _message(message) or "an error")
        result = _record(message.get("result"), self.address)
        if oldest := _number(result, "compact_revision"):
            raise self._broken(f"changes before revision {oldest} are no longer known")
        if result.get("canceled") is True:
            raise self._broken(str(result.get("cancel_reason", "")) or "it was cancelled")
        return [
            Event(
                "delete" if event.get("type") == "DELETE" else "put",
                _item(_record(event.get("kv"), self.address), self.address),
            )
            for event in _records(result, "events")
        ]

    def _broken(self, why: str) -> StoreError:
        return StoreError(f"{_name(self.address)}: the watch is broken: {why}")


def _notice_a_cut(connection: socket.socket) -> None:
    """Let a connection break when its other end is silent: an idle one would stay open for ever."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _PROBE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
    # for what was sent and not acknowledged, of which the kernel would go on sending copies for a quarter of an hour
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * (_IDLE_S + _PROBES * _PROBE_S))


def _left(end_s: float) -> float:
    left_s = end_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _why(error: Exception, deadline_s: float) -> str:
    if isinstance(error, TimeoutError) and error.errno is None:
        return f"no answer within {deadline_s:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return f"no answer of a store: {str(error)[:100] or type(error).__name__}"


def _name(address: tuple[str, int]) -> str:
    return f"the store at {address[0]}:{address[1]}"


def _keys(prefix: str) -> dict[str, str]:
    """A request for all keys with a prefix: from it to the first key after the last of them; all, if it is empty."""
    first = prefix.encode(errors="surrogateescape")
    shorter = first.rstrip(b"\xff")
    after = shorter[:-1] + bytes([shorter[-1] + 1]) if shorter else b"\0"
    return {"key": _encode(prefix or "\0"), "range_end": base64.b64encode(after).decode()}


def _encode(text: str) -> str:
    return base64.b64encode(text.encode(errors="surrogateescape")).decode()


def _item(record: dict[str, object], address: tuple[str, int]) -> KeyValue:
    try:
        key, value = (
            base64.b64decode(str(record.get(name, ""))).decode(errors="surrogateescape") for name in ("key", "value")
        )
    except ValueError:
        raise StoreError(f"{_name(address)}: no answer of a store") from None
    numbers = (_number(record, name) for name in ("create_revision", "mod_revision", "lease"))
    return KeyValue(key, value, *numbers)


def _record(value: object, address: tuple[str, int]) -> dict[str, object]:
    if not isinstance(value, dict):
        raise StoreError(f"{_name(address)}: no answer of a store")
    return value


def _records(record: dict[str, object], name: str) -> list[dict[str, object]]:
    found = record.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _number(record: dict[str, object], name: str) -> int:
    """A field that is a number, which the gateway writes as text, and leaves out if it is 0."""
    value = record.get(name)
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else 0


def _revision(answer: dict[str, object]) -> int:
    header = answer.get("header")
    return _number(header, "revision") if isinstance(header, dict) else 0


def _message(answer: object) -> str:
    """What an error says: its ``message``, or the error itself where that is a text."""
    if isinstance(answer, dict):
        return str(answer.get("message") or answer.get("error") or "")[:200]
    return str(answer)[:200] if isinstance(answer, str) else ""
