"""A cache without a kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.kernel import cache


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of built kernels in a new cache, which has none. In this process, the wheel is as not installed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "wheel_kernel", lambda: None)
    return tmp_path / "cache" / "gtsdsl" / "kernels"
