"""The name of `EmulatedNetwork` in version 0.1."""

from __future__ import annotations

import importlib

import pytest

from emulator.mininet.network import EmulatedNetwork


def test_the_old_name_is_the_new_class_and_warns() -> None:
    with pytest.warns(DeprecationWarning, match=r"emulator\.mininet\.network"):
        module = importlib.import_module("emulator.network")
    assert module.EmulatedNetwork is EmulatedNetwork
