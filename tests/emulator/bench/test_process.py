"""The process of a worker: its environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.emulator.samples import Cli


@pytest.mark.usefixtures("guest_kernel")
def test_the_users_locale_changes_no_byte_of_a_result(
    gtsdsl: Cli, pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Because a program that reads another locale reads the guest's clock more often, and each reading takes time."""
    measured = []
    for locale in ("C", "C.UTF-8", "nonsense"):
        monkeypatch.setenv("LC_ALL", locale)
        output = tmp_path / locale
        options = ("--overlays", "none", "--workloads", "latency", "--duration", "3", "-o", str(output))
        done = gtsdsl("bench", str(pair), *options)
        assert done.returncode == 0, done.stderr
        measured.append(json.loads((output / "results.json").read_text())["cells"][0]["measured"])
    assert measured == [measured[0]] * 3
