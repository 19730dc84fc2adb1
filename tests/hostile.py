"""Ids that a stranger may choose, and a testbed that is made of them, for every format that has to escape them."""

from __future__ import annotations

from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed

HOSTILE_IDS: list[str] = [
    # quotes and escapes
    'a"b',
    "a'b",
    "a`b",
    "a\\",
    'a\\"b',
    '"""',
    "'''",
    '"); import os; os.abort(); ("',
    # lines and blanks
    "a\nb",
    "a\r\nb",
    "a\tb",
    " ",
    " a ",
    "a\u2028b",
    "a\u0085b",
    "\ufeffa",
    # CI annotations and log lines
    "::error file=x,line=1::boo",
    "a\n::error ::boo",
    "%0A::error::boo",
    "##vso[task.complete]",
    # terminals and reading direction
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x00",
    "a\x7fb\x9b",
    "a\u202eb\u2066c",
    # markup
    "</script><script>alert(1)</script>",
    "<!-- -->",
    "]]>",
    "&amp;&#10;",
    "<img src=x onerror=alert(1)>",
    # the shell
    "$(reboot)",
    "`reboot`",
    "; rm -rf / #",
    "a && b || c",
    "-rf",
    "--help",
    "*",
    "~root",
    "!!",
    "a|b>c<d",
    # paths
    "../../etc/passwd",
    "/dev/null",
    "..",
    "C:\\Windows",
    "con",
    # Groovy, Python, YAML, Graphviz
    "${1 + 1}",
    "$h",
    "{0.__class__}",
    "%s%n",
    "__import__('os')",
    "a: [b, c]",
    "- a",
    "no",
    "1",
    "0x1f",
    "1e3",
    "null",
    "true",
    "if",
    "it",
    "port",
    "adjacency",
    "__proto__",
    'x" -> "y',
    "a;b{c}",
    "//",
    "/* */",
    "#",
    # what separates parts of a reference
    "a.b",
    "a/b",
    "a,b",
    "a:b",
    # other scripts, astral characters, combining marks, length
    "šķīpšņa",
    "e\u0301",
    "\u4e3b\u673a",
    "\U0001f600",
    "x" * 3000,
]
"""None is empty: an element without an id is an error, whatever the format."""


def hostile_testbed() -> Testbed:
    """Return a ring in which each hostile id names a host, one of its ports, and (with a mark behind it) a link.

    The hostile texts are also the hosts' image ids and, all of them in one, the description. Nothing else is wrong
    with the testbed.
    """
    resources: list[Resource] = []
    adjacencies: list[Adjacency] = []
    for index, text in enumerate(HOSTILE_IDS):
        location = ("AMS", "MIL", "LJU", "BRA", "PRG")[index % 5]
        ports = (Port(text), Port(f"{text}'"))
        resources.append(Resource("host", text, location, {"imageId": text}, ports))
        resources.append(Resource("link", f"{text}~", None, {}, (Port("src"), Port("dst"))))
        following = HOSTILE_IDS[(index + 1) % len(HOSTILE_IDS)]
        adjacencies.append(Adjacency(PortRef(text, text), PortRef(f"{text}~", "src")))
        adjacencies.append(Adjacency(PortRef(following, f"{following}'"), PortRef(f"{text}~", "dst")))
    return Testbed(
        type="Hostile",
        id='hostile"</script>\n::error::$(x)',
        description="\n".join(HOSTILE_IDS),
        resources=tuple(resources),
        adjacencies=tuple(adjacencies),
    )
