"""An id that is no name can be referred to in quotes only: the help says so, and never what was written."""

from __future__ import annotations

import pytest

from gtsdsl.diagnostics import Diagnostic
from gtsdsl.loading import check
from gtsdsl.source import Source

TEXT = """Lab {
  host { id = "%s"; location = "AMS"; port { id = "p" } }
  host { id = "h2"; location = "MIL"; port { id = "p" } }
  link { id = "l1"; port { id = "src" }; port { id = "dst" } }
  adjacency %s, l1.src
  adjacency h2.p, l1.dst
}
"""


def errors(id: str, reference: str) -> list[Diagnostic]:
    return [it for it in check(Source("x.dsl", TEXT % (id, reference))).diagnostics if it.is_error]


IDS = ["web-1", "1st", "two words", "x/y", "a.b", "10", "a-b-c", "h#1", "h2-1", "web-h2", "a+b", "1-2", "a:b", "a@b"]


@pytest.mark.parametrize("id", IDS)
def test_the_help_says_what_mends_it(id: str) -> None:
    found = errors(id, f"{id}.p")
    assert found
    hints = [it.hint for it in found if it.hint is not None]
    assert any("in quotes" in hint for hint in hints), found
    assert all(f"did you mean `{id}`" not in hint for hint in hints)


@pytest.mark.parametrize("id", [*IDS, "if", "é", "type"])
def test_in_quotes_it_is_right(id: str) -> None:
    assert errors(id, f'"{id}.p"') == []


NO_NAMES = ["1st.p", "10gig.eth-0", "h2.eth-0", "h2.10g", "h2.eth-x", "a-b-c.p", "web.1.p"]


@pytest.mark.parametrize(
    "ends",
    [f"{it}, l1.src" for it in [*NO_NAMES, "two words.p", "wéb.p"]]
    + [f"l1.src, {it}" for it in NO_NAMES]
    + [f"l1.src, {it}; adjacency h2.p, l1.dst" for it in NO_NAMES],
)
def test_the_help_shows_the_reference_that_was_written(ends: str) -> None:
    """Also where its resource is declared further down, and where only the port's id is no name."""
    reference = next(it for it in ends.partition(";")[0].split(", ") if it != "l1.src")
    text = "Lab {\n  adjacency " + ends + '\n  host { id = "h2"; location = "MIL"; port { id = "p" } }\n}\n'
    hints = [it.hint for it in check(Source("x.dsl", text)).diagnostics if it.code in {"GTS001", "GTS010", "GTS011"}]
    assert any(hint and hint.endswith(f'in quotes: `"{reference}"`') for hint in hints), hints


@pytest.mark.parametrize("reference", ['web-1.port("p")', "web-1"])
def test_the_help_quotes_no_code(reference: str) -> None:
    (found, *_) = errors("web-1", reference)
    assert found.hint == 'write such an id in quotes: `"web-1.…"`'


@pytest.mark.parametrize(
    "line",
    ["h1.p l1.src", "h2.p, l1.src l1.dst", 'h2.port("x" + y), l1.src', "h2.port(1 - 2), l1.src", '"h1.p" 1, l1.src'],
)
def test_other_mistakes_are_not_a_matter_of_quotes(line: str) -> None:
    text = TEXT.replace("%s, l1.src", line) % "h1"
    assert all("quotes" not in (it.hint or "") for it in check(Source("x.dsl", text)).diagnostics)
