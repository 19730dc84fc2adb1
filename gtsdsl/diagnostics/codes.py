"""Codes of diagnostics, with severity and title; each code has a page in docs/diagnostics."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Severity(Enum):
    """The severity of a finding: an error stops a compilation, and a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Code(NamedTuple):
    """The severity and the title that all findings of one code share."""

    severity: Severity
    title: str


def _error(title: str) -> Code:
    return Code(Severity.ERROR, title)


def _warning(title: str) -> Code:
    return Code(Severity.WARNING, title)


CODES: dict[str, Code] = {
    # the input as a whole
    "GTS001": _error("syntax error"),
    "GTS002": _error("input cannot be read"),
    "GTS003": _error("input is not UTF-8 text"),
    "GTS004": _error("no testbed in the input"),
    "GTS005": _error("input is too large"),
    "GTS006": _error("JSON that is neither GTS JSON nor an editor's project"),
    "GTS007": _error("bad file of circuits"),
    "GTS008": _error("bad file of a benchmark or of addresses"),
    "GTS009": _error("bad scenario or trace"),
    # evaluation
    "GTS010": _error("unknown name"),
    "GTS011": _error("operation on a value of the wrong kind"),
    "GTS012": _error("bound passed"),
    "GTS013": _error("value out of range"),
    "GTS014": _error("not part of the language"),
    "GTS015": _error("wrong arguments"),
    "GTS016": _error("no single root type"),
    "GTS017": _error("unknown parameter"),
    "GTS018": _error("statement in the wrong place"),
    # ids and references
    "GTS020": _error("duplicate id"),
    "GTS021": _error("missing id"),
    "GTS022": _error("reference to nothing"),
    "GTS023": _error("port used by two adjacencies"),
    "GTS024": _error("link without exactly two ends"),
    "GTS025": _error("link with both ends on one resource"),
    "GTS026": _error("adjacency without a link"),
    "GTS027": _error("adjacency between two links"),
    "GTS028": _warning("id with unusual characters"),
    "GTS029": _error("attribute set twice"),
    # attributes and their values
    "GTS030": _error("unknown attribute"),
    "GTS031": _warning("unknown resource class"),
    "GTS032": _warning("unknown site"),
    "GTS033": _error("bad address"),
    "GTS034": _error("bad IPv4 mask"),
    "GTS035": _error("bad port number"),
    "GTS036": _error("bad bandwidth"),
    "GTS037": _error("bad flavor"),
    "GTS038": _error("bad delay, jitter or loss"),
    "GTS039": _error("bad attribute value"),
    # the topology
    "GTS040": _warning("unreachable hosts"),
    "GTS041": _error("controller without a wired CONTROL port"),
    "GTS042": _error("unused link"),
    "GTS043": _error("exported port bound to nothing"),
    "GTS044": _error("nested testbeds that contradict each other"),
    "GTS045": _warning("effect of a link that does nothing"),
    "GTS046": _warning("empty testbed"),
    "GTS047": _error("value that the editor left undefined"),
    # an output format
    "GTS050": _warning("not as the output format has it"),
    # the size of packets
    "GTS051": _error("bad MTU"),
    "GTS052": _warning("MTU too small for IPv6"),
    "GTS053": _warning("switch between circuits of different MTU"),
    "GTS054": _warning("overlay's packets too large for a circuit"),
    # the machine under the network
    "GTS060": _error("bad cost table of processors"),
}
