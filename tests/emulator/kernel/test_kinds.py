"""The names of kernels and clocks, with the name that version 0.1 had for this machine's own kernel."""

from __future__ import annotations

import pytest

from emulator.kernel.kinds import Clock, KernelKind


def test_a_kind_is_found_by_its_name() -> None:
    assert KernelKind("uml-packaged") is KernelKind.PACKAGED
    assert Clock("skip") is Clock.SKIP


def test_host_is_the_old_name_of_native() -> None:
    assert KernelKind("host") is KernelKind.NATIVE


def test_other_names_are_no_kind() -> None:
    with pytest.raises(ValueError, match="'vm' is not a valid KernelKind"):
        KernelKind("vm")
