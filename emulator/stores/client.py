"""etcd's JSON gateway (version 3 of its API) to keys, leases and a watch, as typed values.

The package etcd3gw does as much, but for what an agent behind a long path needs: its requests and its watch know no
deadline, and its watch takes each chunk of the answer for a whole message, and passes errors over.

The gateway: https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/
"""

from __future__ import annotations

import http.client
import json
import time
from types import TracebackType
from typing import Self

from emulator.stores.keepalive import notice_a_cut
from emulator.stores.messages import (
    MOST_BYTES,
    PIECE_BYTES,
    Event,
    KeyValue,
    Listing,
    StoreError,
    encode,
    error_text,
    name_of,
    number,
    parse_item,
    prefix_request,
    reason,
    record,
    records,
    revision,
)
from emulator.stores.watch import Watch

__all__ = ["Client", "Event", "KeyValue", "Listing", "StoreError", "Watch"]

DEADLINE_S = 5.0
"""So long a request may take: many times the longest circuit's round trip, less than a lease lasts."""


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
        found = record(self._exchange("GET", "/version", None), self.address).get("etcdserver")
        if not isinstance(found, str):
            raise StoreError(f"{name_of(self.address)}: no answer of a store")
        return found

    def is_healthy(self) -> bool:
        """Whether it serves: it has elected a leader and can write. A store that cannot be reached is not healthy."""
        try:
            return record(self._exchange("GET", "/health", None), self.address).get("health") == "true"
        except StoreError:
            return False

    def get(self, key: str) -> KeyValue | None:
        """What a key holds; None if there is no such key."""
        return next(iter(self._range({"key": encode(key)}).items), None)

    def list_keys(self, prefix: str) -> Listing:
        """All keys that begin with ``prefix``, in order."""
        return self._range(prefix_request(prefix))

    def put(self, key: str, value: str, lease: int = 0) -> int:
        """Set a key, which goes with the lease if one is given; the change's revision."""
        return revision(self._ask("kv/put", {"key": encode(key), "value": encode(value), "lease": str(lease)}))

    def put_if(self, key: str, mod_revision: int, value: str, lease: int = 0) -> bool:
        """Set a key if ``mod_revision`` is that of its last change, 0 if it must not be there; whether it was set."""
        put = {"key": encode(key), "value": encode(value), "lease": str(lease)}
        compare = {"key": encode(key), "target": "MOD", "mod_revision": str(mod_revision)}
        answer = self._ask("kv/txn", {"compare": [compare], "success": [{"request_put": put}]})
        return answer.get("succeeded") is True

    def delete(self, key: str) -> bool:
        """Remove a key; whether it was there."""
        return number(self._ask("kv/deleterange", {"key": encode(key)}), "deleted") > 0

    def grant(self, ttl_s: int) -> int:
        """A lease that ends after ``ttl_s`` without `keep_alive`, and takes its keys along."""
        return number(self._ask("lease/grant", {"TTL": str(ttl_s)}), "ID")

    def keep_alive(self, lease: int) -> int:
        """Begin a lease's time anew: the seconds that it has now, 0 if it has ended."""
        return number(record(self._ask("lease/keepalive", {"ID": str(lease)}).get("result"), self.address), "TTL")

    def revoke(self, lease: int) -> None:
        """End a lease and remove its keys."""
        self._ask("lease/revoke", {"ID": str(lease)})

    def watch(self, prefix: str, start_revision: int) -> Watch:
        """All changes of keys that begin with ``prefix``, from a revision on, on a connection of its own."""
        request = {"create_request": {**prefix_request(prefix), "start_revision": str(start_revision)}}
        return Watch(self.address, json.dumps(request).encode(), self.deadline_s)

    def _range(self, request: dict[str, str]) -> Listing:
        answer = self._ask("kv/range", request)
        return Listing(revision(answer), tuple(parse_item(it, self.address) for it in records(answer, "kvs")))

    def _ask(self, what: str, request: dict[str, object] | dict[str, str]) -> dict[str, object]:
        answer = record(self._exchange("POST", f"/v3/{what}", json.dumps(request).encode()), self.address)
        if "error" in answer:  # of a stream, as a lease's keep-alive is one
            raise StoreError(f"{name_of(self.address)}: {error_text(answer['error'])}")
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
                while piece := response.read1(PIECE_BYTES):
                    text += piece
                    if len(text) > MOST_BYTES:
                        raise ValueError("it is too long")
                    if connection.sock is not None:  # the server may have said that it closes
                        connection.sock.settimeout(_left(end_s))
            if response.will_close:
                self.close()
            answer: object = json.loads(text)
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            self.close()
            raise StoreError(f"{name_of(self.address)}: {reason(error, self.deadline_s)}") from None
        except BaseException:
            self.close()
            raise
        if response.status != http.HTTPStatus.OK:
            raise StoreError(f"{name_of(self.address)}: {error_text(answer) or f'HTTP status {response.status}'}")
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(*self.address, timeout=self.deadline_s)
        connection.connect()
        notice_a_cut(connection.sock)
        self._connection = connection
        return connection


def _left(end_s: float) -> float:
    left_s = end_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s
