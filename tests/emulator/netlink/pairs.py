"""Two namespaces that a veth pair joins."""

from __future__ import annotations

import os
from pathlib import Path

from emulator.netlink import links, namespaces
from emulator.netlink.connection import Netlink


class Pair:
    """Two namespaces that a veth pair joins, with a netlink socket in each."""

    def __init__(self) -> None:
        made = namespaces.create(2, lambda _: Netlink())
        self.namespaces = [item[0] for item in made]
        self.netlink = [item[1] for item in made]
        ends = [links.VethEnd(self.namespaces[0], "left", 7, bytes((2, 0, 0, 0, 0, 1)))]
        ends.append(links.VethEnd(self.namespaces[1], "right", 9, bytes((2, 0, 0, 0, 0, 2))))
        self.netlink[0].send([links.veth(ends[0], ends[1])])

    def close(self) -> None:
        for netlink, descriptor in zip(self.netlink, self.namespaces, strict=True):
            netlink.close()
            os.close(descriptor)

    def read(self, side: int, path: str) -> str:
        """Read a file of the kernel as a process in the namespace of one side sees it."""
        with namespaces.entered(self.namespaces[side]):
            return Path(path).read_text()
