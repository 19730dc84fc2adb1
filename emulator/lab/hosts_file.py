"""The hosts of a plan to what stands for their addresses in `/etc/hosts`: their names, and their ids if they fit."""

from __future__ import annotations

import re
from collections import Counter

from emulator.plan import Plan

_HOST_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_EVERY_MACHINES = ("localhost", "ip6-localhost", "ip6-loopback")


def names_of_hosts(plan: Plan) -> dict[str, str]:
    """By each host's own address its name and, after it, its id, if that may be a host's name and is nobody else's.

    A name is no longer than its interfaces' names let it be: `webserver01` is called `webserve01`, and found by both.
    """
    known = [word.lower() for host in plan.hosts for word in {host.name, host.id}]
    counts = Counter([*known, *_EVERY_MACHINES])

    def fits(word: str) -> bool:
        return _HOST_NAME.fullmatch(word) is not None and counts[word.lower()] == 1

    return {
        host.loopback: f"{host.name} {host.id}" if host.id != host.name and fits(host.id) else host.name
        for host in plan.hosts
    }
