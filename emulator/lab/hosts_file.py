"""The lines of ``/etc/hosts`` for a plan's hosts: their names, and their ids where these are host names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from emulator.plan import Plan

_HOST_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}(\.[A-Za-z0-9_-]{1,63}){0,3}")
_RESERVED = ("localhost", "ip6-localhost", "ip6-loopback")


def names_of_hosts(plan: Plan) -> dict[str, str]:
    """Return the names of each host, separated by blanks, by each of the host's own addresses; IPv4 comes first.

    A host's name comes first, then its id if the id is a valid host name and no other host has it. A name is cut so
    that the names of its interfaces are short enough: ``webserver01`` becomes ``webserve01``, and both are found.
    """
    known = [word.lower() for host in plan.hosts for word in {host.name, host.id}]
    counts = Counter([*known, *_RESERVED])

    def is_usable(word: str) -> bool:
        return _HOST_NAME.fullmatch(word) is not None and counts[word.lower()] == 1

    names = {
        host.loopback: f"{host.name} {host.id}" if host.id != host.name and is_usable(host.id) else host.name
        for host in plan.hosts
    }
    return names | {host.ipv6_loopback: names[host.loopback] for host in plan.hosts if host.ipv6_loopback is not None}


def hosts_file(names: Mapping[str, str]) -> str:
    """Return the text of an ``/etc/hosts`` with the lines that every machine has, and lines for names by address."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    return "\n".join(lines) + "\n" + "".join(hosts_lines(name, [address]) for address, name in names.items())


def hosts_lines(name: str, addresses: Iterable[str]) -> str:
    """Return the lines by which a name resolves to some addresses."""
    return "".join(f"{address} {name}\n" for address in addresses)
