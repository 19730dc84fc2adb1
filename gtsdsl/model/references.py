"""References to ports, such as ``h1.p1``, and the words that can be names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import islice

from gtsdsl.model.testbed import PortRef

RESERVED_WORDS = frozenset({
    "def", "if", "else", "for", "while", "in", "return", "break", "continue", "adjacency", "type",
    "true", "false", "null", "int", "Integer", "String", "List", "Map",
})  # fmt: skip
"""Words that cannot be names in the DSL, except ``type`` as an attribute's name (`is_attribute_name`)."""

MAX_DOTS = 64
"""The most dots of a reference at which a split into resource and port is tried."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_CODE = re.compile(r"""[^()\[\]{}"'$,;]+""")
_BARE = re.compile(r"""[^()\[\]{}"'$,;\s]*""")


def is_name(text: str) -> bool:
    """Return whether a text can be the bare name of a type, a class or a resource in the DSL."""
    return _NAME.fullmatch(text) is not None and text not in RESERVED_WORDS


def lacks_quotes(text: str) -> bool:
    """Return whether a text that is not a bare reference could be a reference in quotes, as ``web-1.p`` could."""
    return _NO_CODE.fullmatch(text) is not None


def bare_text_at(text: str, start: int) -> str:
    """Return the text from an offset up to the next blank, quote, bracket, comma, semicolon or dollar sign."""
    found = _BARE.match(text, start)
    return found.group() if found else ""


def is_attribute_name(text: str) -> bool:
    """Return whether a text can be an attribute's name, before ``=``, in the DSL."""
    return is_name(text) or text == "type"


def first_twice(names: Iterable[str]) -> str | None:
    """Return the first name that occurs a second time; None if all differ."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def split_reference(text: str, ports_of: Mapping[str, Collection[str]], own_ports: Collection[str]) -> PortRef:
    """Return the port that ``resource.port`` names, where the ids themselves may contain a ``.``.

    Args:
        text: the reference as it is written.
        ports_of: the ids of each resource's ports, by the resource's id.
        own_ports: the ids of the ports that the testbed itself exports. References name them without a resource.

    The first `MAX_DOTS` dots are tried from the left. The first split whose resource and port exist wins; else the
    testbed's own port of that name; else the first split whose resource exists; else the split at the first dot.
    A text without a ``.`` names one of the testbed's own ports.
    """
    resource, dot, port = text.partition(".")
    if port in ports_of.get(resource, ()):  # nearly all references
        return PortRef(resource, port)
    if not dot:
        return PortRef("", text)
    existing: PortRef | None = None
    dots = [match.start() for match in islice(re.finditer(r"\.", text), MAX_DOTS) if match.start()]
    for dot_at in dots:
        before = text[:dot_at]
        if before in ports_of:
            split = PortRef(before, text[dot_at + 1 :])
            if split.port in ports_of[before]:
                return split
            existing = existing or split
    if text in own_ports or not dots:
        return PortRef("", text)
    return existing or PortRef(text[: dots[0]], text[dots[0] + 1 :])
