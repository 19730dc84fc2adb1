"""The values of expressions, which are Groovy's, a line each."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gtsdsl.model.values import Value
from tests.evaluate.run import failure, read, value

D = Decimal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # literals
        ("0", 0),
        ("007", 7),
        ("1.50", D("1.50")),
        ("true", True),
        ("false", False),
        ("null", None),
        ('""', ""),
        ("''", ""),
        ("[]", []),
        ("[:]", {}),
        ("[1, 'a', [2]]", [1, "a", [2]]),
        ("[1, 2,]", [1, 2]),
        ("[a: 1, 'b c': 2]", {"a": 1, "b c": 2}),
        ("[if: 1, type: 2]", {"if": 1, "type": 2}),
        ("[a: [b: [1]]]", {"a": {"b": [1]}}),
        # strings
        (r"'it\'s'", "it's"),
        (r'"say \"x\""', 'say "x"'),
        (r'"a\tb\nc\\d\re\bf\fg"', "a\tb\nc\\d\re\bf\fg"),
        (r'"\u0041\uuu0042"', "AB"),
        (r'"\101\0"', "A\0"),
        (r'"\ud83d\ude00"', "\U0001f600"),
        (r'"\$x \${y}"', "$x ${y}"),
        ("'$x ${y}'", "$x ${y}"),
        ('"5 $ and $5"', "5 $ and $5"),
        ('"it\'s"', "it's"),
        ("'say \"x\"'", 'say "x"'),
        ('"/* no // comment */"', "/* no // comment */"),
        ('"é主"', "é主"),
        # templates
        ('def n = 3\n"h$n"', "h3"),
        ('def n = 3\n"h${n}"', "h3"),
        ('def n = 3\n"$n$n.${n + 1}"', "33.4"),
        ('def m = [a: [b: 7]]\n"$m.a.b!"', "7!"),
        ('def n = 3\n"$n."', "3."),
        ('"${"x" + "}"}"', "x}"),
        ("\"${'a'}${1.5}${true}${null}\"", "a1.5truenull"),
        ("\"${[1, 'a']} ${[k: 1]} ${[]} ${[:]}\"", "[1, a] [k:1] [] [:]"),
        ('"${(1..3).collect { it * 2 }}"', "[2, 4, 6]"),
        ('"${1..3}"', "[1, 2, 3]"),
        # arithmetic
        ("1 + 2 * 3 - 4 / 2", 5),
        ("(1 + 2) * 3", 9),
        ("10 - 3 - 2", 5),
        ("2 * 3 % 4", 2),
        ("-3", -3),
        ("-(-3)", 3),
        ("+3", 3),
        ("2 - -3", 5),
        ("6 / 2", 3),
        ("7 / 2", D("3.5")),
        ("1 / 3", D("0.3333333333")),
        ("2 / 3", D("0.6666666667")),
        ("1.0 / 8", D("0.125")),
        ("-7 / 2", D("-3.5")),
        ("7 % 3", 1),
        ("-7 % 3", -1),
        ("7 % -3", 1),
        ("-7.5 % 2", D("-1.5")),
        ("0.1 + 0.2", D("0.3")),
        ("2.5 * 2", D("5.0")),
        ("1 - 0.5", D("0.5")),
        # strings, lists and maps under operators
        ("'a' + 'b'", "ab"),
        ("'a' + 1", "a1"),
        ("1 + 'a'", "1a"),
        ("1 + 2 + 'a'", "3a"),
        ("'a' + 1 + 2", "a12"),
        ("'a' + null + true", "anulltrue"),
        ("'a' + [1, 2]", "a[1, 2]"),
        ("'a' + 1.50", "a1.50"),
        ("'ab' * 3", "ababab"),
        ("'ab' * 0", ""),
        ("[1] + 2", [1, 2]),
        ("[1] + [2, 3]", [1, 2, 3]),
        ("[1] + [[2]]", [1, [2]]),
        ("(1..2) + (4..5)", [1, 2, 4, 5]),
        ("[a: 1] + [b: 2]", {"a": 1, "b": 2}),
        ("[a: 1] + [a: 2]", {"a": 2}),
        # ranges
        ("1..3", [1, 2, 3]),
        ("1..<3", [1, 2]),
        ("3..1", [3, 2, 1]),
        ("3..<1", [3, 2]),
        ("1..1", [1]),
        ("1..<1", []),
        ("-1..1", [-1, 0, 1]),
        ("0..<1 + 2", [0, 1, 2]),
        ("def n = 2\n(0..<n)", [0, 1]),
        # comparison
        ("1 == 1.0", True),
        ("'1' == 1", False),
        ("true == 1", False),
        ("null == null", True),
        ("null == false", False),
        ("1 != 2", True),
        ("[1, 2] == [1, 2]", True),
        ("(1..3) == [1, 2, 3]", True),
        ("[a: 1, b: 2] == [b: 2, a: 1]", True),
        ("[a: 1] == [a: 2]", False),
        ("[1] == [1, 2]", False),
        ("1 < 1.5", True),
        ("2 <= 2", True),
        ("'a' < 'b'", True),
        ("'b' >= 'a'", True),
        ("3 > 4", False),
        ("1 + 1 == 2 && 3 > 2", True),
        # truth
        ("1 && 'a'", True),
        ("0 || ''", False),
        ("1 < 2 && 2 < 1 || true", True),
        ("!0", True),
        ("!''", True),
        ("!'0'", False),
        ("!null", True),
        ("![]", True),
        ("![0]", False),
        ("![:]", True),
        ("!0.0", True),
        ("!(1..<1)", True),
        ("!!'x'", True),
        ("false && missing", False),
        ("true || missing", True),
        ("true ? 1 : 2", 1),
        ("'' ? 1 : 2", 2),
        ("true ? false ? 1 : 2 : 3", 2),
        ("false ? 1 : false ? 2 : 3", 3),
        ("true ? 1 : missing", 1),
        ("null ?: 'x'", "x"),
        ("0 ?: 5", 5),
        ("[] ?: [1]", [1]),
        ("'a' ?: missing", "a"),
        ("null ?: 0 ?: 3", 3),
        # items
        ("[1, 2, 3][0]", 1),
        ("[1, 2, 3][-1]", 3),
        ("[1, 2, 3][-3]", 1),
        ("'abc'[0]", "a"),
        ("'abc'[-1]", "c"),
        ("(5..9)[1]", 6),
        ("(9..5)[-1]", 5),
        ("[[1, 2], [3]][0][1]", 2),
        ("[a: 1].a", 1),
        ("[a: 1]['a']", 1),
        ("[a: 1].b", None),
        ("[a: 1]['b']", None),
        ("[1: 'x'][1]", "x"),
        ("[1: 'x']['1']", "x"),
        ("def k = 'z'\n[(k): 1, k: 2]", {"z": 1, "k": 2}),
        ("def k = 'z'\n[\"${k}1\": 1]", {"z1": 1}),
        ("[a: [b: 2]].a.b", 2),
        ("[sites: ['AMS']].sites[0]", "AMS"),
    ],
)
def test_values(text: str, expected: Value) -> None:
    result = value(text)
    assert result == expected
    assert type(result) is type(expected)
    assert str(result) == str(expected)  # 1.50 stays 1.50


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # of numbers
        ("def s = ''\n3.times { s += it }\ns", "012"),
        ("def s = ''\n3.times { i -> s += i }\ns", "012"),
        ("def s = 'x'\n0.times { s += it }\ns", "x"),
        ("def s = 'x'\n(-2).times { s += it }\ns", "x"),
        ("def s = ''\n1.upto(3) { s += it }\ns", "123"),
        ("def s = ''\n2.upto(2) { s += it }\ns", "2"),
        ("def s = ''\n0.step(10, 3) { s += \"$it,\" }\ns", "0,3,6,9,"),
        ("def s = ''\n10.step(0, -4) { s += \"$it,\" }\ns", "10,6,2,"),
        ("def s = ''\n5.step(5, 1) { s += it }\ns", ""),
        ("1.toString()", "1"),
        ("1.5.toString()", "1.5"),
        ("true.toString()", "true"),
        # of lists and ranges
        ("[1, 2].size()", 2),
        ("(1..10).size()", 10),
        ("def s = 0\n[1, 2].each { s += it }\ns", 3),
        ("def s = 0\n[1, 2].each { x -> s += x }\ns", 3),
        ("[1, 2].each { }", [1, 2]),
        ("def s = 0\n[[1, 2], [3, 4]].each { a, b -> s += a * b }\ns", 14),
        ("def s = ''\n['a', 'b'].eachWithIndex { x, i -> s += \"$i$x\" }\ns", "0a1b"),
        ("def s = ''\n(5..6).eachWithIndex { x, i -> s += \"$i$x\" }\ns", "0516"),
        ("(0..<3).collect { it * it }", [0, 1, 4]),
        ("[].collect { 1 }", []),
        ("(1..2).collect { i -> (1..i).collect { j -> i * j } }", [[1], [2, 4]]),
        ("(1..2).collect { [it, it] }", [[1, 1], [2, 2]]),
        ("(1..5).findAll { it % 2 == 0 }", [2, 4]),
        ("[0, '', 'a', null].findAll { it }", ["a"]),
        ("[1, 2].join(', ')", "1, 2"),
        ("[1, 2].join()", "12"),
        ("[].join('-')", ""),
        ("(1..3).join('-')", "1-2-3"),
        ("[1, [2], null].join(' ')", "1 [2] null"),
        ("[1, 2].first() + (7..9).last()", 10),
        ("[1, 2].contains(2)", True),
        ("[1, 2].contains('2')", False),
        ("(1..3).contains(4)", False),
        ("(1..9).step(3)", [1, 4, 7]),
        ("(9..1).step(4)", [9, 5, 1]),
        ("(1..9).step(-4)", [9, 5, 1]),
        ("def s = ''\n(0..6).step(2) { s += it }\ns", "0246"),
        ("[1, 2].toString() + (1..2).toString()", "[1, 2][1, 2]"),
        # of maps
        ("[a: 1, b: 2].size()", 2),
        ("def s = ''\n[a: 1, b: 2].each { k, v -> s += \"$k$v\" }\ns", "a1b2"),
        ("def s = ''\n[a: 1].each { s += it.key + it.value }\ns", "a1"),
        ("def s = ''\n[a: 1].each { e -> s += e.key + e.value }\ns", "a1"),
        ("def s = ''\n[a: 1].eachWithIndex { k, v, i -> s += \"$k$v$i\" }\ns", "a10"),
        ("def s = ''\n[a: 1].eachWithIndex { e, i -> s += \"$e.key$i\" }\ns", "a0"),
        ("[a: 1, b: 2].collect { k, v -> k * v }", ["a", "bb"]),
        ("[a: 1, b: 2].collect { it.value }", [1, 2]),
        ("[a: 1, b: 2].findAll { k, v -> v > 1 }", {"b": 2}),
        ("[a: 1, b: 2].findAll { it.key == 'a' }", {"a": 1}),
        ("[a: 1].toString()", "[a:1]"),
        # of strings
        ("'abc'.size()", 3),
        ("'abc'.contains('b')", True),
        ("'aBc'.toUpperCase() + 'aBc'.toLowerCase()", "ABCabc"),
        ("'x'.toString()", "x"),
        # one after the other
        ("(1..6).findAll { it % 2 }.collect { it * 2 }.join('/')", "2/6/10"),
    ],
)
def test_methods(text: str, expected: Value) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "place", "message"),
    [
        ("missing", "GTS010", "1:1", "`missing` is not defined here"),
        ("1 + missing", "GTS010", "1:5", "`missing` is not defined here"),
        ('"a${missing}b"', "GTS010", "1:5", "`missing` is not defined here"),
        ('"a$missing"', "GTS010", "1:4", "`missing` is not defined here"),
        ("missing(1)", "GTS010", "1:1", "there is no method `missing`"),
        ("[1].sum()", "GTS010", "1:4", "a list has no method `sum`"),
        ("'a'.length", "GTS010", "1:4", "a string has no property `length`"),
        ("1.size()", "GTS010", "1:2", "a number has no method `size`"),
        ("null.size()", "GTS010", "1:5", "null has no method `size`"),
        ("null.a", "GTS010", "1:5", "null has no property `a`"),
        ("1 - 'a'", "GTS011", "1:1", "`-` cannot be applied to a number and a string"),
        ("'a' - 'a'", "GTS011", "1:1", "`-` cannot be applied to a string and a string"),
        ("true + 1", "GTS011", "1:1", "`+` cannot be applied to a boolean and a number"),
        ("-'a'", "GTS011", "1:1", "`-` cannot be applied to a number and a string"),
        ("1 < 'a'", "GTS011", "1:1", "a number cannot be compared with a string"),
        ("null < 1", "GTS011", "1:1", "null cannot be compared with a number"),
        ("'a'..'c'", "GTS011", "1:1", "a range goes from a whole number to another, not from a string to a string"),
        ("1..2.5", "GTS011", "1:1", "a range goes from a whole number to another, not from a number to a number"),
        ("1[0]", "GTS011", "1:2", "a number has no items"),
        ("[1]['a']", "GTS011", "1:4", "an index is a whole number, not a string"),
        ("[1][true]", "GTS011", "1:4", "an index is a whole number, not a boolean"),
        ("[a: 1][null]", "GTS011", "1:7", "the key of a map is a string, not null"),
        ("[1][1]", "GTS013", "1:4", "there is no item 1 in a list of 1"),
        ("[1][-2]", "GTS013", "1:4", "there is no item -2 in a list of 1"),
        ("''[0]", "GTS013", "1:3", "there is no item 0 in a string of 0"),
        ("1 / 0", "GTS013", "1:1", "division by zero"),
        ("1 % 0", "GTS013", "1:1", "division by zero"),
        ("1 / 0.0", "GTS013", "1:1", "division by zero"),
        ("'a' * -1", "GTS013", "1:1", "a string cannot be repeated -1 times"),
        ("[].first()", "GTS013", "1:3", "`.first()` of an empty list"),
        ("(1..<1).last()", "GTS013", "1:8", "`.last()` of an empty list"),
        ("(1..3).step(0)", "GTS013", "1:7", "a step of zero never ends"),
        ("0.step(5, 0) { }", "GTS013", "1:2", "a step of zero never ends"),
        ("0.step(5, -1) { }", "GTS013", "1:2", "with a step of -1, 0 never reaches 5"),
        ("5.step(0, 1) { }", "GTS013", "1:2", "with a step of 1, 5 never reaches 0"),
        ("3.upto(1) { }", "GTS013", "1:2", "`.upto` counts up: 1 is less than 3"),
        ("3.times()", "GTS015", "1:2", "wrong number of arguments: `.times` takes 1, not 0"),
        ("[1].each(1)", "GTS015", "1:4", "`.each` takes a closure, not a number"),
        ("1.upto('a') { }", "GTS015", "1:2", "`.upto` takes a whole number, not a string"),
        ("[1].join(',', ';')", "GTS015", "1:4", "wrong number of arguments: `.join` takes 0 or 1, not 2"),
    ],
)
def test_what_cannot_be_worked_out(text: str, code: str, place: str, message: str) -> None:
    assert failure(text) == (code, place, message)


@pytest.mark.parametrize(
    "text",
    [
        "''.class",
        "''.getClass()",
        "''.metaClass",
        "[].metaClass",
        "''.class.forName('x')",
        "System",
        "System.exit(1)",
        "System.getenv('HOME')",
        "Runtime.getRuntime().exec('ls')",
        "Thread.sleep(1)",
        "Math.max(1, 2)",
        "Eval.me('1')",
        "evaluate('1')",
        "java.lang.System.exit(1)",
        "'ls'.execute()",
        "'ls'.execute().text",
        "['ls'].execute()",
        "File",
        "println('x')",
        "this",
        "this.class",
        "super",
        "'${System}'.execute()",
        '"${System.env}"',
        '"${"ls".execute()}"',
        "{ -> this }()",
    ],
)
def test_the_jvm_is_out_of_reach(text: str) -> None:
    found = _codes(text)
    assert "GTS014" in found or found == ["GTS001"]


@pytest.mark.parametrize(
    "text",
    ["''.__class__", "[].__class__", "(1..2).__len__()", "1.__add__(1)", "{ -> 1 }.__globals__", "''.format(1)",
     "__import__('os')", "eval('1')", "open('/etc/passwd')", "h.container", "h.__class__", "''.encode()", "1.real",
     "[].append(1)", "[:].get('a')", "[:].items()", "'a'.join([1])"],
)  # fmt: skip
def test_python_is_out_of_reach(text: str) -> None:
    assert set(_codes(text)) <= {"GTS010", "GTS014", "GTS001"}
    assert _codes(text)


def _codes(text: str) -> list[str]:
    _, found = read(f"T {{ def result\nresult = {text}\n}}")
    return [each.code for each in found]


def test_a_map_has_its_keys_and_nothing_else() -> None:
    assert value("[:].__class__") is None
    assert value("[a: 1].keys") is None
