"""The same testbed gives the same bytes, whatever the seed of Python's hashes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_TARGETS = ["graphml", "node-link", "dot", "containerlab", "mininet"]
_PROGRAM = """
import hashlib, sys
from gtsdsl.targets import compile_to
from tests.hostile import hostile_testbed
from tests.targets.samples import triangle
for testbed in (triangle(), hostile_testbed()):
    for target in sys.argv[1:]:
        print(target, hashlib.sha256(compile_to(testbed, target).encode()).hexdigest())
"""


def _digests(seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *_TARGETS],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("seed", ["1", "4294967295"])
def test_same_bytes(seed: str) -> None:
    assert _digests(seed) == _digests("0")
