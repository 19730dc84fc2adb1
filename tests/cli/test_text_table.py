"""Tables of rich for people: however narrow a terminal is, it shows each name and each figure whole."""

from __future__ import annotations

import io

import pytest

from gtsdsl.cli.text_table import print_table, table_console


def printed(width: int, *, may_wrap: bool) -> list[str]:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("between", no_wrap=True)
    table.add_column("what is needed", no_wrap=not may_wrap)
    table.add_column("figure", justify="right", no_wrap=True)
    table.add_row(Text("host-one – host-two"), Text("a kernel-with-netem, root"), Text("36.201568 ms"))
    print_table(console, table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [1, 20, 40, 79, 200])
def test_cells_that_do_not_wrap_are_whole(width: int) -> None:
    heading, row = printed(width, may_wrap=False)
    assert heading.split() == ["between", "what", "is", "needed", "figure"]
    assert row.split("  ")[0] == "host-one – host-two"
    assert "a kernel-with-netem, root  36.201568 ms" in row


@pytest.mark.parametrize("width", [1, 20, 40, 55])
def test_cells_that_wrap_keep_their_words(width: int) -> None:
    lines = printed(width, may_wrap=True)
    assert len(lines) > 2
    words = {word for line in lines for word in line.split()}
    assert {"host-one", "host-two", "a", "kernel-with-netem,", "root", "36.201568"} <= words


def test_no_row_is_wrapped_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("detail")
    table.add_row(Text("word " * 60))
    print_table(table_console(), table)
    assert capsys.readouterr().out.splitlines()[1].rstrip() == ("word " * 60).rstrip()
