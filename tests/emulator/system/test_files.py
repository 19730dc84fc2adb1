"""Files that other processes read while they change."""

from __future__ import annotations

from pathlib import Path

from emulator.system.files import replace_text


def test_a_reader_sees_the_old_text_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "peers.json"
    replace_text(path, "old")
    with path.open() as reader:
        replace_text(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"
    assert [it.name for it in tmp_path.iterdir()] == ["peers.json"]
