"""From the tables of the grammar to what the driver asks of them at each word."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from gtsdsl.syntax import tables

STATEMENT = "statement"
"""The nonterminal of a statement."""


@dataclass(frozen=True, slots=True)
class Automaton:
    """The tables, arranged for the driver."""

    tables: tables.Tables
    only: list[int | None]
    """For each state the rule that it reduces by whatever comes next, if there is one."""
    begins_statement: list[bool]
    """For each state whether a statement may begin there."""
    after_text: int
    """The state behind a string, whose keywords are those behind a statement."""
    growing: str
    """The nonterminal of a body's statements so far."""
    bodies: frozenset[int]
    """The states inside a body: space and separators may stand there, and parsing can go on there after an error."""


@cache
def automaton() -> Automaton:
    """Return the tables of the grammar as it stands."""
    grammar = tables.load()
    only: list[int | None] = []
    for actions in grammar.actions:
        choices = set(actions.values())
        choice = choices.pop() if len(choices) == 1 else 0
        only.append(-1 - choice if choice < 0 else None)
    begins = [STATEMENT in gotos for gotos in grammar.gotos]
    # a body holds separators; a branch of `if` takes a single statement and is not where to go on
    bodies = frozenset(
        state for state, actions in enumerate(grammar.actions) if begins[state] and "SEMICOLON" in actions
    )
    growing = next(name for name in grammar.gotos[grammar.starts["file"]] if name.startswith("__body"))
    after_text = grammar.actions[grammar.starts["file"]]["TEXT"]
    return Automaton(grammar, only, begins, after_text, growing, bodies)
