"""From a text and a cursor to what may be written there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice

from gtsdsl.circuits import SITES
from gtsdsl.lsp import meanings
from gtsdsl.lsp.analysis import Analysis, Shift
from gtsdsl.lsp.context import Bracket, Context, context
from gtsdsl.lsp.endpoints import ends_at
from gtsdsl.lsp.symbols import Kind, Symbol, Variables
from gtsdsl.lsp.walk import parameters_of
from gtsdsl.model.classes import CLASSES, CONTROLLER_ATTRIBUTES, PORT_ATTRIBUTES, TESTBED_ATTRIBUTES
from gtsdsl.rules.values import NAMED_FLAVORS, PORT_MODES, SWITCH_MODES
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.text import printable

MAX_PROPOSALS = 1_000
"""How many proposals are made at a place; the first letters of a word leave fewer of them."""


class Sort(Enum):
    """What a proposal is: an editor shows a sign for each."""

    CLASS = "class"
    TYPE = "type"
    ATTRIBUTE = "attribute"
    BLOCK = "block"
    KEYWORD = "keyword"
    METHOD = "method"
    VARIABLE = "variable"
    RESOURCE = "resource"
    PORT = "port"
    SITE = "site"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something that may be written. ``place`` is what it takes the place of; ``rank`` orders proposals.

    ``snippet`` is the same with stops for the cursor, ``$1``, where an editor knows those.
    """

    text: str
    sort: Sort
    place: Span
    detail: str = ""
    meaning: str = ""
    rank: int = 5
    snippet: str | None = None


def complete(text: str, offset: int, analysis: Analysis) -> list[Proposal]:
    """What may be written at an offset, the likeliest first. ``analysis`` may be that of an older text."""
    shift = Shift(analysis.of, text)
    where = context(text, offset, analysis.anchor(shift.unchanged(offset)))
    if where.comment:
        return []
    completion = _Completion(text, offset, analysis, where, shift.back(offset))
    found = completion.in_string(where.string) if where.string is not None else completion.in_code()
    proposals = sorted(found, key=lambda it: it.rank)
    if len(proposals) > MAX_PROPOSALS:
        proposals = [it for it in proposals if text[it.place.start : offset].casefold() in it.text.casefold()]
    return proposals[:MAX_PROPOSALS]


_INTERPOLATION = re.compile(r"\$\{([^{}]*)$|\$([A-Za-z_]\w*)?$")
_VALUE_OF = re.compile(r"(?:^|[\s;{(])([A-Za-z_]\w*)[ \t]*=[ \t]*$")
_MEMBER = re.compile(r"(\.[ \t]*)([A-Za-z_]\w*)?$")
_TARGET = re.compile(r"([A-Za-z_]\w*)((?:\[[^\[\]]*\])*)$")
_NAMING = re.compile(
    r"(?:^|[\s;{(,])(?:def|type|int|Integer|String|List|Map)[ \t]+\w*$|[\d]\w*$|\bfor[ \t]*\([ \t]*\w*$"
)
_ADJACENCY = re.compile(r"^\s*adjacency(?:[ \t]*\(|[ \t]+)")
_PARTIAL = re.compile(r"[A-Za-z_]\w*$")
_PORT_CALL = re.compile(r"([A-Za-z_]\w*)(?:\[[^\[\]]*\])*\.port\([ \t]*$")


class _Completion:
    """One question for proposals."""

    def __init__(self, text: str, offset: int, analysis: Analysis, where: Context, old: int) -> None:
        self._text = text
        self._offset = offset
        self._analysis = analysis
        self._where = where
        self._before = where.before
        self._old = old
        partial = _PARTIAL.search(text, max(0, offset - 200), offset)
        behind = re.compile(r"\w*").match(text, offset)
        self._word = Span(partial.start() if partial else offset, behind.end() if behind else offset)

    # ------------------------------------------------------------------------------------------------ strings

    def in_string(self, inside: Span) -> Iterator[Proposal]:
        written = self._text[inside.start : self._offset]
        quote = self._text[inside.start - 1]
        interpolation = _INTERPOLATION.search(written)
        if quote == '"' and interpolation is not None:
            expression = interpolation[1] or ""
            if "." in expression:
                self._before = expression
                yield from self._members()
            else:
                yield from self._variables()
            return
        place = Span(inside.start, max(inside.end, self._offset))
        if _ADJACENCY.match(self._before):
            for end in ends_at(self._analysis, self._old):
                for port, is_free in end.ports.items():
                    whole = f"{end.id}.{port}" if end.id else port
                    if _is_plain(whole):
                        yield Proposal(whole, Sort.PORT, place, _use(is_free), rank=3 if is_free else 6)
            return
        port_call = _PORT_CALL.search(self._before)
        if port_call is not None:
            for proposal in self._ports_of_variable(port_call[1]):
                yield replace(proposal, place=place)
            return
        attribute = _VALUE_OF.search(self._before)
        if attribute is not None:
            for value in _values(attribute[1]):
                yield replace(value, place=place)

    # ------------------------------------------------------------------------------------------------ code

    def in_code(self) -> Iterator[Proposal]:
        before = self._before
        adjacency = _ADJACENCY.match(before)
        member = _MEMBER.search(before)
        if adjacency is not None:
            yield from self._end(before[adjacency.end() :])
        elif member is not None and not before[: member.start()].endswith("."):
            yield from self._members()
        elif _NAMING.search(before):
            return
        elif re.fullmatch(r"\s*[A-Za-z_]?\w*", before):
            if not self._where.brackets or self._where.brackets[-1].sign == "{":
                yield from self._statements()
            else:
                yield from self._expressions()
        else:
            attribute = _VALUE_OF.search(before[: len(before) - (self._offset - self._word.start)])
            if attribute is not None:
                for value in _values(attribute[1]):
                    yield replace(value, text=f'"{value.text}"', place=self._word, rank=2)
            yield from self._expressions()

    def _end(self, written: str) -> Iterator[Proposal]:
        """An end of an adjacency."""
        ends = _split(written)
        current = ends[-1].lstrip()
        other = ends[0].strip() if len(ends) > 1 else ""
        path = re.fullmatch(r"([A-Za-z_]\w*)\.(.*)", current)
        if path is not None and self._variable(path[1]) is None:
            start = self._offset - len(path[2])
            for end in ends_at(self._analysis, self._old, path[1]):
                yield from self._ports(end.ports, Span(start, self._word.end), self._offset - len(current), end.id)
            return
        if "." in current or "[" in current:
            yield from self._members()
            return
        found = list(ends_at(self._analysis, self._old))
        by_id = {end.id: end for end in found}
        partner = by_id.get(other.partition(".")[0])
        for end in found:
            free = sum(end.ports.values())
            likely = free > 0 and (partner is None or (partner.cls == "link") != (end.cls == "link"))
            rank = 2 if likely else 4 if free else 6
            detail = f"{end.cls}{f' at {printable(end.location, 20)}' if end.location else ''}, {_free(free)}"
            if not end.id:
                for port, is_free in end.ports.items():
                    if re.fullmatch(r"[A-Za-z_]\w*", port):
                        yield Proposal(port, Sort.PORT, self._word, f"own port, {_use(is_free)}", rank=3)
            elif re.fullmatch(r"[A-Za-z_]\w*", end.id):
                yield Proposal(end.id, Sort.RESOURCE, self._word, detail, rank=rank)
        yield from self._variables()

    def _ports(self, ports: Mapping[str, bool], place: Span, start: int, id_: str = "") -> Iterator[Proposal]:
        for port, is_free in ports.items():
            rank = 1 if is_free else 6
            if re.fullmatch(r"[A-Za-z_]\w*", port):
                yield Proposal(port, Sort.PORT, place, _use(is_free), rank=rank)
            elif id_:
                from gtsdsl.targets.dsl import text

                quoted = text(f"{id_}.{port}")
                yield Proposal(quoted, Sort.PORT, Span(start, place.end), _use(is_free), rank=rank)

    def _members(self) -> Iterator[Proposal]:
        """What can follow a dot."""
        member = _MEMBER.search(self._before)
        target = self._before[: member.start()] if member is not None else ""
        name = _TARGET.search(target)
        methods: Iterable[str] = meanings.METHODS
        if name is None:
            methods = _methods_of(target)
        elif name[2]:
            yield from self._ports_of_variable(name[1])
        else:
            variable = self._variable(name[1])
            yield from self._ports_of_variable(name[1])
            value = (
                variable.node.value if variable is not None and isinstance(variable.node, nodes.Declaration) else None
            )
            if variable is None or isinstance(value, nodes.Block):
                methods = meanings.OF_RESOURCES
            elif value is not None:
                methods = _methods_of(self._analysis.text[value.start : value.end])
        for method in methods:
            yield Proposal(method, Sort.METHOD, self._word, "method", meanings.METHODS[method], rank=4)

    def _ports_of_variable(self, name: str) -> Iterator[Proposal]:
        """The ports of a resource that a variable holds, or of the resource of that id."""
        variable = self._variable(name)
        index = self._analysis.index
        if variable is None:
            for end in ends_at(self._analysis, self._old, name):
                yield from self._ports(end.ports, self._word, self._offset)
            return
        extent = variable.extent
        seen: set[str] = set()
        for symbol in index.symbols:
            is_held = symbol.kind is Kind.PORT and symbol.owner is not None and symbol.owner.kind is Kind.RESOURCE
            if is_held and extent.start <= symbol.extent.start < extent.end and not symbol.made:
                seen.add(symbol.name)
        yield from self._ports(dict.fromkeys(sorted(seen), True), self._word, self._offset)

    # ------------------------------------------------------------------------------------------------ names

    def _variable(self, name: str) -> Symbol | None:
        return self._analysis.index.scope_at(self._old).find(name)

    def _variables(self) -> Iterator[Proposal]:
        """Variables and methods that are seen from here, the nearest first."""
        scope: Variables | None = self._analysis.index.scope_at(self._old)
        seen: set[str] = set()
        while scope is not None:
            for name, symbol in scope.names.items():
                if name in seen or (symbol.kind is Kind.VARIABLE and symbol.extent.start > self._old):
                    continue
                seen.add(name)
                if symbol.kind is Kind.METHOD:
                    detail = f"{name}({', '.join(_shown_parameters(symbol))})"
                    yield Proposal(name, Sort.METHOD, self._word, detail, rank=4, snippet=f"{name}($1)")
                else:
                    yield Proposal(name, Sort.VARIABLE, self._word, "variable", rank=3)
            scope = scope.parent

    def _expressions(self) -> Iterator[Proposal]:
        yield from self._variables()
        for word in ("true", "false", "null"):
            yield Proposal(word, Sort.KEYWORD, self._word, "constant", meanings.KEYWORDS[word], rank=6)
        for end in islice(ends_at(self._analysis, self._old), 200):
            if re.fullmatch(r"[A-Za-z_]\w*", end.id):
                yield Proposal(end.id, Sort.RESOURCE, self._word, end.cls, rank=7)

    def _statements(self) -> Iterator[Proposal]:
        """What can begin between the innermost braces."""
        block = self._where.block
        types = self._analysis.index.types
        in_method = any(bracket.kind == "method" for bracket in self._where.brackets)
        if block is None and not in_method:
            yield Proposal("type", Sort.KEYWORD, self._word, "keyword", meanings.KEYWORDS["type"], 1,
                           "type ${1:Name} {\n\t$0\n}")  # fmt: skip
        elif block is None or block.kind == "type" or (block is self._where.brackets[0] and block.head not in types):
            yield from self._in_testbed(block)
        elif block.head in types:
            yield from self._attributes(self._of_instance(types[block.head]))
        elif block.head == "port":
            yield from self._attributes(PORT_ATTRIBUTES)
        elif block.head == "controller":
            yield from self._attributes(CONTROLLER_ATTRIBUTES)
        else:
            yield from self._in_resource(block)
        for word in ("def", "if", "for", "while"):
            yield Proposal(word, Sort.KEYWORD, self._word, "keyword", meanings.KEYWORDS[word], rank=7)
        if any(bracket.kind == "control" and bracket.head in ("for", "while") for bracket in self._where.brackets):
            for word in ("break", "continue"):
                yield Proposal(word, Sort.KEYWORD, self._word, "keyword", meanings.KEYWORDS[word], rank=7)
        if in_method:
            yield Proposal("return", Sort.KEYWORD, self._word, "keyword", meanings.KEYWORDS["return"], rank=7)
        yield from self._variables()

    def _in_testbed(self, block: Bracket | None) -> Iterator[Proposal]:
        yield Proposal("adjacency", Sort.KEYWORD, self._word, "keyword", meanings.KEYWORDS["adjacency"], 1,
                       "adjacency ${1:h1.p1}, ${2:l1.src}")  # fmt: skip
        for name, spec in CLASSES.items():
            yield Proposal(name, Sort.CLASS, self._word, "resource class", spec.meaning, 2, _CLASS_SNIPPETS.get(name))
        for name, symbol in self._analysis.index.types.items():
            if block is None or name != block.head:
                detail = f"type({', '.join(_shown_parameters(symbol))})"
                yield Proposal(name, Sort.TYPE, self._word, detail, rank=3, snippet=f'{name} {{ id = "$1" $0}}')
        given = self._given()
        for attribute in ("id", "description", "port"):
            if attribute not in given or attribute == "port":
                meaning = TESTBED_ATTRIBUTES[attribute]
                sort = Sort.BLOCK if attribute == "port" else Sort.ATTRIBUTE
                snippet = 'port { id = "$1" }' if attribute == "port" else f'{attribute} = "$1"'
                yield Proposal(attribute, sort, self._word, sort.value, meaning, 4, snippet)

    def _in_resource(self, block: Bracket) -> Iterator[Proposal]:
        spec = CLASSES.get(block.head)
        yield from self._attributes(spec.attributes if spec else {"id": "The name of the resource.", "port": "A port."})

    def _of_instance(self, type_: Symbol) -> dict[str, str]:
        own = {name: meaning for name, meaning in TESTBED_ATTRIBUTES.items() if name != "port"}
        for name, parameter in parameters_of(type_).items():
            default = parameter.default
            shown = printable(self._analysis.text[default.start : default.end], 40) if default is not None else ""
            own[name] = f"A parameter of `{type_.name}`{f', `{shown}` where nothing is said' if shown else ''}."
        return own

    def _attributes(self, known: Mapping[str, str]) -> Iterator[Proposal]:
        """The attributes of the innermost block that it does not have yet."""
        given = self._given()
        for name, meaning in known.items():
            in_port = self._where.block is not None and self._where.block.head in ("port", "controller")
            if name == "port" and not in_port:
                yield Proposal(name, Sort.BLOCK, self._word, "block", meaning, 2, 'port { id = "$1" }')
            elif name == "controller":
                snippet = 'controller { ipv4 = "$1"; port = ${2:6633} }'
                yield Proposal(name, Sort.BLOCK, self._word, "block", meaning, 3, snippet)
            elif name not in given:
                snippet = f'{name} = "$1"' if name not in _NUMBERS else f"{name} = $1"
                yield Proposal(name, Sort.ATTRIBUTE, self._word, "attribute", meaning, _FIRST.get(name, 4), snippet)

    def _given(self) -> set[str]:
        """The attributes that the innermost block sets on the lines around the cursor."""
        block = self._where.block
        if block is None or self._offset - block.start > _FAR:
            return set()
        near = self._text[block.start + 1 : min(self._offset + 4_000, len(self._text))]
        depth = 0
        given: set[str] = set()
        for match in _SETS.finditer(near):
            sign = match[0]
            if sign == "{":
                depth += 1
            elif sign == "}":
                depth -= 1
                if depth < 0:
                    break
            elif depth == 0 and match[1]:
                given.add(match[1])
        return given


_SETS = re.compile(r""""(?:[^"\\\r\n]|\\.)*+"?|'(?:[^'\\\r\n]|\\.)*+'?|//[^\n]*|[{}]|([A-Za-z_]\w*)[ \t]*=(?!=)""")
_FAR = 20_000
"""Characters of a block that are looked through for the attributes that it has already."""
_FIRST = {"id": 0, "location": 1}
_NUMBERS = frozenset({"bandwidth", "logicalPort", "x", "y"})
_CLASS_SNIPPETS = {
    "host": 'host {\n\tid = "${1:h1}"\n\tlocation = "${2:AMS}"\n\tport { id = "${3:p1}" }$0\n}',
    "link": 'link {\n\tid = "${1:l1}"\n\tport { id = "src" }\n\tport { id = "dst" }$0\n}',
}


def _values(attribute: str) -> Iterator[Proposal]:
    nowhere = Span(0, 0)
    if attribute == "location":
        for site in SITES:
            yield Proposal(site.code, Sort.SITE, nowhere, f"{site.city}, {site.country}", rank=1)
            for alias in site.aliases:
                yield Proposal(alias, Sort.SITE, nowhere, f"{site.city}, as {site.code}", rank=2)
    words = {"mode": PORT_MODES, "switchMode": SWITCH_MODES, "flavorId": NAMED_FLAVORS, "flavor": NAMED_FLAVORS}
    for word in words.get(attribute, ()):
        yield Proposal(word, Sort.VALUE, nowhere, "value", rank=1)


def _methods_of(target: str) -> tuple[str, ...]:
    """The methods of a value by how it is written."""
    target = target.strip()
    if target[-1:] in ("'", '"'):
        return meanings.OF_STRINGS
    if target[-1:].isdigit():
        return meanings.OF_NUMBERS
    if target[-1:] in ("]", ")") and ".." not in target and re.match(r"\[[^\[\]]*:", target):
        return meanings.OF_MAPS
    if target[-1:] == "]" or (target[-1:] == ")" and ".." in target):
        return meanings.OF_SEQUENCES
    return tuple(meanings.METHODS)


def _shown_parameters(symbol: Symbol) -> list[str]:
    if isinstance(symbol.node, nodes.TypeDefinition | nodes.MethodDefinition):
        return [parameter.name.id for parameter in symbol.node.parameters]
    return []


def _split(written: str) -> list[str]:
    """What is written of an adjacency, by the comma between its ends."""
    depth = 0
    for at, sign in enumerate(written):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth <= 0:
            return [written[:at], written[at + 1 :]]
    return [written]


def _is_plain(text: str) -> bool:
    """Whether a text can stand in quotes as it is."""
    return text.isprintable() and not set(text) & set("\"'\\$")


def _use(is_free: bool) -> str:
    return "free port" if is_free else "port in use"


def _free(count: int) -> str:
    return "no free port" if count == 0 else "1 free port" if count == 1 else f"{count} free ports"
