"""From the grammar to the tables that a parser runs on: Lark makes them, a build keeps them beside this file.

Making the tables takes Lark half a second, and importing Lark alone a good part of what a small file may take. So the
build hook (hatch_build.py) writes them to tables.json, with the digest of the grammar they were made from. Where the
file is absent or of another grammar, as in a checkout, they are made on the spot.
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
    from lark import Lark
    from lark.grammar import Rule as LarkRule
    from lark.lexer import TerminalDef

STARTS = ("file", "expression")
_KEPT = Path(__file__).with_name("tables.json")


@dataclass(frozen=True, slots=True)
class Rule:
    """How a production becomes a node. ``takes`` holds what its children are, in order: the index of a symbol in the
    production, or None for an optional part that is absent; ``spreads`` the indexes whose own children are taken.
    """

    origin: str
    builder: str
    length: int
    takes: list[int | None]
    spreads: list[int]
    hands_on: bool
    """A single child is handed on as it is."""


@dataclass(frozen=True, slots=True)
class Tables:
    """A grammar's terminals, rules and LALR automaton.

    ``actions[state][terminal]`` is the state to shift to, or ``-1 - r`` to reduce by ``rules[r]``;
    ``gotos[state][nonterminal]`` the state after a reduction.
    """

    grammar: str
    """The SHA-256 of the grammar's text."""
    scanner: str
    """A regular expression with a group a terminal."""
    keywords: list[str]
    """The words that are terminals of their own, not names; each terminal is called as its word in capitals."""
    ignored: list[str]
    rules: list[Rule]
    starts: dict[str, int]
    ends: dict[str, int]
    actions: list[dict[str, int]]
    gotos: list[dict[str, int]]


def grammar_text() -> str:
    """The text of grammar/gts.lark."""
    return shipped("grammar", "gts.lark").read_text(encoding="utf-8")


@cache
def load() -> Tables:
    """The tables of the grammar as it stands, from the build or made now."""
    text = grammar_text()
    if _KEPT.exists():
        kept = json.loads(_KEPT.read_text(encoding="utf-8"))
        if kept["grammar"] == _digest(text):
            kept["rules"] = [Rule(**rule) for rule in kept["rules"]]
            return Tables(**kept)
    return make(text)


def keep(path: Path) -> None:
    """Write the tables to a file, which `load` finds under the name ``tables.json`` beside this module."""
    path.write_text(json.dumps(asdict(make(grammar_text())), separators=(",", ":")), encoding="utf-8")


def make(text: str) -> Tables:
    """Make the tables with Lark."""
    from lark import Lark
    from lark.grammar import Rule as LarkRule
    from lark.lexer import TerminalDef

    parser = Lark(text, parser="lalr", start=list(STARTS))
    # memo_serialize is what Lark's own stand-alone generator stores a parser with
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
    """The states as they are met from the start. Lark numbers them anew in each process; builds shall be the same."""
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
    """The plan by which Lark itself would shape the tree of a rule."""
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
    """One expression for all terminals, in the order in which Lark tries them; words that are names come apart."""
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


def stock_parser(start: str = "file") -> Lark:
    """Lark's own parser of the grammar, as anybody would make it: what ours is held against."""
    from lark import Lark

    from gtsdsl.syntax.newlines import Newlines

    return Lark(grammar_text(), parser="lalr", start=start, postlex=Newlines(), propagate_positions=True)
