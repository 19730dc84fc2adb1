"""A program's name to where it is, also in the system's folders, which an ordinary user's path leaves out."""

from __future__ import annotations

import os
import shutil

OPEN_VSWITCH = ("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-appctl")
"""The programs of an Open vSwitch."""
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def with_system_folders(path: str) -> str:
    """A search path, with those of the system's folders at its end that are not in it."""
    return os.pathsep.join([path, *(folder for folder in SYSTEM_FOLDERS if folder not in path.split(os.pathsep))])


def find_program(name: str) -> str | None:
    """The path of a program; None if it is not there."""
    return shutil.which(name, path=with_system_folders(os.environ.get("PATH", os.defpath)))
