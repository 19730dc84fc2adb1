"""From a text to all that an editor may ask of it, and from offsets in it to those in the text that came after."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from gtsdsl.collector import without_collector
from gtsdsl.diagnostics import Diagnostic, Findings
from gtsdsl.inputs.files import MAX_BYTES
from gtsdsl.loading import CheckResult, check
from gtsdsl.lsp.context import Bracket
from gtsdsl.lsp.index import all_testbeds, index
from gtsdsl.lsp.symbols import Index, Symbol
from gtsdsl.model.testbed import PortRef, Resource, Testbed
from gtsdsl.source import Source, Span
from gtsdsl.syntax import Parsed, nodes, parse
from gtsdsl.topology.model import Topology, Wire

_FAR = 100_000
"""Characters that are read again quicker than anything is looked up."""


@dataclass(frozen=True)
class Analysis:
    """A text, what is wrong with it and, where it is DSL, its names.

    ``text`` has a space where ``of``, the text as it was given, has a byte-order mark.
    """

    of: str
    text: str
    parsed: Parsed
    checked: CheckResult
    index: Index

    @cached_property
    def testbeds(self) -> dict[str, Testbed]:
        """The testbed and those nested in it by their types; of several of one type the first."""
        found: dict[str, Testbed] = {}
        if self.checked.testbed is not None:
            for testbed in all_testbeds(self.checked.testbed):
                found.setdefault(testbed.type, testbed)
        return found

    @cached_property
    def topology(self) -> Topology:
        """The network that the text describes, as far as it can be read."""
        return Topology({}, ()) if self.checked.testbed is None else Topology.of(self.checked.testbed)

    @cached_property
    def wires(self) -> dict[int, list[Wire]]:
        """What links join, by where the id of the link stands."""
        found: dict[int, list[Wire]] = {}
        for wire in self.topology.wires:
            if isinstance(wire.link.place, Span):
                found.setdefault(wire.link.place.start, []).append(wire)
        return found

    def prepare(self) -> None:
        """Work out at once what is else worked out when it is first asked for."""
        _ = self.testbeds, self.wires, self.uses_of_ports

    @cached_property
    def uses_of_ports(self) -> dict[str, Counter[PortRef]]:
        """How many adjacencies name each port, by the type of the testbed that they stand in."""
        return {
            name: Counter(ref for it in testbed.adjacencies for ref in (it.first, it.second))
            for name, testbed in self.testbeds.items()
        }

    def anchor(self, offset: int) -> tuple[int, Bracket] | None:
        """The end of a statement near before an offset that stands directly in a testbed, and the testbed's brace."""
        if offset < _FAR:
            return None
        node = next((it for it in self.parsed.body if it.start < offset <= it.end), None)
        if isinstance(node, nodes.TypeDefinition):
            body, opening, kind = node.body, node.name.end, "type"
        elif isinstance(node, nodes.Block):
            body, opening, kind = node.closure.body, node.closure.start, "block"
        else:
            return None
        found = bisect_right(body, offset, key=lambda it: it.end) - 1
        errors = [it.place.start for it in self.parsed.diagnostics if isinstance(it.place, Span)]
        if found < 0 or min(errors, default=offset) < body[found].end:
            return None
        return body[found].end, Bracket("{", opening, node.name.id, kind)

    def made_of(self, symbol: Symbol) -> list[tuple[Testbed, Resource | Testbed]]:
        """The resources that a declaration came to, each with the testbed that it stands in."""
        starts = {start for place in symbol.places for start in (place.start, place.start - 1)}
        return [
            (testbed, resource)
            for testbed in self.testbeds.values()
            for resource in testbed.resources
            if isinstance(resource.place, Span) and resource.place.start in starts
        ]


def analyse(text: str, name: str) -> Analysis:
    """Everything that is known of a text."""
    given, text = text, f" {text[1:]}" if text.startswith("\ufeff") else text
    source = Source(name, text)
    if len(text) > MAX_BYTES:
        message = f"the input has more than {MAX_BYTES // 2**20} MiB"
        return _bare(given, text, CheckResult(None, Findings([Diagnostic("GTS005", message, source)])))
    if text.lstrip()[:1] in ("{", "["):
        return _bare(given, text, check(source))
    with without_collector():
        parsed = parse(source)
        checked = check(source, parsed=parsed)
        return Analysis(given, text, parsed, checked, index(parsed.body, text, checked.testbed))


def nothing_known() -> Analysis:
    """What is known before a text was read for the first time."""
    return _bare("", "", CheckResult(None, Findings()))


def _bare(given: str, text: str, checked: CheckResult) -> Analysis:
    """An analysis without names."""
    return Analysis(given, text, Parsed((), ()), checked, index((), text, None))


class Shift:
    """An old text and the one that came of it: what stands before and behind the change is the same in both."""

    def __init__(self, old: str, new: str) -> None:
        self._same = len(old) == len(new) and old == new
        shorter = min(len(old), len(new))
        self._before = shorter if self._same else _common(lambda size: old[:size] == new[:size], shorter)
        rest = shorter - self._before
        self._behind = 0 if self._same else _common(lambda size: old[len(old) - size :] == new[len(new) - size :], rest)
        self._old, self._new = len(old), len(new)

    def back(self, offset: int) -> int:
        """Where an offset of the new text was in the old one; inside of what is new, where that was put in."""
        if offset <= self._before:
            return offset
        return max(self._before, offset - self._new + self._old) if offset >= self._new - self._behind else self._before

    def unchanged(self, offset: int) -> int:
        """How far a text is the same in front of an offset."""
        return min(offset, self._before)

    def forth(self, span: Span) -> Span | None:
        """Where a stretch of the old text is in the new one; None where it is not in it as it was."""
        if span.end <= self._before:
            return span
        if span.start >= self._old - self._behind:
            moved = self._new - self._old
            return Span(span.start + moved, span.end + moved)
        return None

    @property
    def changed(self) -> tuple[Span, Span]:
        """The stretch that changed, in the old text and in the new one."""
        return Span(self._before, self._old - self._behind), Span(self._before, self._new - self._behind)


def _common(is_same: Callable[[int], bool], limit: int) -> int:
    """The greatest size up to a limit that is the same."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if is_same(middle):
            low = middle
        else:
            high = middle - 1
    return low
