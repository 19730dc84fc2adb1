"""The number of guests that fit into a machine's memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.bench import room

GIB = 2**30


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 8 GiB of free memory, without a limit; its folder of control groups."""
    (tmp_path / "meminfo").write_text("MemTotal:       24684096 kB\nMemAvailable:    8388608 kB\n")
    monkeypatch.setattr(room, "_MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(room, "_CGROUP", tmp_path)
    return tmp_path


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(("memory_bytes", "guests"), [(GIB, 7), (2 * GIB, 3), (8 * GIB, 1), (64 * GIB, 1)])
def test_as_many_guests_fit_as_have_memory(memory_bytes: int, guests: int) -> None:
    assert room.fitting_guests(memory_bytes) == guests


@pytest.mark.parametrize(
    ("limit", "available_bytes"), [(str(3 * GIB), 2 * GIB), (str(64 * GIB), 8 * GIB), ("max", 8 * GIB), ("1", 0)]
)
def test_the_limit_of_a_container_counts_without_its_page_cache(
    machine: Path, limit: str, available_bytes: int
) -> None:
    (machine / "memory.max").write_text(f"{limit}\n")
    (machine / "memory.current").write_text(f"{2 * GIB}\n")
    (machine / "memory.stat").write_text(f"anon 5\ninactive_file {GIB}\nactive_file 7\n")
    assert room.available_bytes() == available_bytes


def test_this_machine_has_some_memory() -> None:
    assert room.available_bytes() > 2**20
