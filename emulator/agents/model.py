"""The program of an agent, as a value that crosses into the guest with the task."""

from __future__ import annotations

from dataclasses import dataclass

_SHOWN_DIGITS = 12


@dataclass(frozen=True, slots=True)
class AgentProgram:
    """A program that runs an overlay on a host.

    ``name`` is the program's name (``flanneld``), ``version`` its own answer (``0.28.10``), and ``path`` its absolute
    path. ``sha256`` is the hash of the file. ``without`` names the parts that its build left out; empty if it is whole.
    """

    name: str
    version: str
    path: str
    sha256: str
    without: str = ""

    @property
    def title(self) -> str:
        """The name for results: ``flanneld 0.28.10, without tencent-vpc (sha256 0123456789ab)``."""
        left_out = f", without {self.without}" if self.without else ""
        return f"{self.name} {self.version}{left_out} (sha256 {self.sha256[:_SHOWN_DIGITS]})"
