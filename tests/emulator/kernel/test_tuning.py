"""Limits of a guest's processes follow those of this process, within bounds."""

from __future__ import annotations

import resource

import pytest

from emulator.kernel import tuning


@pytest.mark.parametrize(
    ("own", "guests"),
    [(1024, 2**16), (2**18, 2**18), (2**30, 2**20), (resource.RLIM_INFINITY, 2**20)],
)
def test_open_files(monkeypatch: pytest.MonkeyPatch, own: int, guests: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _number: (own, own))
    assert tuning.limits()[resource.RLIMIT_NOFILE] == (guests, 2**20)


def test_locked_memory_and_processes_are_limited_by_memory_only() -> None:
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert tuning.limits()[resource.RLIMIT_MEMLOCK] == tuning.limits()[resource.RLIMIT_NPROC] == unlimited


def test_the_stack_is_that_of_this_process() -> None:
    assert tuning.limits()[resource.RLIMIT_STACK] == resource.getrlimit(resource.RLIMIT_STACK)


def test_parameters_are_words_that_a_kernel_takes() -> None:
    for name, value in tuning.SYSCTLS.items():
        assert name.count(".") >= 1
        assert all(part.isdecimal() for part in value.split())
