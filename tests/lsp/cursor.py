"""Texts with a mark, `|`, where the cursor is."""

from __future__ import annotations

from functools import lru_cache

from gtsdsl.lsp.analysis import Analysis, analyse
from gtsdsl.lsp.completion import complete
from gtsdsl.lsp.hover import hover
from gtsdsl.lsp.navigation import definitions, references
from gtsdsl.lsp.proposals import Proposal
from gtsdsl.lsp.rename import rename
from gtsdsl.source import Span

MESH = """Mesh {
  id = "mesh"
  host { id = "h1"; location = "AMS"; port { id = "p1" }; port { id = "p2" } }
  host { id = "h2"; location = "MIL"; port { id = "p1" }; port { id = "p2" } }
  link { id = "l1"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.p1, l1.src
  adjacency h2.p1, l1.dst
  HERE
}
"""
"""Two hosts and a link; a case takes the place of HERE."""

LOOP = """type Mesh(n = 3, sites = ["AMS", "MIL", "BRA"]) {
  def hosts = (0..<n).collect { i ->
    host { id = "h${i}"; location = sites[i]
      (0..<n).each { j -> if (j != i) port { id = "p${j}" } } }
  }
  for (i in 0..<n) {
    for (j in (i + 1)..<n) {
      def l = link { id = "l${i}_${j}"; port { id = "src" }; port { id = "dst" } }
      adjacency hosts[i].port("p${j}"), l.src
      adjacency hosts[j].port("p${i}"), l.dst
    }
  }
}
"""

NESTED = """type Island(n = 2) {
  port { id = "up" }
  (1..n).each { host { id = "h${it}"; location = "BRA"; port { id = "p" }; port { id = "q" } } }
  adjacency up, h1.q
}
type Pair {
  Island { id = "s1" }
  Island { id = "s2"; n = 3 }
  link { id = "l"; port { id = "src" }; port { id = "dst" } }
  adjacency s1.up, l.src
  adjacency s2.up, l.dst
}
"""


def marked(text: str) -> tuple[str, int]:
    """Return a text without its mark, and the mark's offset."""
    offset = text.index("|")
    return text[:offset] + text[offset + 1 :], offset


@lru_cache(maxsize=64)
def analysed(text: str) -> Analysis:
    return analyse(text, "<test>")


def in_mesh(case: str) -> str:
    return MESH.replace("HERE", case)


def proposals(text: str) -> list[Proposal]:
    text, offset = marked(text)
    return complete(text, offset, analysed(text))


def proposed(text: str) -> list[str]:
    return [proposal.text for proposal in proposals(text)]


def said(text: str) -> str:
    """Return what hovering shows; empty if it shows nothing."""
    text, offset = marked(text)
    found = hover(text, offset, analysed(text))
    return found.text if found else ""


def with_line(text: str, span: Span) -> str:
    """Return a location as the number of its line, from 1, and the text there."""
    return f"{text.count(chr(10), 0, span.start) + 1}: {text[span.start : span.end]}"


def defined(text: str) -> list[str]:
    text, offset = marked(text)
    return [with_line(text, span) for span in definitions(analysed(text), offset)]


def used(text: str) -> list[str]:
    text, offset = marked(text)
    return [with_line(text, span) for span in references(analysed(text), offset)]


def renamed(text: str, new: str) -> str:
    """Return the text after the name at the mark is changed."""
    text, offset = marked(text)
    for span in reversed(rename(analysed(text), offset, new)):
        text = text[: span.start] + new + text[span.end :]
    return text


def mark(text: str, piece: str, nth: int = 1) -> str:
    """Return the text with a mark behind the first letter of a piece of it."""
    at = -1
    for _ in range(nth):
        at = text.index(piece, at + 1)
    return text[: at + 1] + "|" + text[at + 1 :]
