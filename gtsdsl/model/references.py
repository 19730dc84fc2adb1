"""From the text of a reference, ``h1.p1``, to the port that it names; and which words may be names at all."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import islice

from gtsdsl.model.testbed import PortRef

RESERVED_WORDS = frozenset({
    "def", "if", "else", "for", "while", "in", "return", "break", "continue", "adjacency", "type",
    "true", "false", "null", "int", "Integer", "String", "List", "Map",
})  # fmt: skip
"""Words that the DSL keeps for itself. ``type`` may still name an attribute (see `is_attribute_name`)."""

MAX_DOTS = 64
"""At so many dots a reference may be split into a resource and a port: each way to split it is tried."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_CODE = re.compile(r"""[^()\[\]{}"'$,;]+""")
_BARE = re.compile(r"""[^()\[\]{}"'$,;\s]*""")


def is_name(text: str) -> bool:
    """Whether a text can be written in the DSL as the bare name of a type, a class or a resource."""
    return _NAME.fullmatch(text) is not None and text not in RESERVED_WORDS


def lacks_quotes(text: str) -> bool:
    """Whether a text that is no reference in the DSL may become one in quotes, as ``web-1.p`` does."""
    return _NO_CODE.fullmatch(text) is not None


def bare_text_at(text: str, start: int) -> str:
    """Return what stands at a place without a blank, quotes, brackets or a comma."""
    found = _BARE.match(text, start)
    return found.group() if found else ""


def is_attribute_name(text: str) -> bool:
    """Whether a text can stand before ``=`` in the DSL."""
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
    """The port that ``resource.port`` names, where ids may themselves hold a ``.``.

    Args:
        text: the reference as it is written.
        ports_of: the ids of each resource's ports, by the resource's id.
        own_ports: the ids of the ports that the testbed itself exports, which are named without a resource.

    Of all places to split (at the first `MAX_DOTS` dots), one where resource and port exist is taken, else the
    testbed's own port of that name, else a place where the resource exists, else the first. Among equals, the leftmost.
    Text without a ``.`` names an own port.
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
