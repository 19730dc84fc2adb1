"""A signal that ends a process is never lost, whatever Python was doing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

IMPORTED = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    pass  # as the bookkeeping of an import loses it
"""
IMPORTS = """
import time
from emulator.system.signals import signals_as_exit
try:
    with signals_as_exit(interrupt=True):
        import interrupted
        time.sleep(60)
except KeyboardInterrupt:
    print("ended")
"""
ONLY_THE_FIRST = """
import os, signal
from emulator.system.signals import signals_as_exit
try:
    with signals_as_exit(interrupt=True):
        os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    os.kill(os.getpid(), signal.SIGTERM)  # whoever undoes things is not to be ended
    print("ended")
"""


def said(script: str, folder: Path) -> str:
    """The output of a program, which afterwards ignores signals, as one does that is about to end."""
    (folder / "interrupted.py").write_text(IMPORTED)
    root = Path(__file__).resolve().parents[3]
    lines = f"import sys\nsys.path[:0] = [{str(folder)!r}, {str(root)!r}]\n"
    command = [sys.executable, "-c", lines + script]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def test_a_signal_during_an_import_comes_again_after_it(tmp_path: Path) -> None:
    assert said(IMPORTS, tmp_path) == "ended\n"


def test_only_the_first_signal_raises(tmp_path: Path) -> None:
    assert said(ONLY_THE_FIRST, tmp_path) == "ended\n"
