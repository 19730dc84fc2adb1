"""Waiting for descriptors and conditions."""

from __future__ import annotations

import os
import resource
import time

import pytest

from emulator.system.poll import readable, wait_until


def test_what_has_data_or_has_ended_is_readable() -> None:
    quiet, writes, ended = (os.pipe() for _ in range(3))
    os.write(writes[1], b"x")
    os.close(ended[1])
    ready = readable([quiet[0], writes[0], ended[0]], 10)
    assert ready == {writes[0], ended[0]}
    assert readable([quiet[0]], 0) == set()
    for descriptor in (*quiet, *writes, ended[0]):
        os.close(descriptor)


def test_a_descriptor_above_those_of_select() -> None:
    high = 2000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= high:
        pytest.skip(f"needs {high + 1} open files, and the hard limit is {hard}")
    end, other = os.pipe()
    if soft != resource.RLIM_INFINITY and soft <= high:
        resource.setrlimit(resource.RLIMIT_NOFILE, (high + 1, hard))
    try:
        os.dup2(end, high)
        os.write(other, b"x")
        assert readable([high], 10) == {high}
        os.close(high)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(end)
        os.close(other)


def test_a_condition_is_tested_until_it_is_true() -> None:
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers), 60, 0)
    assert list(answers) == []


def test_patience_ends() -> None:
    began_s = time.monotonic()
    assert not wait_until(lambda: False, 0.05, 0.01)
    assert time.monotonic() - began_s >= 0.05
