"""A function that plays a scenario in a guest of two hosts, and returns what the scenario prints."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.mininet.network import EmulatedNetwork
from tests.emulator.play import script_of
from tests.emulator.samples import HANG_S, PAIR


def seen_in_guest(folder: Path, scenario: Callable[[EmulatedNetwork], object]) -> dict[str, Any]:
    source = folder / "pair.dsl"
    source.write_text(PAIR)
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(source), "--script", str(script_of(scenario, folder))]
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
