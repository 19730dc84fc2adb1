"""The library as its users import it: `gtsdsl.load`, `loads`, `Testbed`, graphs, targets and errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gtsdsl

EXAMPLES = Path(__file__).parents[1] / "examples"
MESH = "type Mesh(n = 2) { (1..n).each { host { id = \"h$it\"; location = 'AMS' } } }"


def test_a_file_becomes_a_testbed_a_graph_and_a_text() -> None:
    testbed = gtsdsl.load(EXAMPLES / "full_mesh.dsl")
    assert isinstance(testbed, gtsdsl.Testbed)
    graph = gtsdsl.to_graph(testbed)
    assert len(graph) == 5
    assert gtsdsl.from_graph(graph) == testbed
    assert gtsdsl.loads(gtsdsl.compile_to(testbed, "gts-json")) == testbed
    assert gtsdsl.loads(gtsdsl.compile_to(testbed, "dsl")) == testbed


def test_a_path_may_be_a_text() -> None:
    assert gtsdsl.load(str(EXAMPLES / "full_mesh.dsl")) == gtsdsl.load(EXAMPLES / "full_mesh.dsl")


def test_parameters() -> None:
    assert [host.id for host in gtsdsl.loads(MESH, parameters={"n": 3}).hosts] == ["h1", "h2", "h3"]
    with pytest.raises(gtsdsl.GtsError) as caught:
        gtsdsl.loads(MESH, parameters={"m": 3})
    assert [diagnostic.code for diagnostic in caught.value.diagnostics if diagnostic.is_error] == ["GTS017"]


def test_an_error_says_all_that_is_wrong() -> None:
    with pytest.raises(gtsdsl.GtsError) as caught:
        gtsdsl.loads("T { host { id = missing; location = 'XXX' } host { id = 5 } }", name="my.dsl")
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["GTS010", "GTS039"]
    assert all(isinstance(diagnostic, gtsdsl.Diagnostic) for diagnostic in caught.value.diagnostics)
    assert "my.dsl:1:17" in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_warnings_are_no_errors() -> None:
    assert gtsdsl.loads("T { host { id = 'h'; location = 'XXX' } }").id == "T"


@pytest.mark.parametrize(("name", "code"), [("missing.dsl", "GTS002"), (".", "GTS002"), ("bad.dsl", "GTS003")])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "bad.dsl").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(gtsdsl.GtsError) as caught:
        gtsdsl.load(tmp_path / name)
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == [code]


def test_an_unknown_format_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="no format 'pdf': use one of gts-json, dsl"):
        gtsdsl.compile_to(gtsdsl.loads(MESH), "pdf")


def test_all_names_are_there() -> None:
    for name in gtsdsl.__all__:
        assert getattr(gtsdsl, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gtsdsl.nothing  # noqa: B018 (the look-up is the test)


def test_checking_imports_nothing_heavy() -> None:
    program = (
        "import sys, gtsdsl\n"
        "gtsdsl.loads(\"T { host { id = 'h'; location = 'AMS' } }\")\n"
        "print([name for name in ('networkx', 'rich', 'jsonschema_rs', 'lark') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    # without the tables that a build keeps, Lark makes them
    assert result.stdout.strip() in ("[]", "['lark']")
