"""A cache without a kernel."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of built kernels in a new cache, which has none."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gtsdsl" / "kernels"
