"""An editor for tests: starts `gtsdsl lsp` and speaks JSON-RPC with it."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from types import TracebackType
from typing import Any

PATIENCE_S = 120
URI = "file:///folder/mesh.dsl"


class Editor:
    """A running server; a context manager that ends it."""

    def __init__(self, encodings: list[str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gtsdsl", "lsp", "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._encodings = encodings
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self._kept: list[dict[str, Any]] = []
        self._id = 0
        self._version = 0
        self.capabilities: dict[str, Any] = {}
        self.status: int | None = None
        self.errors = b""
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Editor:
        general = {"positionEncodings": self._encodings} if self._encodings else {}
        item = {"completionItem": {"snippetSupport": True}}
        capabilities = {"general": general, "textDocument": {"completion": item}}
        answer = self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})
        self.capabilities = answer["capabilities"]
        self.tell("initialized", {})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None and kind is None:
            self.ask("shutdown", None)
            self.tell("exit", None)
        elif self._process.poll() is None:
            self._process.kill()
        self.status = self._process.wait(PATIENCE_S)
        assert self._process.stderr is not None
        self.errors = self._process.stderr.read()

    def _listen(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        while header := stdout.readline():
            length = int(header.split(b":")[1])
            while stdout.readline().strip():
                pass
            self._messages.put(json.loads(stdout.read(length)))

    def send(self, message: dict[str, Any]) -> None:
        self.send_bytes(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def send_bytes(self, body: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def tell(self, method: str, params: object) -> None:
        self.send({"method": method, "params": params})

    def ask_whole(self, method: str, params: object) -> dict[str, Any]:
        """Send a request, and return the answer with its envelope."""
        self._id += 1
        self.send({"id": self._id, "method": method, "params": params})
        while True:
            message = self._messages.get(timeout=PATIENCE_S)
            if message.get("id") == self._id:
                return message
            self._kept.append(message)

    def ask(self, method: str, params: object) -> Any:
        answer = self.ask_whole(method, params)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    # ------------------------------------------------------------------------------------------------ a document

    def open(self, text: str) -> None:
        self._version = 1
        document = {"uri": URI, "languageId": "gts", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})

    def change(self, *changes: dict[str, Any]) -> None:
        self._version += 1
        document = {"uri": URI, "version": self._version}
        self.tell("textDocument/didChange", {"textDocument": document, "contentChanges": list(changes)})

    def at(self, method: str, line: int, character: int, **more: object) -> Any:
        position = {"line": line, "character": character}
        return self.ask(f"textDocument/{method}", {"textDocument": {"uri": URI}, "position": position, **more})

    def on(self, method: str, **more: object) -> Any:
        return self.ask(f"textDocument/{method}", {"textDocument": {"uri": URI}, **more})

    def findings(self) -> list[dict[str, Any]]:
        """Wait for the findings of the newest text, and return them."""
        while True:
            for message in self._kept:
                params = message.get("params") or {}
                is_wanted = message.get("method") == "textDocument/publishDiagnostics"
                if is_wanted and params.get("version") == self._version:
                    found = params["diagnostics"]
                    assert isinstance(found, list)
                    return found
            self._kept.append(self._messages.get(timeout=PATIENCE_S))
