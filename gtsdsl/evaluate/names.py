"""Names that are no variables: attributes, resources, ``this``, and words of Groovy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from gtsdsl.evaluate.errors import OperationError, ReportedError
from gtsdsl.evaluate.runtime import FAILED_VALUE, ClosureValue, Level, MethodValue, OpenBlock, RuntimeValue, Scope
from gtsdsl.evaluate.state import Evaluation
from gtsdsl.model.references import is_name
from gtsdsl.text import printable

FOREIGN_WORDS = frozenset(
    "import package class interface enum new this super System Runtime Thread File Class Object Math Eval GroovyShell"
    " java javax groovy evaluate println print printf execute getClass metaClass try catch finally throw switch case do"
    " instanceof as assert static final public private protected void synchronized goto var let const function".split(),
)
"""Words of Groovy and the JVM that no topology may use."""


def refuse_foreign_word(name: str) -> None:
    """Raise `OperationError` if a name is a word of Groovy that the language does not have."""
    if name in FOREIGN_WORDS:
        raise OperationError("GTS014", f"`{name}` is not part of the language")


def value_of_name(evaluation: Evaluation, name: str, scope: Scope) -> RuntimeValue:
    """Return the value of a name that is no variable: an attribute of an open block, or a resource.

    Raises:
        OperationError: the name stands for nothing.
        ReportedError: the name is an attribute whose value could not be evaluated.
    """
    for block in reversed(evaluation.open_blocks):
        if name in block.attributes:
            return cast(RuntimeValue, block.attributes[name])
        if name in block.failed_attributes:
            raise ReportedError
        if block.level is Level.TESTBED:
            if name in block.resources_by_id:
                return block.resources_by_id[name]
            break
    refuse_foreign_word(name)
    hint = evaluation.hints.near(name, _visible_names(evaluation, scope))
    raise OperationError("GTS010", f"`{printable(name)}` is not defined here", hint)


def open_testbed(evaluation: Evaluation) -> OpenBlock:
    """Return the innermost testbed that is open.

    Raises:
        OperationError: no testbed is open.
    """
    for block in reversed(evaluation.open_blocks):
        if block.level is Level.TESTBED:
            return block
    raise OperationError("GTS014", "`this` is not part of the language outside of a testbed")


def value_of_field(evaluation: Evaluation, testbed: OpenBlock, name: str) -> RuntimeValue:
    """Return the variable, attribute or resource of a testbed that ``this.name`` stands for.

    Raises:
        OperationError: the testbed has nothing of this name.
        ReportedError: the value could not be evaluated.
    """
    for values in (testbed.scope.variables, testbed.attributes, testbed.resources_by_id):
        if name in values:
            value = cast(RuntimeValue, values[name])
            if value is FAILED_VALUE:
                raise ReportedError
            return value
    if name in testbed.failed_attributes:
        raise ReportedError
    refuse_foreign_word(name)
    shown = printable(name)
    raise OperationError(
        "GTS010",
        f"testbed `{printable(testbed.name)}` has no `{shown}`",
        evaluation.hints.near(name, testbed.scope.variables) or f"declare it in the testbed: `def {shown}`",
    )


def callable_names(scope: Scope | None) -> Iterator[str]:
    """Yield the names of the methods and closures that a scope sees."""
    while scope is not None:
        yield from (name for name, value in scope.variables.items() if isinstance(value, MethodValue | ClosureValue))
        scope = scope.parent


def _visible_names(evaluation: Evaluation, scope: Scope | None) -> Iterator[str]:
    while scope is not None:
        yield from scope.variables
        scope = scope.parent
    for block in evaluation.open_blocks:
        yield from block.attributes
        yield from filter(is_name, block.resources_by_id)  # any other id cannot be written as a name
    yield from ("adjacency", "type")
