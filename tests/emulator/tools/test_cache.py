"""A built tool counts only if it is whole and nobody else can have changed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.system.errors import UntrustedError
from emulator.tools import cache
from emulator.tools.cache import built_tool, folder_of
from emulator.tools.recipes import NETPERF


def keep() -> Path:
    folder = folder_of(NETPERF)
    folder.mkdir(parents=True, mode=0o700)
    for name in ("netperf", "netserver"):
        (folder / name).write_bytes(f"the program {name}".encode())
    cache.keep(NETPERF, folder)
    return folder


def test_a_tool_that_is_kept_is_found_with_its_programs(tools: Path) -> None:
    assert built_tool(NETPERF) is None
    folder = keep()
    found = built_tool(NETPERF)
    assert found is not None
    assert [(it.name, it.path, it.size_bytes) for it in found.programs] == [
        ("netperf", str(folder / "netperf"), 19), ("netserver", str(folder / "netserver"), 21),
    ]  # fmt: skip
    assert tools in folder.parents


@pytest.mark.usefixtures("tools")
def test_a_damaged_tool_is_not_used() -> None:
    folder = keep()
    (folder / "netserver").write_bytes(b"half")
    assert built_tool(NETPERF) is None
    (folder / "netserver").unlink()
    assert built_tool(NETPERF) is None
    keep_whole = (folder / "info.json").read_bytes()
    for damage in (b"", b"{", b"{}", b"[]", keep_whole[:-1]):
        (folder / "info.json").write_bytes(damage)
        assert built_tool(NETPERF) is None


@pytest.mark.usefixtures("tools")
def test_a_tool_that_others_may_write_is_refused() -> None:
    folder = keep()
    (folder / "netserver").chmod(0o777)
    with pytest.raises(UntrustedError, match="netserver may be written by others"):
        built_tool(NETPERF)


@pytest.mark.usefixtures("tools")
def test_clean_removes_tools_and_what_killed_builds_left() -> None:
    whole = keep()
    left = cache.tools_folder() / "building-netperf"
    left.mkdir()
    assert set(cache.clean()) == {whole, left}
    assert list(cache.tools_folder().iterdir()) == []
