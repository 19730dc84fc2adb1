"""The value of an option that may differ from host to host: one for all hosts, or ``h1=VALUE,h3=VALUE``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emulator.system.errors import OptionError
from gtsdsl.text import did_you_mean, printable

_MOST_SHOWN = 8


def host_values(option: str, form: str, text: str, hosts: Sequence[str]) -> Mapping[str, str]:
    """Return the value of each host that ``text`` names, or one value for all hosts.

    A text whose first ``=`` follows a ``/`` is a path for all hosts. ``option`` and ``form`` are for messages: the
    option's name, and an example such as ``HOST=AGENT, as in h1=real,h3=real``.

    Raises:
        OptionError: a part is not HOST=VALUE, or names no host or one that another part names.
    """
    if "=" not in text or "/" in text.partition("=")[0]:
        return dict.fromkeys(hosts, text)
    values: dict[str, str] = {}
    for part in text.split(","):
        host, equals, value = part.partition("=")
        if not equals or not value:
            raise OptionError(f"{option}: `{printable(part, 40)}` is not {form}")
        if host not in hosts:
            near = did_you_mean(host, list(hosts)) or f"the hosts are {', '.join(hosts[:_MOST_SHOWN])}"
            raise OptionError(f"{option}: the topology has no host {printable(host, 40)}; {near}")
        if host in values:
            raise OptionError(f"{option}: {host} is given twice")
        values[host] = value
    return values
