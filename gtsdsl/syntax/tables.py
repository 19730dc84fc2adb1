"""The parser's tables, which Lark makes from the grammar and the build stores beside this file.

Lark takes half a second to make the tables, and the import of Lark alone takes much of the time for a small file. So
the build hook (hatch_build.py) writes the tables to tables.json, with the digest of their grammar. Where this file is
missing or has another digest, as in a checkout, `load` makes the tables.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gtsdsl.data import shipped

if TYPE_CHECKING:
    from lark.grammar import Rule as LarkRule
    from lark.lexer import TerminalDef

STARTS = ("file", "expression")
_STORED = Path(__file__).with_name("tables.json")


@dataclass(frozen=True, slots=True)
class Rule:
    """A production of the grammar, and how a node is built from it."""

    origin: str
    """The nonterminal that the production defines."""
    builder: str
    """The name of the rule, or its alias: the key of `build.BUILDERS`."""
    length: int
    """The number of symbols."""
    takes: list[int | None]
    """The children of the node: indexes of symbols, None for an optional part that is absent."""
    spreads: list[int]
    """Indexes of symbols that are replaced by their own children."""
    hands_on: bool
    """Whether a single child takes the place of the node."""


@dataclass(frozen=True, slots=True)
class Tables:
    """A grammar's terminals, rules and LALR automaton.

    ``actions[state][terminal]`` is the state to shift to, or ``-1 - r`` to reduce by ``rules[r]``;
    ``gotos[state][nonterminal]`` the state after a reduction.
    """

    grammar: str
    """The SHA-256 of the grammar's text."""
    scanner: str
    """A regular expression with a group for each terminal."""
    keywords: list[str]
    """Words that have a terminal of their own, which has the name of the word in capitals."""
    ignored: list[str]
    """The terminals that the grammar ignores, such as comments."""
    rules: list[Rule]
    starts: dict[str, int]
    """The first state of each start symbol."""
    ends: dict[str, int]
    """The last state of each start symbol."""
    actions: list[dict[str, int]]
    gotos: list[dict[str, int]]


def grammar_text() -> str:
    """Return the text of grammar/gts.lark."""
    return shipped("grammar", "gts.lark").read_text(encoding="utf-8")


@cache
def load() -> Tables:
    """Return the tables of grammar/gts.lark: those of the build if they fit, else new ones."""
    text = grammar_text()
    if _STORED.exists():
        stored = json.loads(_STORED.read_text(encoding="utf-8"))
        if stored["grammar"] == _digest(text):
            stored["rules"] = [Rule(**rule) for rule in stored["rules"]]
            return Tables(**stored)
    return make(text)


def write(path: Path) -> None:
    """Write new tables to a file. `load` reads them if the file is ``tables.json`` beside this module."""
    path.write_text(json.dumps(asdict(make(grammar_text())), separators=(",", ":")), encoding="utf-8")


def make(text: str) -> Tables:
    """Make the tables of a grammar with Lark."""
    from lark import Lark
    from lark.grammar import Rule as LarkRule
    from lark.lexer import TerminalDef

    parser = Lark(text, parser="lalr", start=list(STARTS))
    # Lark's own stand-alone generator stores a parser with memo_serialize
    data, memo = parser.memo_serialize([TerminalDef, LarkRule])
    table = data["parser"]["parser"]
    symbols: dict[int, str] = table["tokens"]
    numbers: dict[int, int] = {}
    rules: list[Rule] = []
    for key, item in memo.items():
        if item["__type__"] == "Rule":
            numbers[key] = len(rules)
            rules.append(_rule(LarkRule.deserialize(item, memo)))
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    for state in range(len(table["states"])):
        actions.append({})
        gotos.append({})
        for symbol, (is_reduce, argument) in table["states"][state].items():
            name = symbols[symbol]
            if is_reduce:
                actions[state][name] = -1 - numbers[argument["@"]]
            elif name.isupper() or name == "$END":
                actions[state][name] = argument
            else:
                gotos[state][name] = argument
    scanner, keywords = _scanner(list(parser.terminals))
    order = _order(table["start_states"], actions, gotos)
    new = {state: number for number, state in enumerate(order)}
    return Tables(
        _digest(text),
        scanner,
        keywords,
        sorted(parser.ignore_tokens),
        rules,
        {start: new[state] for start, state in table["start_states"].items()},
        {start: new[state] for start, state in table["end_states"].items()},
        [{kind: new.get(to, to) for kind, to in sorted(actions[state].items())} for state in order],
        [{name: new[to] for name, to in sorted(gotos[state].items())} for state in order],
    )


def _order(starts: dict[str, int], actions: list[dict[str, int]], gotos: list[dict[str, int]]) -> list[int]:
    """Return the states in the order of a search from the start, so that all builds number them alike.

    Lark numbers the states differently in each process.
    """
    order = [starts[start] for start in sorted(starts)]
    seen = set(order)
    for state in order:
        for _, to in sorted(actions[state].items()) + sorted(gotos[state].items()):
            if to >= 0 and to not in seen:
                seen.add(to)
                order.append(to)
    return order


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _rule(rule: LarkRule) -> Rule:
    """Convert a rule of Lark, with the children that Lark would give to its tree."""
    from lark.grammar import Terminal

    absent_before = [0] * (len(rule.expansion) + 1)
    index = 0
    for is_absent in rule.options.empty_indices:
        if is_absent:
            absent_before[index] += 1
        else:
            index += 1
    takes: list[int | None] = []
    spreads = []
    for index, symbol in enumerate(rule.expansion):
        takes.extend([None] * absent_before[index])
        if not (isinstance(symbol, Terminal) and symbol.filter_out):
            takes.append(index)
        if not symbol.is_term and symbol.name.startswith("_"):
            spreads.append(index)
    takes.extend([None] * absent_before[-1])
    hands_on = bool(rule.options.expand1) and rule.alias is None
    name = str(rule.origin.name)
    return Rule(name, str(rule.alias or name), len(rule.expansion), takes, spreads, hands_on)


def _scanner(terminals: list[TerminalDef]) -> tuple[str, list[str]]:
    """Return a regular expression of all terminals, in the order in which Lark tries them, and the keywords.

    Keywords match as names, so they are not in the expression.
    """
    import re

    name = next(terminal for terminal in terminals if terminal.name == "NAME")
    is_name = re.compile(name.pattern.to_regexp())
    keywords = [
        terminal.pattern.value
        for terminal in terminals
        if terminal.pattern.type == "str" and is_name.fullmatch(terminal.pattern.value)
    ]
    rest = [terminal for terminal in terminals if terminal.pattern.value not in keywords]
    rest.sort(key=lambda it: (-it.priority, -it.pattern.max_width, -len(it.pattern.value), it.name))
    return "|".join(f"(?P<{terminal.name}>{terminal.pattern.to_regexp()})" for terminal in rest), keywords
