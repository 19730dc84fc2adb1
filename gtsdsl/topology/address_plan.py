"""An address plan: a TOML file beside a topology, with addresses of hosts and of their ports.

[hosts]
h1 = ["192.0.2.1", "2001:db8::1"]

[ports]
"h1.p1" = ["198.51.100.0/31", "2001:db8:1::/127"]
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

from gtsdsl.diagnostics import Diagnostic, GtsError
from gtsdsl.inputs.files import read_source
from gtsdsl.inputs.toml import TomlDocument, read_toml
from gtsdsl.model.testbed import PortRef, Resource, Testbed, flatten
from gtsdsl.model.values import Value
from gtsdsl.source import JsonPath, Source
from gtsdsl.text import Hints, printable
from gtsdsl.topology.model import Topology
from gtsdsl.topology.stated import Attribute, Owner, conflicts, parse_stated

CODE = "GTS008"
_HOSTS, _PORTS = "hosts", "ports"


def load_address_plan(path: str | os.PathLike[str], testbed: Testbed) -> Testbed:
    """Return a testbed that states the addresses of an address plan, in place of its own for the same ports and hosts.

    Raises:
        GtsError: the file cannot be read, or something in it is wrong; each mistake is a finding with its place.
    """
    return read_address_plan(read_source(path), testbed)


def read_address_plan(source: Source, testbed: Testbed) -> Testbed:
    """Return a testbed that states the addresses of a text; see `load_address_plan`.

    Raises:
        GtsError: something in the text is wrong.
    """
    reader = _Reader(read_toml(source, CODE), testbed)
    changed = reader.changed()
    if reader.findings:
        raise GtsError(reader.findings)
    return changed


class _Reader:
    """Reads a document, and collects all mistakes in it."""

    def __init__(self, document: TomlDocument, testbed: Testbed) -> None:
        self._document = document
        self._testbed = flatten(testbed)
        topology = Topology.of(self._testbed)
        self._owners: dict[str, dict[str, Owner]] = {
            _HOSTS: {host.id: host.id for host in topology.hosts},
            _PORTS: {
                f"{node.id}.{port.id}": PortRef(node.id, port.id)
                for node in topology.nodes.values()
                for port in node.ports
            },
        }
        self._paths: dict[tuple[Owner, Attribute], JsonPath] = {}
        self._given: dict[Owner, dict[str, Value]] = {}
        self._hints = Hints()
        self.findings: list[Diagnostic] = []

    def changed(self) -> Testbed:
        """Return the testbed with the addresses; it is complete only without findings."""
        for name, table in self._document.values.items():
            if name not in self._owners:
                self._add((name,), f"unknown key `{printable(name)}`: an address plan has [hosts] and [ports]")
            elif not isinstance(table, dict):
                self._add((name,), f"`{name}` is not a table: write [{name}]")
            else:
                self._table(name, table)
        resources = tuple(
            _with(item, self._given) if isinstance(item, Resource) else item for item in self._testbed.resources
        )
        testbed = replace(self._testbed, resources=resources)
        if not self.findings:
            for conflict in conflicts(Topology.of(testbed)):
                ends = [(it, conflict.attribute) for it in (conflict.owner, conflict.other) if it is not None]
                path = next((self._paths[end] for end in ends if end in self._paths), ())
                self._add(path, conflict.message)
        return testbed

    def _table(self, name: str, table: Mapping[str, object]) -> None:
        owners = self._owners[name]
        for key, value in table.items():
            if key not in owners:
                kind = name.removesuffix("s")
                hint = self._hints.near(key, tuple(owners))
                self._add((name, key), f"the topology has no {kind} `{printable(key)}`", hint)
                continue
            for path, item in _items((name, key), value):
                attribute: Attribute = "ipv6" if isinstance(item, str) and ":" in item else "ipv4"
                owner = owners[key]
                try:
                    parse_stated(attribute, item if isinstance(item, str) else None, is_own=name == _HOSTS)
                except ValueError as error:
                    self._add(path, str(error) if isinstance(item, str) else "an address is a string")
                    continue
                if (owner, attribute) in self._paths:
                    self._add(path, f"`{printable(key)}` has two addresses of one family")
                self._paths[owner, attribute] = path
                self._given.setdefault(owner, {})[attribute] = str(item)

    def _add(self, path: JsonPath, message: str, hint: str | None = None) -> None:
        self.findings.append(Diagnostic(CODE, message, self._document.source, self._document.place(path), hint=hint))


def _items(path: JsonPath, value: object) -> Iterator[tuple[JsonPath, object]]:
    if isinstance(value, list):
        yield from (((*path, index), item) for index, item in enumerate(value))
    else:
        yield path, value


def _with(node: Resource, given: Mapping[Owner, Mapping[str, Value]]) -> Resource:
    ports = tuple(
        replace(port, attributes={**port.attributes, **more})
        if (more := given.get(PortRef(node.id, port.id))) is not None
        else port
        for port in node.ports
    )
    return replace(node, ports=ports, attributes={**node.attributes, **given.get(node.id, {})})
