"""Text to syntax nodes: an LALR parser over the tables of grammar/gts.lark, which goes on after an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from gtsdsl.diagnostics import Diagnostic, Note
from gtsdsl.model.values import MAX_STRING
from gtsdsl.source import Source, Span
from gtsdsl.syntax import build, tables
from gtsdsl.syntax.automaton import STATEMENT, automaton
from gtsdsl.syntax.braces import likely_unclosed, likely_unopened
from gtsdsl.syntax.build import BUILDERS, Child, Token
from gtsdsl.syntax.messages import describe, expected_words, help_with_quotes
from gtsdsl.syntax.newlines import NEWLINE
from gtsdsl.syntax.nodes import AdjacencyOf, Body, Expression, Literal
from gtsdsl.syntax.scanner import END, UNKNOWN, Scanner, all_tokens
from gtsdsl.syntax.strings import EscapeError, read_string
from gtsdsl.text import did_you_mean, printable

MAX_NESTING = 100
"""Greatest number of brackets inside one another."""
MAX_UNFINISHED = 1_000
"""Greatest number of constructs that are unfinished at one place (`! ! ! x`, `else if … else if …`)."""
MAX_WORDS = 1_000_000
"""Greatest number of words. A simple statement (see scanner.py) counts as one word. A full mesh of 400 hosts, spelt
out, has 960,000 words. A million words take at most 15 s, in a text that is made to be slow."""
MAX_ADJACENCIES = 500_000
"""Greatest number of adjacencies that are simple statements. Each takes 1.7 kB of memory until it is checked."""
MAX_SYNTAX_ERRORS = 100
"""Greatest number of syntax errors; after them, the rest of the text is not read."""

_TEMPLATE_WORDS = 5
"""Words that an expression in a string counts as, beside its own words, because it takes a run of the parser."""
_BEGIN_SIMPLE = ("NAME", "ADJACENCY")


@dataclass(frozen=True, slots=True)
class ParseResult:
    """The statements of a text that have no syntax error, and the diagnostics of all syntax errors."""

    body: Body
    diagnostics: tuple[Diagnostic, ...]


def parse(source: Source) -> ParseResult:
    """Parse a whole text."""
    parser = _Parser(source)
    body = parser.run("file", 0, len(source.text))
    return ParseResult(cast(Body, body or ()), tuple(parser.diagnostics))


def parse_expression(source: Source) -> tuple[Expression | None, tuple[Diagnostic, ...]]:
    """Parse a text that is one expression; the expression is None if the text cannot be parsed."""
    parser = _Parser(source)
    expression = parser.run("expression", 0, len(source.text))
    return cast("Expression | None", expression), tuple(parser.diagnostics)


class _ParseAbortedError(Exception):
    """Parsing stops because a limit is passed or there are too many errors; the error is reported already."""


class _Parser:
    """The parser of one source. Each expression in a string is parsed by a run of its own."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.diagnostics: list[Diagnostic] = []
        self._automaton = automaton()
        self._builders = {**BUILDERS, "literal": self._literal}
        self._passed_on: dict[tuple[int, int, str], int] = {}
        self._words = self._adjacencies = 0
        self._nesting = 0

    def run(self, start: str, begin: int, end: int) -> Child:
        """Parse the text between two offsets by a start symbol of the grammar; return None if parsing was aborted."""
        self._nesting += 1
        try:
            return self._run(start, Scanner(self.source.text, begin, end))
        except _ParseAbortedError:
            return None
        finally:
            self._nesting -= 1

    def _run(self, start: str, scanner: Scanner) -> Child:
        grammar = self._automaton.tables
        sole_reductions, begins_statement, body_states = (
            self._automaton.sole_reductions,
            self._automaton.begins_statement,
            self._automaton.body_states,
        )
        actions, gotos, rules = grammar.actions, grammar.gotos, grammar.rules
        final = grammar.ends[start]
        states = [grammar.starts[start]]
        values: list[Child] = []
        starts: list[int] = []
        ends: list[int] = []
        token: Token | None = None
        last_state = states[0]  # the state behind the last token that is no newline

        def reduce(number: int, at: int) -> None:
            rule = rules[number]
            length = rule.length
            if length == 0:
                states.append(gotos[states[-1]][rule.origin])
                values.append(self._node(rule, [], at, at))
                starts.append(at)
                ends.append(at)
                return
            if length > 1 or not rule.hands_on:
                first = len(values) - length
                values[first:] = [self._node(rule, values[first:], starts[first], ends[-1])]
                ends[first:] = [ends[-1]]
                del starts[first + 1 :]
            del states[-length:]
            states.append(gotos[states[-1]][rule.origin])

        while True:
            state = states[-1]
            rule_number = sole_reductions[state]
            if rule_number is not None:
                reduce(rule_number, token.start if token else scanner.offset)
                continue
            if state in body_states if token is None else begins_statement[state] and token.kind in _BEGIN_SIMPLE:
                statement = scanner.simple_statement(scanner.offset if token is None else token.start)
                if statement is not None:
                    token, last_state = None, self._automaton.state_after_string
                    self._count(1, statement.start)
                    self._adjacencies += type(statement) is AdjacencyOf
                    if self._adjacencies > MAX_ADJACENCIES:
                        place = Token(statement.start, statement.end, "", "")
                        self._abort(f"the text has more than {MAX_ADJACENCIES} adjacencies", place)
                    states.append(gotos[state][STATEMENT])
                    values.append(statement)
                    starts.append(statement.start)
                    ends.append(statement.end)
                    continue
            if token is None:
                token = scanner.next_token(actions[last_state])
                if len(scanner.brackets) + self._nesting > MAX_NESTING:
                    self._abort(f"brackets are nested more than {MAX_NESTING} deep", token)
            kind = token.kind
            choices = actions[state]
            action = choices.get(kind)
            if action is None:
                if kind == END and state == final:
                    return values[-1]
                self._report(states, values, token, scanner)
                if not self._recover(states, values, starts, ends, token, scanner):
                    return None
                token, last_state = None, states[-1]
                continue
            if action >= 0:
                self._count(1, token.start)
                if len(states) > MAX_UNFINISHED:
                    self._abort(f"more than {MAX_UNFINISHED} constructs are unfinished here", token)
                states.append(action)
                if kind != NEWLINE:
                    last_state = action
                values.append(token)
                starts.append(token.start)
                ends.append(token.end)
                token = None
                continue
            rule = rules[-1 - action]
            if rule.hands_on and rule.length == 1:
                # a value passes unchanged through up to a dozen ranks of operators: keep the state that it ends in
                key = (states[-2], state, kind)
                top = self._passed_on.get(key)
                if top is None:
                    top = self._passed_on[key] = self._pass_on(*key)
                states[-1] = top
            else:
                reduce(-1 - action, token.start)

    def _pass_on(self, below: int, state: int, kind: str) -> int:
        """Return the state after all reductions that only pass a value on.

        ``below`` is the state under ``state``; ``kind`` is that of the next token.
        """
        grammar = self._automaton.tables
        while True:
            action = grammar.actions[state].get(kind, 0)
            if action >= 0:
                return state
            rule = grammar.rules[-1 - action]
            if not (rule.hands_on and rule.length == 1):
                return state
            state = grammar.gotos[below][rule.origin]

    def _node(self, rule: tables.Rule, symbols: list[Child], start: int, end: int) -> Child:
        """Return the value of a rule from the values of its symbols, which are shaped as Lark shapes them."""
        if rule.spreads and rule.takes[0] == 0 and rule.spreads == [0] and rule.origin.startswith("_"):
            # a growing list: `__body_star_0: __body_star_0 statement`
            children = cast("list[Child]", symbols[0])
            children.extend(symbols[index] for index in rule.takes[1:] if index is not None)
            return children
        children = []
        for index in rule.takes:
            if index is None:
                children.append(None)
            elif index in rule.spreads:
                children.extend(cast("list[Child]", symbols[index]))
            else:
                children.append(symbols[index])
        if rule.origin.startswith("_") and rule.builder == rule.origin:
            return children
        if rule.hands_on and len(children) == 1:
            return children[0]
        return self._builders[rule.builder](children, start, end)

    def _literal(self, children: list[Child], start: int, end: int) -> Child:
        token = cast(Token, children[0])
        if token.kind == "CONSTANT":
            return build.constant(token)
        try:
            if token.kind in ("INTEGER", "DECIMAL"):
                return build.number(token)
            if end - start > MAX_STRING + 2:
                raise ValueError(f"a string has more than {MAX_STRING} characters")
            return read_string(token.text, start, self._expression_in_string)
        except EscapeError as problem:
            self._add("GTS001", str(problem), Span(problem.start, problem.end))
        except ValueError as problem:
            self._add("GTS012", str(problem), Span(start, end))
        return Literal(start, end, "")

    def _expression_in_string(self, start: int, end: int) -> Expression | None:
        self._count(_TEMPLATE_WORDS, start)
        return cast("Expression | None", self.run("expression", start, end))

    # ------------------------------------------------------------------------------------------------ errors

    def _count(self, words: int, start: int) -> None:
        self._words += words
        if self._words > MAX_WORDS:
            self._abort(f"the text has more than {MAX_WORDS} words", Token(start, start + 1, "", ""))

    def _abort(self, message: str, token: Token) -> None:
        self._add("GTS012", message, Span(token.start, token.end))
        raise _ParseAbortedError

    def _add(self, code: str, message: str, span: Span, notes: tuple[Note, ...] = (), hint: str | None = None) -> None:
        self.diagnostics.append(Diagnostic(code, message, self.source, span, notes, hint))

    def _report(self, states: list[int], values: list[Child], token: Token, scanner: Scanner) -> None:
        """Report a token that cannot stand at its place."""
        if token.kind == "RBRACE" and not token.text:
            return  # a brace that the scanner adds after an error, which is reported already
        if len(self.diagnostics) >= MAX_SYNTAX_ERRORS:
            self._add("GTS001", "too many errors: the rest of the text was not read", Span(token.start, token.end))
            raise _ParseAbortedError
        text = self.source.text
        rest = text[token.start : token.start + 2]
        before = text[text.rfind("\n", 0, token.start) + 1 : token.start]
        quotes = help_with_quotes(before, text[token.start : self._line_end(token.start)])
        if token.kind == UNKNOWN and rest[0] in "\"'":
            self._add("GTS001", "this string is not closed on its line", Span(token.start, self._line_end(token.start)))
            return
        if rest == "/*":
            self._add("GTS001", "this comment is never closed", Span(token.start, token.start + 2))
            return
        if token.kind == UNKNOWN:
            message = f"`{printable(rest[0])}` is no part of the language"
            self._add("GTS001", message, Span(token.start, token.end), hint=quotes)
            return
        if token.kind == END and scanner.brackets:
            kind, start = scanner.brackets[-1]
            if kind == "LBRACE" and not self.diagnostics:  # after an error, braces may be missing
                start = likely_unclosed(text, all_tokens(text)) or start
            self._add("GTS001", f"this `{text[start]}` is never closed", Span(start, start + 1))
            return
        if token.kind == "RBRACE" and not any(each.kind == "LBRACE" for each in values if isinstance(each, Token)):
            start = token.start if self.diagnostics else likely_unopened(text, all_tokens(text)) or token.start
            notes = () if start == token.start else (Note("this `}` is left over", Span(token.start, token.end)),)
            self._add("GTS001", "this `}` closes nothing", Span(start, start + 1), notes, "is a `{` missing before it?")
            return
        wanted = self._acceptable_kinds(states)
        found = "the end of the text" if token.kind == END else describe(token)
        keywords = self._automaton.tables.keywords
        hint = "a value is given with `=`: `id = …`" if token.kind == "COLON" and quotes is None else quotes
        if hint is None and token.kind == "NAME":
            hint = did_you_mean(token.text, [word for word in keywords if word.upper() in wanted])
        elif (
            hint is None and token.kind == "COMMA" and (words := before.split(maxsplit=1)) and words[0] not in keywords
        ):
            hint = did_you_mean(words[0], ["adjacency"])
        end = max(token.end, token.start + 1)
        self._add("GTS001", f"expected {expected_words(wanted)}, found {found}", Span(token.start, end), hint=hint)

    def _line_end(self, start: int) -> int:
        end = self.source.text.find("\n", start)
        return len(self.source.text) if end < 0 else end

    def _acceptable_kinds(self, states: list[int]) -> set[str]:
        """Return the kinds of token that could stand next: the parser shifts them, perhaps after reductions."""
        grammar = self._automaton.tables
        found = set()
        for kind, first in grammar.actions[states[-1]].items():
            stack, action = list(states[-MAX_UNFINISHED:]), first
            while action < 0:
                rule = grammar.rules[-1 - action]
                del stack[len(stack) - rule.length :]
                if not stack:
                    break
                stack.append(grammar.gotos[stack[-1]][rule.origin])
                action = grammar.actions[stack[-1]].get(kind, len(grammar.actions))
            if 0 <= action < len(grammar.actions):
                found.add(kind)
        return found

    def _recover(
        self,
        states: list[int],
        values: list[Child],
        starts: list[int],
        ends: list[int],
        token: Token,
        scanner: Scanner,
    ) -> bool:
        """Unwind to the body of the wrong statement, and skip the rest of the statement.

        Returns False where no body is open, so that parsing cannot go on.
        """
        body_states = self._automaton.body_states
        if not any(state in body_states for state in states):
            return False
        gotos = self._automaton.tables.gotos
        while (top := states[-1]) not in body_states:
            value = values.pop()
            states.pop()
            if value and top == gotos[states[-1]].get("body"):
                # the parser has reduced the statements before the error to a whole body: open it again
                states.append(gotos[states[-1]][self._automaton.body_so_far])
                values.append(list(cast(Body, value)))
                break
            starts.pop()
            ends.pop()
        depth = sum(1 for value in values if isinstance(value, Token) and value.kind == "LBRACE")
        opened_here = len([bracket for bracket in scanner.brackets if bracket[0] == "LBRACE"]) - depth
        is_open_comment = self.source.text.startswith("/*", token.start)
        if not token.text or is_open_comment:  # the end of the text, or a brace that the scanner adds there
            scanner.offset = len(self.source.text)
            scanner.close_braces(depth)
            return True
        scanner.forget_brackets(depth)
        if token.kind == UNKNOWN:
            # a brace behind a string without its closing quote is most likely no part of it: `{ id = "h1 }`
            end = self._line_end(token.start)
            brace = self.source.text.find("}", token.start, end) if token.text in ("'", '"') else -1
            scanner.offset = end if brace < 0 else brace
            return True
        if token.kind == "RBRACE":
            # the brace closes the body, if one is open; else it is one too many, and is skipped
            if depth > 0 and opened_here < 0:
                scanner.offset = token.start
                scanner.brackets.append(("LBRACE", token.start))
            return True
        # braces that the wrong statement has opened; the token itself is counted below
        inner = max(opened_here, 0) - (token.kind == "LBRACE")
        while True:
            if token.kind == END:
                return True
            if token.kind == "LBRACE":
                inner += 1
            elif token.kind == "RBRACE":
                if inner == 0:
                    scanner.offset = token.start
                    scanner.forget_brackets(depth)
                    return True
                inner -= 1
            elif inner == 0 and token.kind in ("_NEWLINE", "SEMICOLON"):
                scanner.forget_brackets(depth)
                return True
            before = scanner.offset
            self._count(1, before)
            token = scanner.next_token()
            if token.kind == UNKNOWN:
                is_open_comment = self.source.text.startswith("/*", token.start)
                scanner.offset = len(self.source.text) if is_open_comment else self._line_end(token.start)
