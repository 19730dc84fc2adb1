"""The table of what a guest needs of the machine has the code's figures."""

from __future__ import annotations

from pathlib import Path

from emulator.kernel import capacity as room

PAGE = Path(__file__).parents[3] / "docs" / "guest-kernel.md"


def test_the_page_has_the_figures_of_the_code() -> None:
    page = PAGE.read_text()
    assert f"(`ulimit -Hn`) | {room._OPEN_FILES} | `ulimit -n {room._OPEN_FILES}` |" in page
    assert f"its memory and {room._BESIDE_MEMORY_BYTES // 2**20} MB |" in page
