"""Nodes of YAML to values of one type each; a node of another type is a mistake with its place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from functools import cache
from ipaddress import ip_network
from typing import TYPE_CHECKING, TypeVar

from emulator.overlays.policy import selector_parser
from emulator.overlays.policy.mistakes import Mistakes
from emulator.overlays.policy.model import PROTOCOLS, Ports
from emulator.overlays.policy.selectors import Always, Joined, Not, Selector
from emulator.overlays.policy.tree import Items, Node, Scalar, Text
from emulator.overlays.policy.tree import Mapping as MappingNode
from gtsdsl.text import printable

if TYPE_CHECKING:
    from yaml.resolver import Resolver

_Value = TypeVar("_Value")

_KINDS = {"int": "a number", "float": "a number", "bool": "a truth value", "null": "nothing", "timestamp": "a date"}
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?")
_RANGE = re.compile(r"(\d{1,5}):(\d{1,5})")
_NET = re.compile(r"[0-9A-Fa-f:.]+/\d{1,3}")
_EVERYTHING = {"0.0.0.0/0", "::/0"}


class Fields:
    """The reader of one file's values. A value with a mistake becomes None, and the mistake is kept."""

    def __init__(self, text: Text, mistakes: Mistakes) -> None:
        self.mistakes = mistakes
        self._text = text

    def mapping(
        self, node: Node | None, noun: str, known: Collection[str], refused: Mapping[str, str] | None = None
    ) -> dict[str, Node]:
        """Return the values of a mapping by their keys, without those that are null.

        ``known`` are its keys, and ``refused`` are Calico's keys that are not supported, each with the reason.
        """
        found: dict[str, Node] = {}
        if node is None:
            return found
        if not isinstance(node, MappingNode):
            self.mistakes.add(node.at, f"{noun} must have keys, such as `{next(iter(known))}:`")
            return found
        seen: set[str] = set()
        for key, value in node.pairs:
            if key.text in seen:
                self.mistakes.add(key.at, f"the key `{printable(key.text, 60)}` is given twice")
            elif refused and key.text in refused:
                self.mistakes.add(key.at, f"`{key.text}` is not supported: {refused[key.text]}")
            elif key.text not in known:
                self.mistakes.add_unknown(key.at, f"key of {noun}", key.text, known)
            elif not self.is_null(value):
                found[key.text] = value
            seen.add(key.text)
        return found

    def is_null(self, node: Node) -> bool:
        """Return whether a node is YAML's null, which stands for a missing value."""
        return isinstance(node, Scalar) and _kind(node) == "null"

    def items(
        self, node: Node | None, noun: str, most: int, read: Callable[[Node], _Value | None]
    ) -> tuple[_Value, ...]:
        """Return the values of a list of at most ``most`` items, each read by ``read``."""
        if node is None:
            return ()
        if not isinstance(node, Items):
            self.mistakes.add(node.at, f"{noun} must be a list: put `- ` before each item")
            return ()
        if len(node.items) > most:
            self.mistakes.add(node.items[most].at, f"{noun} has more than {most:,} items")
            return ()
        return tuple(value for value in map(read, node.items) if value is not None)

    def text(self, node: Node | None, noun: str) -> str | None:
        """Return a text."""
        scalar = self._scalar(node, noun)
        if scalar is None:
            return None
        kind = _kind(scalar)
        if kind != "str":
            what = _KINDS.get(kind, "no text")
            self.mistakes.add(scalar.at, f"{noun} must be a text, and YAML takes this for {what}: put it in quotes")
            return None
        return scalar.text

    def choice(self, node: Node | None, noun: str, choices: Collection[str]) -> str | None:
        """Return a text that is one of some choices."""
        scalar = self._scalar(node, noun)
        if scalar is None or scalar.text in choices:
            return None if scalar is None else scalar.text
        self.mistakes.add_unknown(scalar.at, noun, scalar.text, choices)
        return None

    def whole(self, node: Node | None, noun: str, least: int, most: int) -> int | None:
        """Return a whole number between two limits."""
        scalar = self._scalar(node, noun)
        if scalar is None:
            return None
        if not scalar.style and scalar.text.isascii() and scalar.text.isdigit() and len(scalar.text) <= 10:
            number = int(scalar.text)
            if least <= number <= most:
                return number
        self.mistakes.add(
            scalar.at, f"{noun} must be a whole number from {least} to {most}, not `{printable(scalar.text, 40)}`"
        )
        return None

    def number(self, node: Node | None, noun: str) -> float | None:
        """Return a number."""
        scalar = self._scalar(node, noun)
        if scalar is None:
            return None
        if not scalar.style and _NUMBER.fullmatch(scalar.text) and math.isfinite(float(scalar.text)):
            return float(scalar.text)
        self.mistakes.add(scalar.at, f"{noun} must be a number, such as 100, not `{printable(scalar.text, 40)}`")
        return None

    def protocol(self, node: Node | None) -> int | None:
        """Return the number of a protocol that is given by name or number."""
        scalar = self._scalar(node, "protocol")
        if scalar is None:
            return None
        if scalar.text in PROTOCOLS:
            return PROTOCOLS[scalar.text]
        if scalar.text.isascii() and scalar.text.isdigit() and len(scalar.text) <= 3 and 1 <= int(scalar.text) <= 255:
            return int(scalar.text)
        if scalar.text.lstrip("+-").isdigit():
            self.mistakes.add(scalar.at, "protocol must be a name or a number from 1 to 255")
        else:
            self.mistakes.add_unknown(scalar.at, "protocol", scalar.text, PROTOCOLS)
        return None

    def ports(self, node: Node) -> Ports | None:
        """Return one port, or a range such as ``8000:8100``."""
        scalar = self._scalar(node, "a port")
        if scalar is None:
            return None
        text = scalar.text
        found = _RANGE.fullmatch(f"{text}:{text}" if text.isdigit() else text)
        if found is None or not text.isascii():
            shown = printable(text, 40)
            reason = "a name, and named ports are not supported" if text[:1].isalpha() else "no port"
            self.mistakes.add(scalar.at, f"`{shown}` is {reason}: write a port as 80 and a range as 8000:8100")
            return None
        first, last = int(found[1]), int(found[2])
        if not 1 <= first <= last <= 65535:
            self.mistakes.add(scalar.at, f"port `{text}` must be from 1 to 65535, and a range from its lower port")
            return None
        return Ports(first, last)

    def net(self, node: Node) -> str | None:
        """Return a network of a rule, which must have its prefix length and no host bits."""
        scalar = self._scalar(node, "a net")
        if scalar is None:
            return None
        shown = printable(scalar.text, 50)
        try:
            if _NET.fullmatch(scalar.text):
                return str(ip_network(scalar.text))
            address = ip_network(scalar.text)
            self.mistakes.add(scalar.at, f"net `{shown}` has no prefix length: write it as {address}")
        except ValueError:
            self._refuse_net(scalar, shown)
        return None

    def not_net(self, node: Node) -> str | None:
        """Return a network of a rule that must not match, which cannot be all networks."""
        net = self.net(node)
        if net in _EVERYTHING:
            self.mistakes.add(node.at, f"a rule with {net} in `notNets` matches nothing")
            return None
        return net

    def member(self, node: Node) -> str | None:
        """Return a network of a network set, which may be an address and may have host bits."""
        scalar = self._scalar(node, "a net")
        if scalar is None:
            return None
        try:
            if _NET.fullmatch(scalar.text if "/" in scalar.text else f"{scalar.text}/32"):
                return str(ip_network(scalar.text, strict=False))
        except ValueError:
            pass
        self._refuse_net(scalar, printable(scalar.text, 50))
        return None

    def _refuse_net(self, scalar: Scalar, shown: str) -> None:
        try:
            masked = ip_network(scalar.text, strict=False) if _NET.fullmatch(scalar.text) else None
        except ValueError:
            masked = None
        if masked is None:
            self.mistakes.add(scalar.at, f"`{shown}` is not a network: write it as 10.244.1.0/24")
        else:
            self.mistakes.add(scalar.at, f"net `{shown}` has host bits set: write it as {masked}")

    def selector(self, node: Node | None, noun: str) -> str:
        """Return the text of a selector; empty for all."""
        text = self.text(node, noun)
        if text is None or not isinstance(node, Scalar):
            return ""
        try:
            selector = selector_parser.parse(text)
        except selector_parser.SelectorError as error:
            at = self._text.place(node, error.offset) if error.offset < len(text) else node.at
            where = "" if error.offset < len(text) else " at its end"
            self.mistakes.add(at, f"{noun}{where}: {error}")
            return ""
        if _has_global(selector):
            offset = text.index("global(")
            self.mistakes.add(self._text.place(node, offset), f"{noun}: global() is for namespaceSelector only")
            return ""
        return text

    def _scalar(self, node: Node | None, noun: str) -> Scalar | None:
        if node is None or isinstance(node, Scalar):
            return node
        what = "a list" if isinstance(node, Items) else "a mapping"
        self.mistakes.add(node.at, f"{noun} must be one value, not {what}")
        return None


def _has_global(selector: Selector) -> bool:
    match selector:
        case Always(name):
            return name == "global"
        case Not(operand):
            return _has_global(operand)
        case Joined(_, operands):
            return any(map(_has_global, operands))
    return False


def _kind(scalar: Scalar) -> str:
    """Return YAML's type of a scalar: ``str``, ``int``, ``float``, ``bool``, ``null`` or another."""
    import yaml

    if scalar.style:
        return "str"
    tag = str(_resolver().resolve(yaml.ScalarNode, scalar.text, (True, False)))  # type: ignore[no-untyped-call]
    return tag.rpartition(":")[2]


@cache
def _resolver() -> Resolver:
    from yaml.resolver import Resolver

    return Resolver()
