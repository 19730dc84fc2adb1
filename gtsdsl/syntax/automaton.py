"""The grammar's automaton, arranged for the parser."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from gtsdsl.syntax import tables

STATEMENT = "statement"
"""The nonterminal of a statement."""


@dataclass(frozen=True, slots=True)
class Automaton:
    """The tables of the grammar, and properties of its states that the parser looks up at each token."""

    tables: tables.Tables
    sole_reductions: list[int | None]
    """The rule by which each state reduces before any token; None where the token decides."""
    begins_statement: list[bool]
    """Whether a statement may begin in each state."""
    state_after_string: int
    """The state behind a string, where the same keywords may follow as behind a statement."""
    body_so_far: str
    """The nonterminal of the statements of a body that is not complete."""
    body_states: frozenset[int]
    """The states inside a body, where separators may stand and parsing can go on after an error."""


@cache
def automaton() -> Automaton:
    """Return the automaton of grammar/gts.lark."""
    grammar = tables.load()
    sole_reductions: list[int | None] = []
    for actions in grammar.actions:
        choices = set(actions.values())
        choice = choices.pop() if len(choices) == 1 else 0
        sole_reductions.append(-1 - choice if choice < 0 else None)
    begins = [STATEMENT in gotos for gotos in grammar.gotos]
    # a body can hold separators; in a branch of `if`, a single statement, parsing cannot go on after an error
    body_states = frozenset(
        state for state, actions in enumerate(grammar.actions) if begins[state] and "SEMICOLON" in actions
    )
    body_so_far = next(name for name in grammar.gotos[grammar.starts["file"]] if name.startswith("__body"))
    state_after_string = grammar.actions[grammar.starts["file"]]["TEXT"]
    return Automaton(grammar, sole_reductions, begins, state_after_string, body_so_far, body_states)
