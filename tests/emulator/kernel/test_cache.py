"""The cache of built kernels: which kernels count, which comes first, and what killed builds leave."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from emulator.kernel import cache
from emulator.kernel.cache import CONFIGURATION, built_kernels, configuration_hash
from tests.emulator import scenarios
from tests.emulator.kernel.standins import a_kernel
from tests.emulator.play import command_of


def test_a_build_that_was_killed_leaves_what_clean_removes(kernels: Path) -> None:
    subprocess.run(command_of(scenarios.die_in_a_build), check=False)
    assert tuple(cache.clean()) == (kernels / "building-source",)
    assert list(kernels.iterdir()) == []


def test_a_build_starts_afresh_where_another_was_killed(kernels: Path) -> None:
    left = kernels / "building-source" / "linux"
    left.mkdir(parents=True)
    with cache.building("source") as folder:
        assert [path.name for path in folder.iterdir()] == ["lock"]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="a guest kernel runs on x86-64 only")
def test_the_kernel_that_was_asked_for_last_comes_first(kernels: Path) -> None:
    newer = a_kernel(kernels, "7.10.1-1")
    os.utime(newer.executable.with_name("info.json"), (0, 0))
    older = a_kernel(kernels, "7.3.4-1~bpo13+1")
    assert built_kernels() == (older, newer)
    os.utime(older.executable.with_name("info.json"), (0, 0))
    cache.prefer(newer)
    assert built_kernels() == (newer, older)


def test_a_kernel_of_another_configuration_is_not_used(kernels: Path) -> None:
    a_kernel(kernels, "7.3.4", "7.3.4-000000000000")
    assert built_kernels() == ()
    assert [path.name for path in cache.clean()] == ["7.3.4-000000000000"]


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"version": 1}', ""])
def test_a_damaged_kernel_is_not_used(kernels: Path, damage: str) -> None:
    kernel = a_kernel(kernels, "7.3.4")
    (kernel.executable.parent / "info.json").write_text(damage)
    assert built_kernels() == ()


def test_the_configuration_names_each_symbol_once() -> None:
    names = [line.partition("=")[0] for line in CONFIGURATION.read_text().splitlines() if line.startswith("CONFIG_")]
    assert len(names) == len(set(names))
    assert len(configuration_hash()) == 12
