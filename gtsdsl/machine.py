"""What a machine refuses a program (files, memory, room, programs) to one line that says what mends it."""

from __future__ import annotations

import errno

REFUSALS = (OSError, MemoryError, ImportError)
"""The exceptions that Python raises then."""
EXIT_STATUS = 3
"""That of a command which this machine cannot do."""

_MENDS = {
    errno.EMFILE: "raise the limit with `ulimit -n 1024`",
    errno.ENFILE: "the whole machine has no more: end some programs",
    errno.EFBIG: "raise the limit with `ulimit -f unlimited`",
    errno.ENOSPC: "make room, or set TMPDIR to another folder",
    errno.EDQUOT: "make room, or set TMPDIR to another folder",
    errno.ENOMEM: "raise the limit with `ulimit -v unlimited`, or end some programs",
    errno.EAGAIN: "raise the limit of processes with `ulimit -u`",
}
_MEMORY = f"there is not enough memory: {_MENDS[errno.ENOMEM]}"


class MissingExtraError(ImportError):
    """A package is missing that an extra of gtsdsl installs; the message names the extra."""


def refused(error: OSError | MemoryError | ImportError) -> str:
    """Say in a line what the machine has refused; an operating system's error names the file that it is about."""
    if isinstance(error, MemoryError):
        return _MEMORY
    if isinstance(error, ImportError):
        return _not_loaded(error)
    if not error.strerror:
        return f"{type(error).__name__}: {error}"
    said = error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    mend = _MENDS.get(error.errno or 0)
    return f"{said}: {mend}" if mend else said


def _not_loaded(error: ImportError) -> str:
    """Say why a module cannot be loaded: it is missing, or the loader of shared objects has no room for it."""
    if isinstance(error, MissingExtraError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        return f"the Python package {error.name} is missing: install gtsdsl again with pip"
    if any(words in str(error) for words in ("failed to map segment", "cannot allocate", "cannot create shared")):
        return _MEMORY
    return f"a Python package cannot be loaded: {error}"
