"""Selectors: which labels they match, their canonical texts and sets' names, and the places of mistakes.

The examples are those of Calico's own documentation and of its parser's tests.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.overlays.policy.selector_parser import MAX_LENGTH, SelectorError, parse
from emulator.overlays.policy.selectors import matches
from emulator.overlays.policy.sets import set_name

DB = {"role": "db", "site": "AMS", "projectcalico.org/namespace": "default"}


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("", {}, True), (" ", {}, True), ("all()", {}, True), (" all( ) ", DB, True), ("global()", {}, True),
        ("a == 'b'", {"a": "b"}, True), ("a == 'b'", {"a": "c"}, False), ("a == 'b'", {}, False),
        ('a == "b"', {"a": "b"}, True), ("a=='b'", {"a": "b"}, True), ("a == ''", {"a": ""}, True),
        ("a != 'b'", {"a": "c"}, True), ("a != 'b'", {"a": "b"}, False), ("a != 'b'", {}, True),
        ("a in {'b', 'c'}", {"a": "c"}, True), ("a in {'b'}", {"a": "c"}, False), ("a in {'b'}", {}, False),
        ("a in {}", {"a": "b"}, False), ("a in {'b',}", {"a": "b"}, True), ("a in{'b'}", {"a": "b"}, True),
        ("a not in {'b'}", {"a": "c"}, True), ("a not in {'b'}", {"a": "b"}, False), ("a not in {'b'}", {}, True),
        ("a notin {'b'}", {"a": "c"}, True), ("a not   in {}", {"a": "c"}, True),
        ("a contains 'b'", {"a": "abc"}, True), ("a contains 'd'", {"a": "abc"}, False), ("a contains ''", {}, False),
        ("a starts with 'ab'", {"a": "abc"}, True), ("a starts with 'bc'", {"a": "abc"}, False),
        ("a startswith 'ab'", {"a": "abc"}, True), ("a starts with 'ab'", {}, False),
        ("a ends with 'bc'", {"a": "abc"}, True), ("a ends with 'ab'", {"a": "abc"}, False),
        ("has(a)", {"a": ""}, True), ("has( a )", {}, False), ("!has(a)", {}, True), ("! ! has(a)", {"a": "b"}, True),
        ("!!!has(a)", {"a": "b"}, False), ("!a == 'b'", {}, True), ("!(has(a) || has(b))", {"b": ""}, False),
        ("a == 'b' && c == 'd'", {"a": "b", "c": "d"}, True), ("a == 'b' && c == 'd'", {"a": "b"}, False),
        ("a == 'b' || c == 'd'", {"c": "d"}, True), ("a == 'b' || c == 'd'", {}, False),
        # && binds more tightly than ||
        ("has(a) || has(b) && has(c)", {"a": ""}, True), ("(has(a) || has(b)) && has(c)", {"a": ""}, False),
        ("role == 'db' && site in {'AMS', 'MIL'}", DB, True), ("role in {'web', 'db'}", DB, True),
        ("projectcalico.org/namespace == 'default'", DB, True), ("site starts with 'A' && !has(open)", DB, True),
        # labels that are words of the language
        ("in in {'x'}", {"in": "x"}, True), ("contains == 'x'", {"contains": "x"}, True), ("has == 'x'", {}, False),
        ("a == \"it's\"", {"a": "it's"}, True), ("a == '\\n'", {"a": "\\n"}, True),
    ],
)  # fmt: skip
def test_a_selector_matches_labels(text: str, labels: dict[str, str], expected: bool) -> None:
    selector = parse(text)
    assert matches(selector, labels) is expected
    assert matches(parse(str(selector)), labels) is expected


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", "all()"), (" (all() )", "all()"), ("! (has( b)||! has(a ))", "!(has(b) || !has(a))"),
        ('! (a == "b"&&! c != "d")', '!(a == "b" && !c != "d")'), ("a == '\"'", "a == '\"'"),
        ("a startswith 'x'", 'a starts with "x"'), ("a!='x'", 'a != "x"'),
        ('a in {"z", "z", "x", "a"}', 'a in {"a", "x", "z"}'), ("a notin {'b'}", 'a not in {"b"}'),
    ],
)  # fmt: skip
def test_the_text_of_a_selector_is_canonical(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "name"),
    [  # the hashes are those that Calico's parser is tested with
        ("all()", "cali40s:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug"),
        ("! (has( b)||! has(a ))", "cali40s:Iss0uCleLYv1GSv_pNm7hAO58kE9jAx1NKyG3Q"),
        ('! (a == "b"&&! c != "d")', "cali40s:lh3haoY1ikTRkd4UZu0nWSaIBknYLPJLX16d-w"),
    ],
)
def test_a_set_has_the_name_that_felix_gives_it(text: str, name: str) -> None:
    assert set_name(parse(text)) == name[:31]


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("role = 'db'", 5, "expected `==`"),
        ("role == db", 8, "put `db` in quotes"),
        ("role == 'db", 8, "the text that begins with ' does not end"),
        ("role contain 'db'", 5, "expected an operator after the label; did you mean `contains`?"),
        ("role like 'db'", 5, "expected an operator after the label"),
        ("role start with 'db'", 5, "did you mean `starts`?"),
        ("role 'db'", 5, "expected an operator after the label `role`, not `db`"),
        ("role", 4, "expected an operator after the label `role`, not the end"),
        ("hass(role)", 0, "unknown function `hass()`; did you mean `has`?"),
        ("frob(role)", 0, "unknown function `frob()`; there are has(), all() and global()"),
        ("has(role", 8, "expected `)` after `has(`"),
        ("has()", 4, "expected a label, not `)`"),
        ("all(x)", 4, "expected `)` after `all(`"),
        ("role in 'db'", 8, "expected `{`, not `db`"),
        ("role in {'db'", 13, "expected `}`, not the end"),
        ("role in {db}", 9, "expected `}`, not `db`"),
        ("(role == 'db'", 13, "expected `)`, not the end"),
        ("role == 'db')", 12, "expected `&&`, `||` or the end, not `)`"),
        ("role == 'db' role == 'x'", 13, "expected `&&`, `||` or the end, not `role`"),
        ("role == 'db' & has(x)", 13, "expected `&&`"),
        ("role == 'db' |", 13, "expected `||`"),
        ("role == 'db' &&", 15, "expected a label, `has(…)`, `all()` or `(`, not the end"),
        ("'db' == role", 0, "not `db`"),
        ("()", 1, "not `)`"),
        ("!", 1, "not the end"),
        ("has(a) && %", 10, "expected a label, not `%`"),
        ("has(a) &&\nhas(b)", 9, "a selector has no line ends"),
        ("ä == 'b'", 0, "expected a label, not `ä`"),
        ("a" * 513 + " == 'b'", 0, "a label has at most 512 characters"),
        ("(" * 61, 60, "parentheses are nested more than 60 deep"),
        ("a" * (MAX_LENGTH + 1), 0, "a selector has at most 1024 characters"),
    ],
)
def test_a_mistake_has_its_place(text: str, offset: int, message: str) -> None:
    with pytest.raises(SelectorError) as caught:
        parse(text)
    assert (caught.value.offset, message in str(caught.value)) == (offset, True), str(caught.value)


@given(st.text(alphabet="ab ()!&|='\"{},\n%hasinotcewrd", max_size=60))
def test_any_text_is_a_selector_or_a_mistake_within_it(text: str) -> None:
    selector, offset = None, 0
    try:
        selector = parse(text)
    except SelectorError as error:
        offset = error.offset
    assert 0 <= offset <= len(text)
    assert selector is None or str(parse(str(selector))) == str(selector)
