"""Typed values for the messages of etcd's JSON gateway, and the exception of all failures of a store."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Literal

from emulator.system.errors import EmulationError
from gtsdsl.text import printable

MAX_ANSWER_BYTES = 2**24
CHUNK_BYTES = 2**16
NOT_AN_ETCD = "the answer is not that of an etcd"


class StoreError(EmulationError):
    """The store is unreachable, does not answer in time, or refuses a request; the message names its address."""

    exit_status = 1


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key and its value.

    Each change of the store increments its revision: ``create_revision`` and ``mod_revision`` are those of the key's
    first and last change. ``lease`` is the identifier of the key's lease, 0 without one.
    """

    key: str
    value: str
    create_revision: int
    mod_revision: int
    lease: int


@dataclass(frozen=True, slots=True)
class Listing:
    """The keys of a store at ``revision``. A watch from ``revision + 1`` on misses no change."""

    revision: int
    items: tuple[KeyValue, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a key. For a deletion, ``item`` has the key and the revision of the change, and an empty value."""

    kind: Literal["put", "delete"]
    item: KeyValue


def failure_reason(error: Exception, deadline_s: float) -> str:
    """Return why a request with a deadline of ``deadline_s`` seconds failed, as part of a message."""
    if isinstance(error, TimeoutError) and error.errno is None:
        return f"no answer within {deadline_s:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return f"{NOT_AN_ETCD}: {printable(str(error), 100) or type(error).__name__}"


def store_name(address: tuple[str, int]) -> str:
    """Return the name of a store in messages."""
    return f"the store at {address[0]}:{address[1]}"


def not_a_store(address: tuple[str, int]) -> StoreError:
    """Return the error about an answer that no etcd gives."""
    return StoreError(f"{store_name(address)}: {NOT_AN_ETCD}")


def prefix_request(prefix: str) -> dict[str, str]:
    """Return the range of all keys that begin with ``prefix``, as the gateway takes it; an empty prefix means all."""
    first = prefix.encode(errors="surrogateescape")
    shorter = first.rstrip(b"\xff")
    after = shorter[:-1] + bytes([shorter[-1] + 1]) if shorter else b"\0"
    return {"key": encode(prefix or "\0"), "range_end": base64.b64encode(after).decode()}


def encode(text: str) -> str:
    """Encode a key or a value for the gateway (base64)."""
    return base64.b64encode(text.encode(errors="surrogateescape")).decode()


def parse_item(value: object, address: tuple[str, int]) -> KeyValue:
    """Parse a key with its value.

    Raises:
        StoreError: ``value`` has another shape.
    """
    fields = require_object(value, address)
    try:
        key, text = (
            base64.b64decode(str(fields.get(name, ""))).decode(errors="surrogateescape") for name in ("key", "value")
        )
    except ValueError:
        raise not_a_store(address) from None
    numbers = (int_field(fields, name) for name in ("create_revision", "mod_revision", "lease"))
    return KeyValue(key, text, *numbers)


def require_object(value: object, address: tuple[str, int]) -> dict[str, object]:
    """Return a part of an answer that must be a JSON object.

    Raises:
        StoreError: it is not an object, so the answer does not come from an etcd.
    """
    if not isinstance(value, dict):
        raise not_a_store(address)
    return value


def list_field(fields: dict[str, object], name: str) -> list[dict[str, object]]:
    """Return the objects in a list; the gateway omits an empty list."""
    value = fields.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def int_field(fields: dict[str, object], name: str) -> int:
    """Return a number; the gateway writes numbers as strings and omits 0."""
    value = fields.get(name)
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else 0


def header_revision(answer: dict[str, object]) -> int:
    """Return the store's revision at the time of an answer."""
    header = answer.get("header")
    return int_field(header, "revision") if isinstance(header, dict) else 0


def error_text(answer: object) -> str:
    """Return the printable text of an error: its ``message`` or ``error`` field, or the error itself if it is text."""
    text = (answer.get("message") or answer.get("error")) if isinstance(answer, dict) else answer
    return printable(text, 200) if isinstance(text, str) else ""
