"""What the tests of networks need of the machine, and who runs them."""

from __future__ import annotations

import pytest

from emulator.system.user_namespace import may_make_networks


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what needs the right to make networks, where there is none."""
    for item in items:
        if item.get_closest_marker("networks") and not may_make_networks():
            item.add_marker(pytest.mark.skip(reason="needs root, or `unshare --map-root-user --net --mount pytest`"))
