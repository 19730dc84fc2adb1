"""Containers as values: whether they have limits."""

from __future__ import annotations

import pytest

from emulator.lab.containers import Container


@pytest.mark.parametrize(
    ("container", "has_limits"),
    [
        (Container("c1", "h1"), False),
        (Container("c1", "h1", cpus=1), True),
        (Container("c1", "h1", memory_bytes=2**30), True),
    ],
)
def test_either_limit_is_a_limit(container: Container, has_limits: bool) -> None:
    assert container.has_limits is has_limits
