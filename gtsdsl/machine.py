"""Errors of the machine (files, memory, disk space, missing packages) as one line with the remedy."""

from __future__ import annotations

import errno

REFUSALS = (OSError, MemoryError, ImportError)
"""The exceptions that Python raises when the machine refuses something."""
EXIT_STATUS = 3
"""The exit status of a command that this machine refuses."""

_REMEDIES = {
    errno.EMFILE: "raise the limit with `ulimit -n 1024`",
    errno.ENFILE: "the whole machine has no more: end some programs",
    errno.EFBIG: "raise the limit with `ulimit -f unlimited`",
    errno.ENOSPC: "make room, or set TMPDIR to another folder",
    errno.EDQUOT: "make room, or set TMPDIR to another folder",
    errno.ENOMEM: "raise the limit with `ulimit -v unlimited`, or end some programs",
    errno.EAGAIN: "raise the limit of processes with `ulimit -u`",
}
_MEMORY = f"there is not enough memory: {_REMEDIES[errno.ENOMEM]}"

_EXTRA_OF = {
    "altair": "bench",
    "distributed": "dask",
    "docker": "emulation",
    "lsprotocol": "lsp",
    "mininet": "emulation",
    "polars": "bench",
    "pygls": "lsp",
    "pyroute2": "emulation",
    "nacl": "emulation",
    "resvg_py": "draw",
    "vl_convert": "bench",
    "yaml": "emulation",
}
"""The extra of gtsdsl that installs a package, by the package's name in Python."""


def refusal(error: OSError | MemoryError | ImportError) -> str:
    """Return one line that says what the machine has refused, with the name of the file if the error has one."""
    if isinstance(error, MemoryError):
        return _MEMORY
    if isinstance(error, ImportError):
        return _not_loaded(error)
    if not error.strerror:
        return f"{type(error).__name__}: {error}"
    message = error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    remedy = _REMEDIES.get(error.errno or 0)
    return f"{message}: {remedy}" if remedy else message


def missing_package(name: str) -> str:
    """Return one line that says that a Python package is missing, and how to install it."""
    extra = _EXTRA_OF.get(name)
    remedy = "install gtsdsl again with pip" if extra is None else f"pip install 'gtsdsl[{extra}]'"
    return f"the Python package {name} is missing: {remedy}"


def _not_loaded(error: ImportError) -> str:
    """Return the reason why a module cannot be loaded: it is missing, or memory is too short for a shared object."""
    if isinstance(error, ModuleNotFoundError):
        return missing_package((error.name or "").partition(".")[0])
    if any(words in str(error) for words in ("failed to map segment", "cannot allocate", "cannot create shared")):
        return _MEMORY
    return f"a Python package cannot be loaded: {error}"
