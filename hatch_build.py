"""The build's own step: the parser's tables, made from the grammar by Lark."""

import contextlib
import sys
import tempfile
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_TABLES = "gtsdsl/syntax/tables.json"


class TablesHook(BuildHookInterface):  # type: ignore[type-arg]
    """Put the tables into a wheel; for an editable installation, into the source, where that may be written.

    A wheel is built of a source that may be another user's or on a read-only file system, so its tables are written
    elsewhere.
    """

    def initialize(self, version: str, build_data: dict[str, dict[str, str]]) -> None:
        if self.target_name != "wheel":
            return
        sys.path.insert(0, str(Path(self.root)))
        from gtsdsl.syntax import tables

        if version == "editable":
            with contextlib.suppress(OSError):  # then each run makes the tables anew
                tables.write(Path(self.root) / _TABLES)
        else:
            self._folder = tempfile.TemporaryDirectory()
            path = Path(self._folder.name) / "tables.json"
            tables.write(path)
            build_data["force_include"][str(path)] = _TABLES

    def finalize(self, version: str, build_data: dict[str, object], artifact_path: str) -> None:  # noqa: ARG002
        if hasattr(self, "_folder"):
            self._folder.cleanup()
