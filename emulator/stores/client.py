"""A client of etcd's JSON gateway (version 3 of etcd's API): keys, leases and watches, as typed values.

The package etcd3gw is unfit for an agent behind a long path: its requests and its watches have no deadline, and its
watches take each chunk of an answer for a whole message and ignore errors.

The gateway: https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/
"""

from __future__ import annotations

import http.client
import json
import time

from emulator.stores.keepalive import enable_keepalive
from emulator.stores.messages import (
    CHUNK_BYTES,
    MAX_ANSWER_BYTES,
    Event,
    KeyValue,
    Listing,
    StoreError,
    encode,
    error_text,
    failure_reason,
    header_revision,
    int_field,
    list_field,
    not_a_store,
    parse_item,
    prefix_request,
    require_object,
    store_name,
)
from emulator.stores.watch import Watch
from emulator.system.closing import Closing

__all__ = ["Client", "Event", "KeyValue", "Listing", "StoreError", "Watch"]

DEADLINE_S = 5.0
"""The time limit of a request: many times the longest circuit's round trip, and less than the term of a lease."""


class Client(Closing):
    """A client of one store; a context manager that closes the connection.

    The first request connects, and so does the next request after a failed one. A client serves one thread of one
    process: make it after a fork. Keys and values are text in UTF-8; other bytes survive as surrogate escapes.

    Each request raises a `StoreError` if the store refuses it or does not answer within ``deadline_s`` seconds. After
    a request without an answer, the change may have been made or not.
    """

    def __init__(self, host: str, port: int, deadline_s: float = DEADLINE_S) -> None:
        self.address = (host, port)
        self.deadline_s = deadline_s
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Close the connection; watches have connections of their own and continue."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def version(self) -> str:
        """Return the version of the server, such as ``3.4.23``."""
        version = require_object(self._exchange("GET", "/version", None), self.address).get("etcdserver")
        if not isinstance(version, str):
            raise not_a_store(self.address)
        return version

    def is_healthy(self) -> bool:
        """Return whether the store has elected a leader and can write; False if it is unreachable."""
        try:
            return require_object(self._exchange("GET", "/health", None), self.address).get("health") == "true"
        except StoreError:
            return False

    def get(self, key: str) -> KeyValue | None:
        """Return a key with its value; None if the key is missing."""
        return next(iter(self._range({"key": encode(key)}).items), None)

    def list_keys(self, prefix: str) -> Listing:
        """Return all keys that begin with ``prefix``, in alphabetical order."""
        return self._range(prefix_request(prefix))

    def put(self, key: str, value: str, lease: int = 0) -> int:
        """Set a key and return the revision of the change. The store deletes the key when ``lease`` ends, if not 0."""
        return header_revision(self._call("kv/put", {"key": encode(key), "value": encode(value), "lease": str(lease)}))

    def put_if(self, key: str, mod_revision: int, value: str, lease: int = 0) -> int:
        """Set a key if its last change is that of ``mod_revision``.

        Return the revision of the new change, or 0 if the key was not set. A ``mod_revision`` of 0 demands that the key
        is missing. ``lease`` is as for `put`.
        """
        put = {"key": encode(key), "value": encode(value), "lease": str(lease)}
        compare = {"key": encode(key), "target": "MOD", "mod_revision": str(mod_revision)}
        answer = self._call("kv/txn", {"compare": [compare], "success": [{"request_put": put}]})
        return header_revision(answer) if answer.get("succeeded") is True else 0

    def delete(self, key: str) -> bool:
        """Delete a key and return whether it existed."""
        return int_field(self._call("kv/deleterange", {"key": encode(key)}), "deleted") > 0

    def grant(self, ttl_s: int) -> int:
        """Grant a lease and return its identifier.

        The lease ends ``ttl_s`` seconds after the last `keep_alive`; the store deletes its keys then.
        """
        return int_field(self._call("lease/grant", {"TTL": str(ttl_s)}), "ID")

    def keep_alive(self, lease: int) -> int:
        """Renew a lease and return the seconds until it ends; 0 if it has ended already."""
        result = self._call("lease/keepalive", {"ID": str(lease)}).get("result")
        return int_field(require_object(result, self.address), "TTL")

    def revoke(self, lease: int) -> None:
        """End a lease; the store deletes its keys."""
        self._call("lease/revoke", {"ID": str(lease)})

    def watch(self, prefix: str, start_revision: int) -> Watch:
        """Watch the keys that begin with ``prefix``, from a revision on, over a new connection."""
        request = {"create_request": {**prefix_request(prefix), "start_revision": str(start_revision)}}
        return Watch(self.address, json.dumps(request).encode(), self.deadline_s)

    def _range(self, request: dict[str, str]) -> Listing:
        answer = self._call("kv/range", request)
        items = tuple(parse_item(item, self.address) for item in list_field(answer, "kvs"))
        return Listing(header_revision(answer), items)

    def _call(self, method: str, request: dict[str, object] | dict[str, str]) -> dict[str, object]:
        answer = require_object(self._exchange("POST", f"/v3/{method}", json.dumps(request).encode()), self.address)
        if "error" in answer:  # a stream, such as that of `keep_alive`, reports errors with HTTP status 200
            raise StoreError(f"{store_name(self.address)}: {error_text(answer['error'])}")
        return answer

    def _exchange(self, method: str, path: str, body: bytes | None) -> object:
        """Send a request and return the JSON of its answer. After a failure, the next request connects again."""
        end_s = time.monotonic() + self.deadline_s
        try:
            connection = self._connection or self._connect()
            connection.sock.settimeout(_remaining_s(end_s))
            connection.request(method, path, body, {"Content-Type": "application/json"})
            text = b""
            with connection.getresponse() as response:
                while chunk := response.read1(CHUNK_BYTES):
                    text += chunk
                    if len(text) > MAX_ANSWER_BYTES:
                        raise ValueError("it is too long")
                    if connection.sock is not None:  # None if the server has announced that it closes the connection
                        connection.sock.settimeout(_remaining_s(end_s))
            if response.will_close:
                self.close()
            answer: object = json.loads(text)
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            self.close()
            raise StoreError(f"{store_name(self.address)}: {failure_reason(error, self.deadline_s)}") from None
        except BaseException:
            self.close()
            raise
        if response.status != http.HTTPStatus.OK:
            raise StoreError(f"{store_name(self.address)}: {error_text(answer) or f'HTTP status {response.status}'}")
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(*self.address, timeout=self.deadline_s)
        connection.connect()
        enable_keepalive(connection.sock)
        self._connection = connection
        return connection


def _remaining_s(end_s: float) -> float:
    remaining_s = end_s - time.monotonic()
    if remaining_s <= 0:
        raise TimeoutError
    return remaining_s
