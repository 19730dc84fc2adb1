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


def test_without_a_port_the_help_asks_for_it() -> None:
    (found,) = errors("web-1", "web-1")
    assert found.hint == 'such an id stands in quotes: `"web-1.…"`'


def test_a_missing_comma_is_not_a_matter_of_quotes() -> None:
    text = TEXT.replace("%s, l1.src", "h1.p l1.src") % "h1"
    assert all("quotes" not in (it.hint or "") for it in check(Source("x.dsl", text)).diagnostics)
