"""A context manager that closes at exit, also after an error."""

from __future__ import annotations

import pytest

from emulator.system.closing import Closing


class Door(Closing):
    is_open = True

    def close(self) -> None:
        self.is_open = False


def test_the_context_is_the_object_and_closes_it() -> None:
    door = Door()
    with door as entered:
        assert entered is door
        assert door.is_open
    assert not door.is_open


def test_an_error_passes_and_closes_it() -> None:
    door = Door()
    with pytest.raises(ZeroDivisionError), door:
        raise ZeroDivisionError
    assert not door.is_open
