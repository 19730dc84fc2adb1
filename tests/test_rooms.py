"""The order of the rooms: a module imports only from lower rooms or its own, and no modules import in a circle.

Imports for type checking alone count too: a module that needs a type of a higher room is in the wrong room.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import networkx
import pytest

ROOT = Path(__file__).parent.parent

ORDERS = {
    "gtsdsl": [
        *("text", "source", "data", "collector", "machine", "model", "diagnostics", "syntax", "evaluate", "inputs"),
        *(
            "graph",
            "circuits",
            "topology",
            "rules",
            "scenario",
            "loading",
            "targets",
            "formatting",
            "draw",
            "lsp",
            "cli",
        ),
        *("__init__", "__main__"),
    ],
    "emulator": [
        *(
            "system",
            "bird",
            "netlink",
            "flavors",
            "cpu",
            "plan",
            "kernel",
            "agents",
            "tools",
            "lab",
            "calibration",
            "routing",
            "options",
            "measure",
            "messages",
            "stores",
        ),
        *("docker", "overlays", "workloads", "mininet", "network", "completion", "scenario", "task", "outcome"),
        *("inside", "outside", "bench", "session", "pytest_plugin", "doctor", "__init__"),
    ],
}
"""The rooms of each package, lowest first: the folders and modules that stand directly in it."""

FOLDERS = ("gtsdsl", "emulator", "tests", "benchmarks", "tools")
LONGEST_FILE = 400
"""The lines that a Python file may have."""


@cache
def _imports(package: str) -> dict[str, frozenset[str]]:
    """Return the modules of all our packages that each module of a package imports, anywhere in its text."""
    found = {}
    for path in (ROOT / package).rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found[_name(path)] = frozenset(name for node in ast.walk(tree) for name in _modules(node))
    return found


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _modules(node: ast.AST) -> Iterator[str]:
    """Yield the modules that a statement imports: `gtsdsl.syntax.parser` for ``from gtsdsl.syntax import parser``."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are written in full"
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        return
    for name in names:
        parts = name.split(".")
        if parts[0] in {"gtsdsl", "emulator"}:
            yield name if _is_module(parts) else ".".join(parts[:-1])


def _is_module(parts: list[str]) -> bool:
    path = ROOT.joinpath(*parts)
    return path.is_dir() or path.with_suffix(".py").is_file()


def _room(module: str) -> str:
    return (*module.split("."), "__init__")[1]


@pytest.mark.parametrize("package", ORDERS)
def test_the_list_of_rooms_is_complete(package: str) -> None:
    assert sorted(ORDERS[package]) == sorted({_room(module) for module in _imports(package)})


@pytest.mark.parametrize("package", ORDERS)
def test_no_module_imports_from_a_higher_room(package: str) -> None:
    number = {room: index for index, room in enumerate(ORDERS[package])}
    upward = {
        f"{module} imports {imported}"
        for module, all_imported in _imports(package).items()
        for imported in all_imported
        # the package itself holds the version, and imports all else only on use
        if imported.startswith(f"{package}.") and number[_room(imported)] > number[_room(module)]
    }
    assert sorted(upward) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph: networkx.DiGraph[str] = networkx.DiGraph(
        (module, imported)
        for package in ORDERS
        for module, all_imported in _imports(package).items()
        for imported in all_imported - {package, module}
    )
    circles = [component for component in networkx.strongly_connected_components(graph) if len(component) > 1]
    assert [sorted(circle) for circle in circles] == []


def test_only_the_command_line_of_the_compiler_imports_the_emulator() -> None:
    assert [
        f"{module} imports {imported}"
        for module, all_imported in _imports("gtsdsl").items()
        for imported in sorted(all_imported)
        if imported.startswith("emulator") and _room(module) != "cli"
    ] == []


def test_no_file_is_too_long_to_read() -> None:
    paths = [path for folder in FOLDERS for path in ROOT.joinpath(folder).rglob("*.py")]
    long = {path for path in paths if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_FILE}
    assert sorted(str(path.relative_to(ROOT)) for path in long) == []
