"""The real `gtsdsl lsp`, over its standard input and output."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gtsdsl.targets import compile_to
from tests.hostile import hostile_testbed
from tests.lsp.client import URI, Editor
from tests.lsp.cursor import LOOP, MESH

TEXT = MESH.replace("  HERE\n", "")


def at(line: int, start: int, end: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


def test_a_session() -> None:
    with Editor() as editor:
        assert editor.capabilities["positionEncoding"] == "utf-16"
        editor.open(TEXT)
        assert editor.findings() == []
        # typing
        editor.change({"range": at(7, 0, 0), "text": "  adjacency h1.\n"})
        labels = [it["label"] for it in editor.at("completion", 7, 15)["items"]]
        assert labels == ["p2", "p1"]
        (finding,) = editor.findings()
        assert (finding["code"], finding["severity"], finding["source"]) == ("GTS001", 1, "gtsdsl")
        assert finding["codeDescription"]["href"].endswith("GTS001.md")
        editor.change({"range": at(7, 0, 15), "text": "  adjacency h1.p1, l1.src"})
        codes = {it["code"]: it for it in editor.findings()}
        assert codes["GTS023"]["relatedInformation"][0]["location"] == {"uri": URI, "range": at(5, 2, 25)}
        editor.change({"range": {"start": {"line": 7, "character": 0}, "end": {"line": 8, "character": 0}}, "text": ""})
        assert editor.findings() == []
        # asking
        assert "round trip 36.2 ms" in editor.at("hover", 4, 15)["contents"]["value"]
        assert editor.at("hover", 0, 2)["contents"]["value"] == "testbed `Mesh`"
        assert editor.at("definition", 5, 13) == [{"uri": URI, "range": at(2, 15, 17)}]
        used = editor.at("references", 5, 13, context={"includeDeclaration": True})
        assert [it["range"] for it in used] == [at(2, 15, 17), at(5, 12, 14)]
        used = editor.at("references", 5, 13, context={"includeDeclaration": False})
        assert [it["range"] for it in used] == [at(5, 12, 14)]
        assert len(editor.at("documentHighlight", 5, 13)) == 2
        assert editor.at("prepareRename", 5, 13) == {"range": at(5, 12, 14), "placeholder": "h1"}
        changes = editor.at("rename", 5, 13, newName="node")["changes"]
        assert changes == {
            URI: [{"range": at(2, 15, 17), "newText": "node"}, {"range": at(5, 12, 14), "newText": "node"}]
        }
        (mesh,) = editor.on("documentSymbol")
        assert (mesh["name"], [it["name"] for it in mesh["children"]]) == ("Mesh", ["h1", "h2", "l1"])
        options = {"tabSize": 2, "insertSpaces": True}
        assert editor.on("formatting", options=options) == []
        editor.change({"range": at(6, 0, 2), "text": "       "})
        assert editor.on("formatting", options=options) == [{"range": at(6, 2, 7), "newText": ""}]
        editor.tell("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert (editor.status, editor.errors) == (0, b"")


@pytest.mark.parametrize(
    ("encodings", "chosen", "columns"),
    [
        (None, "utf-16", (29, 31)),
        (["utf-8", "utf-16"], "utf-8", (31, 33)),
        (["utf-32", "utf-16"], "utf-32", (28, 30)),
        (["utf-16", "utf-8"], "utf-16", (29, 31)),
        (["ebcdic"], "utf-16", (29, 31)),
    ],
)
def test_columns(encodings: list[str] | None, chosen: str, columns: tuple[int, int]) -> None:
    line = 'T { description = "😀"; def n1 = 1; id = "$n1" }'
    first, last = columns
    with Editor(encodings) as editor:
        assert editor.capabilities["positionEncoding"] == chosen
        editor.open(line)
        editor.findings()  # an answer does not wait long for the text's analysis
        found = editor.at("definition", 0, first + 14)
        assert found == [{"uri": URI, "range": at(0, first - 1, last - 1)}]
        # an edit behind the astral character
        editor.change({"range": at(0, first - 1, last - 1), "text": "n2"})
        assert [it["code"] for it in editor.findings()] == ["GTS010"]


def test_only_line_feeds_and_carriage_returns_end_lines() -> None:
    with Editor() as editor:
        editor.open('T { host { id = "h" }; description = "a\u2028b\x0cc\x85d" }\r\n// 1\r// 2\nx')
        editor.change({"range": at(3, 0, 1), "text": "// 3"})
        assert editor.findings() == []


@pytest.mark.parametrize(
    ("method", "more", "message"),
    [
        ("rename", {"newName": "h2"}, "there is a resource `h2` already"),
        ("rename", {"newName": "a b"}, "`a b` cannot be written as a bare word"),
        ("rename", {"newName": ""}, "a name cannot be empty"),
    ],
)
def test_what_cannot_be_renamed_is_said(method: str, more: dict[str, str], message: str) -> None:
    with Editor() as editor:
        editor.open(TEXT)
        document = {"textDocument": {"uri": URI}, "position": {"line": 5, "character": 13}, **more}
        error = editor.ask_whole(f"textDocument/{method}", document)["error"]
        assert (error["code"], message in error["message"]) == (-32803, True)


def test_what_cannot_be_formatted_is_said() -> None:
    options = {"options": {"tabSize": 2, "insertSpaces": True}, "textDocument": {"uri": URI}}
    with Editor() as editor:
        editor.open("T {\n id = = }")
        error = editor.ask_whole("textDocument/formatting", options)["error"]
        assert error["message"].startswith("a text with syntax errors is not formatted: line 2: ")
        editor.open('{"gts": "2.0"}')
        error = editor.ask_whole("textDocument/formatting", options)["error"]
        assert error["message"] == "only the DSL is formatted, not JSON"
    assert editor.status == 0


def test_json_is_checked_too() -> None:
    with Editor() as editor:
        editor.open('{"gts": "2.0", "type": "T", "id": "t", "resources": [{"class": "host"}], "adjacencies": []}')
        assert editor.findings()
        assert editor.on("documentSymbol") == []


def test_a_text_that_is_not_open() -> None:
    with Editor() as editor:
        document = {"textDocument": {"uri": "file:///gone"}, "position": {"line": 0, "character": 0}}
        assert editor.ask_whole("textDocument/hover", document)["error"]["message"] == "file:///gone is not open"


def test_messages_that_make_no_sense_are_survived() -> None:
    with Editor() as editor:
        editor.open(TEXT)
        asked = b'{"jsonrpc": "2.0", "id": "x", "method": "textDocument/hover", "params": 1}'
        told = b'{"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {"textDocument": 3}}'
        for body in (b"{", b"[]", b"\xff\xfe", b"null", b'{"jsonrpc": "2.0"}', b"[" * 100_000, asked, told):
            editor.send_bytes(body)
        nowhere = {"textDocument": {"uri": URI}, "position": {"line": -1, "character": 0}}
        assert editor.ask_whole("textDocument/hover", nowhere)["error"]["code"] == -32602
        for line, character in ((99, 99), (0, 2**31 - 1), (2**31 - 1, 2**31 - 1)):
            editor.at("completion", line, character)
            editor.at("definition", line, character)
        assert editor.findings() == []
        assert editor.at("hover", 4, 15) is not None
    assert editor.status == 0


def test_hostile_ids_come_out_as_data() -> None:
    text = compile_to(hostile_testbed(), "dsl")
    with Editor() as editor:
        editor.open(text + "\n")
        editor.findings()
        (mesh,) = editor.on("documentSymbol")
        assert len(mesh["children"]) > 100
        for line in range(0, text.count("\n"), 7):
            editor.at("hover", line, 12)
            editor.at("definition", line, 18)
            editor.at("completion", line, 18)
            editor.at("references", line, 12, context={"includeDeclaration": True})
    assert (editor.status, editor.errors) == (0, b"")


def test_a_text_that_takes_long_does_not_keep_the_editor_waiting() -> None:
    slow = "T { (0..<3000).each { a -> (0..<3000).each { b -> def c = a + b } } }"
    with Editor() as editor:
        editor.open(slow)
        labels = [it["label"] for it in editor.at("completion", 0, 4)["items"]]
        assert "host" in labels
        assert editor.at("hover", 0, 70) is None
    assert editor.status == 0


def test_a_newer_text_takes_the_place_of_an_older() -> None:
    with Editor() as editor:
        editor.open(LOOP)
        for number in range(20):
            editor.change({"text": LOOP.replace("n = 3", f"n = {3 + number % 2}")})
        editor.change({"text": "T { host { } }"})
        assert "GTS021" in [it["code"] for it in editor.findings()]


def test_an_editor_that_just_goes_away() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "gtsdsl", "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        _, errors = process.communicate(b"", timeout=60)
    assert (process.returncode, errors) == (1, b"")


@pytest.mark.parametrize("missing", ["pygls", "lsprotocol"])
def test_without_pygls_there_is_one_sentence(missing: str, tmp_path: Path) -> None:
    script = tmp_path / "without.py"
    script.write_text(
        f"import sys\nsys.modules[{missing!r}] = None\nsys.argv = ['gtsdsl', 'lsp']\n"
        "from gtsdsl.cli import main\nmain()\n"
    )
    result = subprocess.run([sys.executable, script], input="", capture_output=True, text=True, check=False)
    assert result.returncode == 3
    assert result.stderr == f"error: the Python package {missing} is missing: pip install 'gtsdsl[lsp]'\n"
    assert result.stdout == ""
