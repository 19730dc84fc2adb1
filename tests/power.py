"""Root's power over the modes of files, which a test gives up so that modes count for it too."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_VERSION_3 = 0x2008_0522  # linux/capability.h
_SETS = struct.Struct("=6I")
"""The effective, permitted and inheritable capabilities 0 to 31, and then those from 32 on."""
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1 << 1, 1 << 2
_GET_SECUREBITS, _SET_SECUREBITS, _NO_SETUID_FIXUP = 27, 28, 1 << 2
"""Without a fix-up, access(2) counts the effective capabilities of root too, and not the permitted ones."""


@contextmanager
def without_power() -> Iterator[None]:
    """Let the thread obey the modes of files, as an ordinary user must; skip where root cannot give this up."""
    if getattr(os, "geteuid", lambda: 1)() != 0:
        yield
        return
    if sys.platform != "linux":
        pytest.skip("root may read and write everything on this system: run the tests as an ordinary user")
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = struct.pack("=Ii", _VERSION_3, 0), ctypes.create_string_buffer(_SETS.size)
    bits = libc.prctl(_GET_SECUREBITS)
    if libc.capget(header, sets) != 0 or libc.prctl(_SET_SECUREBITS, bits | _NO_SETUID_FIXUP) != 0:
        pytest.skip(f"this root may not give up its power over files: {os.strerror(ctypes.get_errno())}")
    effective, *others = _SETS.unpack(sets.raw)
    libc.capset(header, _SETS.pack(effective & ~(_DAC_OVERRIDE | _DAC_READ_SEARCH), *others))
    try:
        yield
    finally:
        libc.capset(header, sets.raw)
        libc.prctl(_SET_SECUREBITS, bits)
