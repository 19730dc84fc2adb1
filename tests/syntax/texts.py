"""Random texts in the language: from the grammar's shapes, with every freedom that a writer has."""

from __future__ import annotations

from hypothesis import strategies as st

_NAMES = st.sampled_from(["a", "b", "n", "id", "port", "host", "link", "type", "location", "h1", "it", "p_2", "ends"])
_SPACE = st.sampled_from([" ", "  ", "\t", ""])
_BREAK = st.sampled_from(["\n", "\r\n", "\n\n  ", " ; ", ";", "\n // note\n", " /* note */\n"])
_STRINGS = st.sampled_from(
    [
        '"x"',
        "'x'",
        '""',
        "'it\\'s'",
        '"a\\nb"',
        '"h${i}"',
        '"$n"',
        '"${a.b + 1}-${n}"',
        '"\\u00e9"',
        '"$ 5"',
        '"${f("x")}"',
    ],
)
_LITERALS = st.one_of(st.sampled_from(["0", "1", "42", "1.5", "true", "false", "null"]), _STRINGS)


def _joined(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map("".join)


def _expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    listed = st.lists(inner, min_size=1, max_size=3).map(", ".join)
    closure = st.one_of(
        _joined("{ ", inner, " }"),
        _joined("{ ", _NAMES, " -> ", inner, " }"),
        _joined("{ ", _NAMES, ", ", _NAMES, " ->\n", inner, "\n}"),
    )
    operator = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "?:"])
    return st.one_of(
        _joined(inner, " ", operator, st.sampled_from([" ", "\n  "]), inner),
        _joined("(", inner, st.sampled_from(["..", "..<"]), inner, ")"),
        _joined("(", inner, ")"),
        _joined("-", _NAMES),
        _joined("!", inner),
        _joined("(", inner, " ? ", inner, " : ", inner, ")"),
        _joined("[", listed, st.sampled_from(["", ",", "\n"]), "]"),
        st.just("[:]"),
        _joined("[", _NAMES, ": ", inner, ", 'k': ", inner, "]"),
        _joined(_NAMES, ".", _NAMES),
        _joined(_NAMES, "\n  .", _NAMES),
        _joined(_NAMES, "[", inner, "]"),
        _joined(_NAMES, "(", listed, ")"),
        _joined(_NAMES, ".", _NAMES, "(", listed, ")"),
        _joined("(1..3).each ", closure),
        _joined(_NAMES, ".", _NAMES, "(", inner, ") ", closure),
        _joined(st.sampled_from(["port", "link", "Island"]), " { id = ", inner, " }"),
    )


EXPRESSIONS = st.recursive(st.one_of(_LITERALS, _NAMES), _expressions, max_leaves=6)


def _statements(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(st.tuples(inner, _BREAK).map("".join), max_size=4).map("".join)
    block = _joined("{", st.sampled_from([" ", "\n  "]), body, "}")
    return st.one_of(
        _joined(
            "if (", EXPRESSIONS, ") ", block, st.sampled_from(["", " else ", "\nelse "]).flatmap(_otherwise(block))
        ),
        _joined("for (", _NAMES, " in ", EXPRESSIONS, ") ", block),
        _joined("for (int i = 0; i < ", EXPRESSIONS, "; i++) ", block),
        _joined("while (", EXPRESSIONS, ")", st.sampled_from([" ", "\n"]), inner),
        _joined(st.sampled_from(["host", "link", "FullMesh"]), _SPACE, block),
        _joined("type Star", st.sampled_from(["", "(n = 5)", "(n, List xs = [])"]), " ", block),
        _joined("def f(a, b = 2) ", block),
    )


def _otherwise(block: st.SearchStrategy[str]):  # type: ignore[no-untyped-def]
    return lambda word: _joined(word, block) if word else st.just("")


_SIMPLE = st.one_of(
    _joined(_NAMES, _SPACE, "=", _SPACE, EXPRESSIONS),
    _joined(_NAMES, " += ", EXPRESSIONS),
    _joined(_NAMES, "++"),
    _joined(_NAMES, "[0] = ", EXPRESSIONS),
    _joined("def ", _NAMES, " = ", EXPRESSIONS),
    _joined("adjacency ", _NAMES, ".", _NAMES, ",", _SPACE, _NAMES, ".", _NAMES),
    _joined("adjacency(", _NAMES, ".", _NAMES, ", ", EXPRESSIONS, ")"),
    _joined("port {", _SPACE, 'id="p1"', _SPACE, "}"),
    EXPRESSIONS,
)
STATEMENTS = st.recursive(_SIMPLE, _statements, max_leaves=5)
TEXTS = st.lists(st.tuples(STATEMENTS, _BREAK).map("".join), max_size=6).map("".join)
"""Texts that are mostly in the language."""
