"""The report to a text in Markdown (GitHub's), with the plots as files beside it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from emulator.bench.report.model import (
    Block,
    Bullets,
    Code,
    Command,
    DotPlot,
    Inline,
    LinePlot,
    Paragraph,
    Picture,
    Report,
    Table,
)
from gtsdsl.text import printable

_LONGEST = 2000
_MARKS = re.compile(r"([\\`*\[\]<>|~&#]|(?<!\w)_|_(?!\w)|(?<=:)(?=//)|(?<=www)\.)")


def to_markdown(report: Report, files: Collection[str], missing: str | None) -> str:
    """Return the report; ``files`` are the plots that have files. ``missing`` says why there are none."""
    lines = [f"# {_text(report.title)}", "", _text(report.subtitle), ""]
    if missing is not None:
        lines += [f"**{_text(missing)}**", ""]
    for section in report.sections:
        lines += [f"## {_text(section.title)}", ""]
        for block in section.blocks:
            lines += [*_block(block, files), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _block(block: Block, files: Collection[str]) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield f"**{_inline(block.parts)}**" if block.tone == "warning" else _inline(block.parts)
    elif isinstance(block, Bullets):
        yield from (f"- {_inline(item)}" for item in block.items)
    elif isinstance(block, Table):
        yield from _table(block)
    elif isinstance(block, Command):
        yield from (_text(block.about), "", f"    {printable(block.text, _LONGEST)}")
    elif isinstance(block, Picture):
        yield f"![{_text(block.about)}](plots/{block.name}.svg)"
    elif isinstance(block, LinePlot | DotPlot) and block.name in files:
        yield f"![{_text(f'{block.title}. {block.about}')}](plots/{block.name}.svg)"


def _table(table: Table) -> Iterator[str]:
    yield _text(table.caption)
    yield ""
    prefixes = [f"{group.text} " if group.text else "" for group in table.groups for _ in range(group.columns)]
    prefixes = prefixes or [""] * len(table.headings)
    headings = [prefix + heading for prefix, heading in zip(prefixes, table.headings, strict=True)]
    yield _row(_text(heading) for heading in headings)
    left = set(range(table.heads)) | set(table.texts) | set(table.commands)
    yield _row("---" if index in left else "---:" for index in range(len(headings)))
    for texts in table.rows:
        yield _row(
            _code(text).replace("|", "\\|") if index in table.commands else _text(text)
            for index, text in enumerate(texts)
        )


def _row(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _inline(parts: tuple[Inline, ...]) -> str:
    return "".join(_code(part.text) if isinstance(part, Code) else _text(part) for part in parts)


def _code(text: str) -> str:
    text = printable(text, _LONGEST)
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text else ""


def _text(text: str) -> str:
    """Return a text whose characters mean themselves: no tag, link, emphasis or table."""
    return _MARKS.sub(r"\\\1", printable(text, _LONGEST))
