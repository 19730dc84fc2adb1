"""Analysis of a text for an editor: its findings, its names and its testbed."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
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
from gtsdsl.syntax import ParseResult, nodes, parse
from gtsdsl.topology.model import Topology, Wire

_FAR = 100_000
"""Offset in characters below which reading the text from its beginning is faster than a search for a statement."""


@dataclass(frozen=True)
class Analysis:
    """A text with its findings and, if it is DSL, its names."""

    given_text: str
    """The text as the editor has it."""
    text: str
    """The same text with a space in place of a byte-order mark."""
    syntax: ParseResult
    """The statements; none if the text is JSON."""
    check_result: CheckResult
    index: Index

    @cached_property
    def testbeds(self) -> dict[str, Testbed]:
        """The testbed and those nested in it, by type; of several testbeds of one type the first."""
        found: dict[str, Testbed] = {}
        if self.check_result.testbed is not None:
            for testbed in all_testbeds(self.check_result.testbed):
                found.setdefault(testbed.type, testbed)
        return found

    @cached_property
    def topology(self) -> Topology:
        """The network that the text describes, as far as it can be read."""
        return Topology({}, ()) if self.check_result.testbed is None else Topology.of(self.check_result.testbed)

    @cached_property
    def wires(self) -> dict[int, list[Wire]]:
        """The wires of each link, by the offset of the link's id."""
        found: dict[int, list[Wire]] = {}
        for wire in self.topology.wires:
            if isinstance(wire.link.place, Span):
                found.setdefault(wire.link.place.start, []).append(wire)
        return found

    def prepare(self) -> None:
        """Compute the cached properties now instead of on first use."""
        _ = self.testbeds, self.wires, self.uses_of_ports

    @cached_property
    def uses_of_ports(self) -> dict[str, Counter[PortRef]]:
        """The number of adjacencies that name each port, by the type of the testbed that they stand in."""
        return {
            name: Counter(ref for it in testbed.adjacencies for ref in (it.first, it.second))
            for name, testbed in self.testbeds.items()
        }

    def anchor(self, offset: int) -> tuple[int, Bracket] | None:
        """Return where the last statement before an offset ends, and the opening brace of the testbed around the two.

        Return None if the offset is near the beginning of the text, behind a syntax error, outside of testbeds, or
        before a testbed's first statement.
        """
        if offset < _FAR:
            return None
        node = next((it for it in self.syntax.body if it.start < offset <= it.end), None)
        if isinstance(node, nodes.TypeDefinition):
            body, opening, kind = node.body, node.name.end, "type"
        elif isinstance(node, nodes.Block):
            body, opening, kind = node.closure.body, node.closure.start, "block"
        else:
            return None
        found = bisect_right(body, offset, key=lambda it: it.end) - 1
        errors = [it.place.start for it in self.syntax.diagnostics if isinstance(it.place, Span)]
        if found < 0 or min(errors, default=offset) < body[found].end:
            return None
        return body[found].end, Bracket("{", opening, node.name.id, kind)

    def declared_by(self, symbol: Symbol) -> list[tuple[Testbed, Resource | Testbed]]:
        """Return the resources that a block of the text declares, each with the testbed around it."""
        starts = {start for place in symbol.places for start in (place.start, place.start - 1)}
        return [
            (testbed, resource)
            for testbed in self.testbeds.values()
            for resource in testbed.resources
            if isinstance(resource.place, Span) and resource.place.start in starts
        ]


def analyse(text: str, name: str) -> Analysis:
    """Analyse a text; ``name`` is what findings call it."""
    given, text = text, f" {text[1:]}" if text.startswith("\ufeff") else text
    source = Source(name, text)
    if len(text) > MAX_BYTES:
        message = f"the input has more than {MAX_BYTES // 2**20} MiB"
        return _without_names(given, text, CheckResult(None, Findings([Diagnostic("GTS005", message, source)])))
    if text.lstrip()[:1] in ("{", "["):
        return _without_names(given, text, check(source))
    with without_collector():
        syntax = parse(source)
        result = check(source, parsed=syntax)
        return Analysis(given, text, syntax, result, index(syntax.body, text, result.testbed))


def empty_analysis() -> Analysis:
    """Return the analysis of an empty text, which serves until a text has been analysed for the first time."""
    return _without_names("", "", CheckResult(None, Findings()))


def _without_names(given: str, text: str, result: CheckResult) -> Analysis:
    return Analysis(given, text, ParseResult((), ()), result, index((), text, None))
