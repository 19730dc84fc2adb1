"""The command line with `--kernel native`, run in a guest, because a guest has netem and this machine may not."""

from __future__ import annotations

import shlex
import sys

from tests.emulator.samples import MESH, ROOT, Cli
from tests.emulator.users import as_user

AS_USER = (
    f'umask 0; mkdir -p -m 1777 /tmp/home; exec {shlex.join(as_user(1000))} env HOME=/tmp/home TMPDIR=/tmp/home "$@"'
)
LEFT = 'find "${TMPDIR:-/tmp}" /tmp/home -mindepth 2 -path "*gtsdsl-*" -type d 2>/dev/null; pgrep -c ping; true'


def run_natively(gtsdsl: Cli, script: str, *arguments: str) -> tuple[int, str, str]:
    """Run a shell script in a guest; its arguments are `gtsdsl emulate --kernel native` of the mesh."""
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(MESH), "--kernel", "native", *arguments]
    done = gtsdsl("guest", "--", "sh", "-c", script, "sh", *command, cwd=ROOT)
    return done.returncode, done.stdout, done.stderr
