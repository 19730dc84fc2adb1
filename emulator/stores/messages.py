"""The messages of etcd's JSON gateway to typed values, and back; and what goes wrong with a store, in one exception."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Literal

from emulator.system.errors import EmulationError
from gtsdsl.text import printable

MOST_BYTES = 2**24
"""So long an answer may be."""
PIECE_BYTES = 2**16


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


def reason(error: Exception, deadline_s: float) -> str:
    """Why there is no answer: of a request that failed, and had ``deadline_s``."""
    if isinstance(error, TimeoutError) and error.errno is None:
        return f"no answer within {deadline_s:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return f"no answer of a store: {printable(str(error), 100) or type(error).__name__}"


def name_of(address: tuple[str, int]) -> str:
    """A store's name in a message."""
    return f"the store at {address[0]}:{address[1]}"


def prefix_request(prefix: str) -> dict[str, str]:
    """A request for all keys with a prefix: from it to the first key after the last of them; all, if it is empty."""
    first = prefix.encode(errors="surrogateescape")
    shorter = first.rstrip(b"\xff")
    after = shorter[:-1] + bytes([shorter[-1] + 1]) if shorter else b"\0"
    return {"key": encode(prefix or "\0"), "range_end": base64.b64encode(after).decode()}


def encode(text: str) -> str:
    """A key or a value as the gateway takes it."""
    return base64.b64encode(text.encode(errors="surrogateescape")).decode()


def parse_item(value: object, address: tuple[str, int]) -> KeyValue:
    """A key with what it holds, of an answer.

    Raises:
        StoreError: it is none.
    """
    fields = record(value, address)
    try:
        key, text = (
            base64.b64decode(str(fields.get(name, ""))).decode(errors="surrogateescape") for name in ("key", "value")
        )
    except ValueError:
        raise StoreError(f"{name_of(address)}: no answer of a store") from None
    numbers = (number(fields, name) for name in ("create_revision", "mod_revision", "lease"))
    return KeyValue(key, text, *numbers)


def record(value: object, address: tuple[str, int]) -> dict[str, object]:
    """A part of an answer that has fields.

    Raises:
        StoreError: it has none, so whoever answered is no store.
    """
    if not isinstance(value, dict):
        raise StoreError(f"{name_of(address)}: no answer of a store")
    return value


def records(fields: dict[str, object], name: str) -> list[dict[str, object]]:
    """A field that is a list, which the gateway leaves out if it is empty."""
    found = fields.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def number(fields: dict[str, object], name: str) -> int:
    """A field that is a number, which the gateway writes as text, and leaves out if it is 0."""
    value = fields.get(name)
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else 0


def revision(answer: dict[str, object]) -> int:
    """Which change of the store's an answer comes after."""
    header = answer.get("header")
    return number(header, "revision") if isinstance(header, dict) else 0


def error_text(answer: object) -> str:
    """What an error says, fit to be shown: its ``message``, or the error itself where that is a text."""
    found = (answer.get("message") or answer.get("error")) if isinstance(answer, dict) else answer
    return printable(found, 200) if isinstance(found, str) else ""
