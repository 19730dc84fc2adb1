"""Adjacencies: the two ports that ``adjacency h1.p1, l1.src`` joins."""

from __future__ import annotations

from typing import cast

from gtsdsl.evaluate.errors import PlacedError
from gtsdsl.evaluate.limits import STEP_CHARACTERS
from gtsdsl.evaluate.runtime import Level, OpenBlock, ResourceValue, RuntimeValue, Scope
from gtsdsl.evaluate.state import Evaluation, Evaluator
from gtsdsl.evaluate.values import kind_of
from gtsdsl.model.references import bare_text_at, is_name, lacks_quotes
from gtsdsl.model.testbed import PortRef
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.text import printable


class Adjacencies:
    """The part of the interpreter that joins ports."""

    def __init__(self, evaluation: Evaluation, evaluator: Evaluator) -> None:
        self._evaluation = evaluation
        self._meter = evaluation.meter
        self._value = evaluator.value

    def join_plain(self, node: nodes.AdjacencyOf, block: OpenBlock, scope: Scope) -> bool:
        """Join two ports that are written by their ids, ``h1.p1, l1.src``, as nearly all are.

        Returns False, and does nothing, for any other adjacency.
        """
        first, second = node.first, node.second
        if block.level is not Level.TESTBED or type(first) is not nodes.Postfix or type(second) is not nodes.Postfix:
            return False
        first_port, second_port = _plain_reference(first, scope), _plain_reference(second, scope)
        if first_port is None or second_port is None:
            return False
        places = Span(first.start, first.end), Span(second.start, second.end)
        self._add(block, first_port, second_port, Span(node.start, node.end), *places)
        return True

    def join(self, node: nodes.AdjacencyOf, scope: Scope) -> RuntimeValue:
        """Join the two ports of an adjacency."""
        span = Span(node.start, node.end)
        blocks = self._evaluation.open_blocks
        if not blocks or blocks[-1].level is not Level.TESTBED:
            where = f"inside a `{printable(blocks[-1].name)}`" if blocks else "outside of a testbed"
            raise PlacedError("GTS018", f"an adjacency stands {where}", span)
        first, second = self._reference(node.first, scope), self._reference(node.second, scope)
        places = Span(node.first.start, node.first.end), Span(node.second.start, node.second.end)
        self._add(blocks[-1], first, second, span, *places)
        return None

    def _add(self, testbed: OpenBlock, first: PortRef | str, second: PortRef | str, *places: Span) -> None:
        names: list[str] = []
        for reference in (first, second):
            if isinstance(reference, str):
                # `split_reference` will split it at each of its dots
                self._meter.step(reference.count(".") * len(reference) // STEP_CHARACTERS)
                names.append(reference)
            else:
                names.extend(reference)
        self._meter.element(*names)
        testbed.adjacencies.append((first, second, *places))  # type: ignore[arg-type]  # three places

    def _reference(self, node: nodes.Expression, scope: Scope) -> PortRef | str:
        """Return the port that an expression names; a string is split later, when all ids are known."""
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
            value = self._value(node, scope)
        except PlacedError as error:
            if (hint := self._help_with_quotes(node)) is None:
                raise
            raise PlacedError(error.code, error.message, error.span, hint) from None
        if isinstance(value, PortRef | str):
            return value
        hint = self._help_with_quotes(node)
        if hint is None and isinstance(value, ResourceValue):
            hint = "say which port: `h1.p1`"
        message = f"an adjacency joins ports, not {kind_of(value)}"
        raise PlacedError("GTS011", message, Span(node.start, node.end), hint)

    def _help_with_quotes(self, node: nodes.Expression) -> str | None:
        """Return the help for an id that needs quotes, such as ``web-1``; None if something else is wrong.

        Without quotes, ``web-1`` is a subtraction. The resource may be declared further down, so it need not be known:
        a `-`, or letters right behind a number (``1st``), are enough, because no arithmetic results in a port.
        """
        text = self._evaluation.source.text
        glued = bare_text_at(text, node.end)
        written = text[node.start : node.end] + glued
        resource, _, port = written.partition(".")
        is_known = not is_name(resource) and any(
            resource in block.resources_by_id for block in self._evaluation.open_blocks
        )
        if not is_known and not (("-" in written or glued) and lacks_quotes(written)):
            return None
        return f'write such an id in quotes: `"{printable(resource)}.{printable(port) if lacks_quotes(port) else "…"}"`'


def _plain_reference(node: nodes.Postfix, scope: Scope) -> PortRef | None:
    suffixes = node.suffixes
    if len(suffixes) == 1 and type(suffixes[0]) is nodes.Property and type(node.target) is nodes.Name:
        name = node.target.id
        if scope.holder(name) is None:
            return PortRef(name, suffixes[0].name.id)
    return None
