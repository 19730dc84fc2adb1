"""The options of a run: their fields, and the flags in them."""

from __future__ import annotations

from dataclasses import fields

import pytest

from emulator.options import Flag, HostOptions, OverlayOptions, RunOptions

ALL = (RunOptions, HostOptions, OverlayOptions)


@pytest.mark.parametrize("options", ALL)
def test_each_field_has_a_flag(options: type) -> None:
    for item in fields(options):
        flag = Flag.of(item.metadata)
        assert flag.name.startswith("--")
        assert flag.help


def test_no_two_fields_have_the_same_flag_unless_they_share_it() -> None:
    flags = [Flag.of(item.metadata) for options in ALL for item in fields(options)]
    names = [flag.name for flag in flags if not flag.is_shared]
    assert len(set(names)) == len(names)
    shared = [flag for flag in flags if flag.is_shared]
    assert [flag.name for flag in shared] == ["--image", "--image"]
    assert shared[0] is shared[1]


@pytest.mark.parametrize("options", ALL)
def test_defaults_are_among_the_choices(options: type) -> None:
    for item in fields(options):
        choices = Flag.of(item.metadata).choices
        assert not choices or item.default is None or item.default in choices


def test_an_alias_is_an_old_name_of_a_choice() -> None:
    flag = next(Flag.of(item.metadata) for item in fields(RunOptions) if item.name == "kernel")
    assert flag.aliases == {"host": "native"}
    assert "host" not in flag.choices


def test_a_field_without_a_flag_is_an_error() -> None:
    with pytest.raises(TypeError, match="no flag"):
        Flag.of({})
