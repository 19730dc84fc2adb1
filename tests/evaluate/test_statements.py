"""Variables, loops, methods and closures: what they do, a few lines each."""

from __future__ import annotations

import pytest

from gtsdsl.model.values import Value
from tests.evaluate.run import failure, names, testbed, value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # variables
        ("def x = 1\nx", 1),
        ("def x\nx", None),
        ("int x = 1\nx", 1),
        ("Integer x = 1\nx", 1),
        ("String s = 'a'\ns", "a"),
        ("List l = [1]\nl", [1]),
        ("List l = 1..2\nl", [1, 2]),
        ("Map m = [a: 1]\nm", {"a": 1}),
        ("int x = null\nx", None),
        ("def x = 1\nx = 'a'\nx", "a"),
        ("def x = 1\nx += 2\nx", 3),
        ("def x = 5\nx -= 2\nx", 3),
        ("def x = 'a'\nx += 1\nx", "a1"),
        ("def x = [1]\nx += 2\nx", [1, 2]),
        ("def x = [1]\nx += [2, 3]\nx", [1, 2, 3]),
        ("def x = [a: 1]\nx += [b: 2]\nx", {"a": 1, "b": 2}),
        ("def x = 1\nx++\nx", 2),
        ("def x = 1\n++x\nx", 2),
        ("def x = 1\nx--\nx", 0),
        ("def l = [1, 2]\nl[1] = 9\nl", [1, 9]),
        ("def l = [1, 2]\nl[-1] = 9\nl", [1, 9]),
        ("def l = [1]\nl[1] = 2\nl", [1, 2]),
        ("def l = [1, 2]\nl[0] += 5\nl", [6, 2]),
        ("def l = [1, 2]\nl[1]++\nl", [1, 3]),
        ("def m = [:]\nm.a = 1\nm['b'] = 2\nm[3] = 3\nm", {"a": 1, "b": 2, "3": 3}),
        ("def m = [a: [b: 1]]\nm.a.b = 2\nm.a['c'] = 3\nm", {"a": {"b": 2, "c": 3}}),
        ("def a = [1]\ndef b = a\nb[0] = 2\na", [2]),
        ("def a = [1]\ndef b = a + []\nb[0] = 2\na", [1]),
        # shadowing
        ("def x = 1\nif (true) { def x = 2 }\nx", 1),
        ("def x = 1\nif (true) { x = 2 }\nx", 2),
        ("def x = 1\n(1..2).each { x -> x }\nx", 1),
        ("def x = 1\n(1..2).each { def x = 5 }\nx", 1),
        ("def x = 1\nfor (x in 5..6) { }\nx", 1),
        ("def it = 7\n[1].collect { it }.first() + it", 8),
        ("(1..2).collect { (1..it).collect { it } }", [[1], [1, 2]]),
        # if
        ("def x = 0\nif (1) x = 1\nx", 1),
        ("def x = 0\nif (0) x = 1 else x = 2\nx", 2),
        ("def x = 0\nif (0) x = 1\nelse x = 2\nx", 2),
        ("def x = 0\nif (0) { x = 1 }\nelse if ('') { x = 2 }\nelse { x = 3 }\nx", 3),
        ("def x = 0\nif (0)\n  x = 1\nelse\n  x = 2\nx", 2),
        ("def x = 0\nif (1) if (0) x = 1 else x = 2\nx", 2),
        # loops
        ("def s = ''\nfor (i in 1..3) s += i\ns", "123"),
        ("def s = ''\nfor (i in 3..1) { s += i }\ns", "321"),
        ("def s = ''\nfor (i in 0..<0) { s += i }\ns", ""),
        ("def s = ''\nfor (int i in [1, 2]) { s += i }\ns", "12"),
        ("def s = ''\nfor (def i in [1, 2]) { s += i }\ns", "12"),
        ("def s = ''\nfor (c in 'ab') { s += c + '.' }\ns", "a.b."),
        ("def s = ''\nfor (e in [a: 1, b: 2]) { s += e.key + e.value }\ns", "a1b2"),
        ("def s = ''\nfor (int i = 0; i < 3; i++) s += i\ns", "012"),
        ("def s = ''\nfor (def i = 4; i > 0; i -= 2) { s += i }\ns", "42"),
        ("def s = ''\ndef i = 0\nfor (; i < 2;) { s += i; i++ }\ns", "01"),
        ("def s = ''\nfor (int i = 0; ; i++) { if (i == 2) break; s += i }\ns", "01"),
        ("def i = 0\nwhile (i < 5) i++\ni", 5),
        ("def i = 0\nwhile (true) { i++; if (i == 3) break }\ni", 3),
        ("def s = ''\nfor (i in 1..5) { if (i % 2) continue; s += i }\ns", "24"),
        ("def s = ''\nfor (int i = 0; i < 4; i++) { if (i == 1) continue; s += i }\ns", "023"),
        ("def s = ''\nfor (i in 1..3) { for (j in 1..3) { if (j == 2) break; s += \"$i$j \" } }\ns", "11 21 31 "),
        # methods
        ("def f() { 1 }\nf()", 1),
        ("def f(a) { a + 1 }\nf(1)", 2),
        ("int f(int a) { return a + 1 }\nf(1)", 2),
        ("def f(a, b = 2) { a * b }\nf(3)", 6),
        ("def f(a, b = 2) { a * b }\nf(3, 4)", 12),
        ("def f(a, b = a + 1) { b }\nf(1)", 2),
        ("def f(n) { n < 2 ? 1 : n * f(n - 1) }\nf(10)", 3628800),
        ("def f(n) { if (n > 1) return 'big'; 'small' }\nf(2) + f(1)", "bigsmall"),
        ("def f(n) { for (i in 1..9) { if (i == n) return i * 2 }; 0 }\nf(4)", 8),
        ("def f(n) { (1..3).each { if (it == n) return 9 }; 0 }\nf(2)", 0),
        ("def f() { return }\nf()", None),
        ("def f() { }\nf()", None),
        ("def f(c) { c(2) }\nf { it * 3 }", 6),
        ("def f(a, c) { c(a) }\nf(2) { x -> x * 3 }", 6),
        ("def f(a, c) { c(a) }\nf(2, { x -> x * 3 })", 6),
        ("def x = f()\ndef f() { 4 }\nx", 4),
        ("def odd(n) { n == 0 ? false : even(n - 1) }\ndef even(n) { n == 0 ? true : odd(n - 1) }\nodd(7)", True),
        # closures
        ("def f = { it }\nf(3)", 3),
        ("def f = { it }\nf()", None),
        ("def f = { -> 3 }\nf()", 3),
        ("def f = { a, b -> a + b }\nf(1, 2)", 3),
        ("def f = { int a, String b -> b + a }\nf(1, 'x')", "x1"),
        ("def n = 1\ndef f = { n += 1 }\nf()\nf()\nn", 3),
        ("def n = 1\ndef f = { -> n }\nn = 5\nf()", 5),
        ("def fs = []\nfor (i in 0..2) { fs += { -> i } }\nfs.collect { f -> f() }", [0, 1, 2]),
        ("def fs = (0..2).collect { i -> return { -> i * i } }\nfs.collect { f -> f() }", [0, 1, 4]),
        ("[1, 2, 3].collect { x -> if (x == 2) return 0; x }", [1, 0, 3]),
        ("def add = { a -> return { b -> a + b } }\ndef two = add(2)\ntwo(3)", 5),
        ("[[1, [2, 3]]].collect { a, b -> a + b[1] }", [4]),
    ],
)
def test_values(text: str, expected: Value) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "place", "message"),
    [
        ("int x = 'a'\nnull", "GTS011", "1:1", "`int x` is a whole number, not a string"),
        ("int x = 1.5\nnull", "GTS011", "1:1", "`int x` is a whole number, not a number"),
        ("int x = true\nnull", "GTS011", "1:1", "`int x` is a whole number, not a boolean"),
        ("String s = 1\nnull", "GTS011", "1:1", "`String s` is a string, not a number"),
        ("List l = [:]\nnull", "GTS011", "1:1", "`List l` is a list, not a map"),
        ("Map m = []\nnull", "GTS011", "1:1", "`Map m` is a map, not a list"),
        ("def l = [1]\nl[3] = 1\nnull", "GTS013", "2:1", "there is no item 3 in a list of 1"),
        ("def l = [1]\nl[0] = l\nnull", "GTS013", "2:1", "a list cannot hold itself"),
        ("def l = [1]\ndef k = [[l]]\nl[0] = k\nnull", "GTS013", "3:1", "a list cannot hold itself"),
        ("def m = [:]\nm.a = [x: [m]]\nnull", "GTS013", "2:1", "a map cannot hold itself"),
        ("def s = 'a'\ns[0] = 'b'\nnull", "GTS011", "2:1", "no item of a string can be set"),
        ("def f(a) { a }\nf()", "GTS015", "2:1", "`f` gets no value for its parameter `a`"),
        ("def f(a) { a }\nf(1, 2)", "GTS015", "2:1", "wrong number of arguments: `f` takes 1, not 2"),
        ("def f = { a -> a }\nf(1, 2)", "GTS015", "2:1", "wrong number of arguments: the closure takes 1, not 2"),
        ("def f = { -> 1 }\nf(1)", "GTS015", "2:1", "wrong number of arguments: the closure takes 0, not 1"),
        ("def f(int a) { a }\nf('x')", "GTS011", "2:1", "`int a` is a whole number, not a string"),
        ("for (x in 5) { }\nnull", "GTS011", "1:11", "a loop goes over a list, a range or a map, not a number"),
        ("if (true) { def y = 1 }\ny", "GTS010", "2:1", "`y` is not defined here"),
        ("f(1) = 2\nnull", "GTS018", "1:1", "nothing can be assigned to this"),
        ("def File = 1\nnull", "GTS014", "1:5", "`File` cannot name a variable"),
    ],
)
def test_what_fails(text: str, code: str, place: str, message: str) -> None:
    assert failure(text) == (code, place, message)


def test_a_variable_without_a_value_is_complained_of_once() -> None:
    assert failure("def x = missing\ndef y = x + 1\nx + y").message == "`missing` is not defined here"


def test_a_mistake_in_a_loop_is_reported_once() -> None:
    assert failure("(1..50).each { host { id = missing } }\nnull").code == "GTS010"


def test_a_blocks_value_is_its_resource() -> None:
    made = testbed("""T {
      def hosts = (0..<2).collect { i -> host { id = "h$i"; location = "AMS"; port { id = "p" } } }
      def by = [first: hosts[0]]
      host { id = hosts[1].id + "b"; location = by.first.location }
      adjacency hosts[0].p, by.first.port("p")
    }""")
    assert names(made) == ["h0", "h1", "h1b"]
    assert [resource.location for resource in made.hosts] == ["AMS", "AMS", "AMS"]
    assert str(made.adjacencies[0].first) == str(made.adjacencies[0].second) == "h0.p"


def test_a_parameter_of_a_method_does_not_hide_an_attribute_of_its_name() -> None:
    made = testbed("T { def machine(id, location) { host { id = id; location = location } }\nmachine('a', 'AMS') }")
    assert [(host.id, host.location) for host in made.hosts] == [("a", "AMS")]


def test_a_variable_of_the_braces_hides_the_attribute() -> None:
    (made,) = testbed("T { host { def location = 'x'; location = 'y'; id = location } }").hosts
    assert (made.id, made.location) == ("y", None)
