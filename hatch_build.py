"""The build's own step: the parser's tables, made from the grammar by Lark."""

import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class TablesHook(BuildHookInterface):  # type: ignore[type-arg]
    """Write gtsdsl/syntax/tables.json before the files of a wheel are gathered."""

    def initialize(self, version: str, build_data: dict[str, object]) -> None:  # noqa: ARG002
        sys.path.insert(0, str(Path(self.root)))
        from gtsdsl.syntax import tables  # noqa: PLC0415

        tables.keep()
