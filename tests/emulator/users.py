"""Commands as an ordinary user, who owns nothing and may read what the tests run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel
from emulator.system.user_namespace import opening_command

# root's home is closed, as is usual, and Python or the checkout is in it: in a mount namespace of its own it is open
_OPEN_HOME = """
set -e
home=$1; shift
mount --bind "$home" /mnt
mount -t tmpfs -o mode=755 none "$home"
for each in /mnt/.[!.]* /mnt/*; do
  [ -d "$each" ] || continue
  mkdir "$home/${each##*/}"
  mount --bind "$each" "$home/${each##*/}"
done
exec "$@"
"""

WITHOUT_POWER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
"""The beginning of a command line that obeys the modes of files, which root does not."""


def require_user_namespaces() -> None:
    """Skip the calling test if this machine's kernel forbids ordinary users to have user namespaces."""
    if command := opening_command():
        pytest.skip(f"this machine lets no ordinary user have a user namespace: {command}")


def as_user(user: int) -> Sequence[str]:
    """Return the beginning of root's command line whose rest runs as a user, by number, natively or in a guest."""
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    if Path.home().stat().st_mode & 0o005 == 0o005:
        return become
    return ["unshare", "--mount", "sh", "-c", _OPEN_HOME, "sh", str(Path.home()), *become]


def folder_of(user: int, folder: Path, kernel: Kernel) -> Path:
    """Make a cache folder with the kernel in a test's folder, give it to another user, and return it."""
    home = folder / "nobody"
    home.mkdir()
    bases = (Path.home(), Path(tempfile.gettempdir()).resolve())
    stay = {path for base in bases for path in (base, *base.parents)}
    for path in (folder, *folder.parents):  # pytest's folders are the user's own
        if path in stay:
            break
        if path.stat().st_uid == os.getuid():
            path.chmod(path.stat().st_mode | 0o055)
    home.chmod(0o755)
    os.chown(home, user, user)
    kept = home / "gtsdsl" / "kernels" / kernel.executable.parent.name
    shutil.copytree(kernel.executable.parent, kept)
    for file in kept.iterdir():
        file.chmod(file.stat().st_mode | 0o055)
    return home
