"""A check of Debian's packaged guest kernel, which does not run on every machine."""

from __future__ import annotations

import re

import pytest

from emulator.doctor import examine
from emulator.kernel.cache import Kernel
from emulator.kernel.choose import choose
from emulator.kernel.verdict import refusal
from emulator.system.errors import EmulationError
from tests.emulator.samples import Cli


def runs_or_says_why(gtsdsl: Cli, packaged: Kernel) -> bool:
    """Return whether Debian's kernel runs on this machine. If it does not, check that every command says why."""
    lack = refusal(packaged)
    if lack is None:
        return True
    with pytest.raises(EmulationError, match=re.escape(lack.what)):
        choose("uml-packaged")
    finding = next(it for it in examine() if it.name == "guest kernel, Debian's")
    assert not finding.works
    assert lack.what in finding.detail
    done = gtsdsl("guest", "--kernel", "uml-packaged", "--", "true")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: Debian's packaged guest kernel, Linux ")
    assert done.stderr.endswith(f" does not run here: {lack}\n")
    return False
