"""From `adjacency h1.p1, l1.src` to the two ports that it joins."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gtsdsl.evaluate.expressions import At
from gtsdsl.evaluate.limits import STEP_CHARACTERS
from gtsdsl.evaluate.open_blocks import Level, OpenBlock
from gtsdsl.evaluate.values import Failed, Handle, RuntimeValue, Scope, kind_of
from gtsdsl.model.references import bare_text_at, is_name, lacks_quotes
from gtsdsl.model.testbed import PortRef
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.text import printable

if TYPE_CHECKING:
    from gtsdsl.evaluate.statements import Statements


class Adjacencies:
    """Joins ports for `Statements`, which holds the state."""

    def __init__(self, owner: Statements) -> None:
        self._owner = owner
        self._meter = owner.meter

    def plain(self, node: nodes.AdjacencyOf, container: OpenBlock, scope: Scope) -> bool:
        """An adjacency of two ports by id, ``h1.p1, l1.src``, as nearly all are; False where there is more to it."""
        first, second = node.first, node.second
        if (
            container.level is not Level.TESTBED
            or type(first) is not nodes.Postfix
            or type(second) is not nodes.Postfix
        ):
            return False
        one, other = self._plain_reference(first, scope), self._plain_reference(second, scope)
        if one is None or other is None:
            return False
        places = Span(first.start, first.end), Span(second.start, second.end)
        self._add(container, one, other, Span(node.start, node.end), *places)
        return True

    def _add(self, testbed: OpenBlock, first: PortRef | str, second: PortRef | str, *places: Span) -> None:
        for end in (first, second):
            if isinstance(end, str):  # it is split at each of its dots: `split_reference`
                self._meter.step(end.count(".") * len(end) // STEP_CHARACTERS)
        self._meter.element(*(name for end in (first, second) for name in ((end,) if isinstance(end, str) else end)))
        testbed.adjacencies.append((first, second, *places))  # type: ignore[arg-type]  # three places

    def _plain_reference(self, node: nodes.Postfix, scope: Scope) -> PortRef | None:
        suffixes = node.suffixes
        if len(suffixes) == 1 and type(suffixes[0]) is nodes.Property and type(node.target) is nodes.Name:
            name = node.target.id
            if scope.holder(name) is None:
                return PortRef(name, suffixes[0].name.id)
        return None

    def join(self, node: nodes.AdjacencyOf, scope: Scope) -> RuntimeValue:
        span = Span(node.start, node.end)
        if not self._owner.open or self._owner.open[-1].level is not Level.TESTBED:
            where = f"inside a `{printable(self._owner.open[-1].name)}`" if self._owner.open else "outside of a testbed"
            raise At(Failed("GTS018", f"an adjacency stands {where}"), span)
        first, second = self._end(node.first, scope), self._end(node.second, scope)
        places = Span(node.first.start, node.first.end), Span(node.second.start, node.second.end)
        self._add(self._owner.open[-1], first, second, span, *places)
        return None

    def _in_quotes(self, node: nodes.Expression) -> str | None:
        """The help for an id that is no name, such as ``web-1``: without quotes it is calculated.

        The resource may be declared further down. So a `-`, or letters right behind a number (``1st``), are enough to
        tell: no calculation results in a port.
        """
        text = self._owner.source.text
        glued = bare_text_at(text, node.end)
        written = text[node.start : node.end] + glued
        resource, _, port = written.partition(".")
        is_known = not is_name(resource) and any(resource in container.by_id for container in self._owner.open)
        if not is_known and not (("-" in written or glued) and lacks_quotes(written)):
            return None
        return (
            f'such an id stands in quotes: `"{printable(resource)}.{printable(port) if lacks_quotes(port) else "…"}"`'
        )

    def _end(self, node: nodes.Expression, scope: Scope) -> PortRef | str:
        """What an adjacency names. A string is taken apart later, when all ids are known."""
        if isinstance(node, nodes.Name) and scope.holder(node.id) is None:
            return PortRef("", node.id)
        if (
            isinstance(node, nodes.Postfix)
            and isinstance(node.target, nodes.Name)
            and scope.holder(node.target.id) is None
            and all(isinstance(suffix, nodes.Property) for suffix in node.suffixes)
        ):
            path = ".".join(cast(nodes.Property, suffix).name.id for suffix in node.suffixes)
            return PortRef(node.target.id, path)
        try:
            value = self._owner.expressions.value(node, scope)
        except At as problem:
            if (hint := self._in_quotes(node)) is None:
                raise
            raise At(Failed(problem.failure.code, problem.failure.message, hint), problem.span) from None
        if isinstance(value, PortRef | str):
            return value
        if (hint := self._in_quotes(node)) is not None:
            raise At(
                Failed("GTS011", f"an adjacency joins ports, not {kind_of(value)}", hint), Span(node.start, node.end)
            )
        hint = "say which port: `h1.p1`" if isinstance(value, Handle) else None
        raise At(
            Failed("GTS011", f"an adjacency joins ports, not {kind_of(value)}", hint),
            Span(node.start, node.end),
        )
