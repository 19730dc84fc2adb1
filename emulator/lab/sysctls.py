"""Kernel parameters of the namespaces of a plan's hosts and switches."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from emulator.netlink.connection import Netlink
from emulator.plan import Plan
from gtsdsl.topology.routes import FORWARDING, IPV6_FORWARDING, ipv6_hop_limit, open_filters, time_to_live

SYSCTLS = {
    # no link-local addresses but the plan's, because their announcements would delay measured packets at odd moments
    "net.ipv6.conf.default.addr_gen_mode": "1",
}
"""The parameters of each namespace, that of a container too."""

_IPV6_SYSCTLS = {
    # no question, before an address is used, whether another has it: the plan's addresses are unique
    "net.ipv6.conf.default.accept_dad": "0",
    # an interface that goes down keeps its addresses, as in IPv4
    "net.ipv6.conf.default.keep_addr_on_down": "1",
    # reports of multicast groups (MLD) go at once, while the network is being made, and not some time in its first
    # second, among measured packets
    "net.ipv6.conf.default.force_mld_version": "1",
    "net.ipv6.conf.default.mldv1_unsolicited_report_interval": "0",
}


def host_sysctls(plan: Plan) -> Mapping[str, str]:
    """Return the kernel parameters of a host's namespace."""
    # a new namespace inherits these from this machine, and on most machines they have the right value already
    closed = {name: value for name, value in open_filters().items() if _path(name).read_text().strip() != value}
    hosts = len(plan.hosts)
    found = {**switch_sysctls(plan), **FORWARDING, **closed, **time_to_live(hosts)}
    return {**found, **IPV6_FORWARDING, **ipv6_hop_limit(hosts)} if plan.has_ipv6 else found


def switch_sysctls(plan: Plan) -> Mapping[str, str]:
    """Return the kernel parameters of the switches' namespace."""
    return {**SYSCTLS, **_IPV6_SYSCTLS} if plan.has_ipv6 else SYSCTLS


def set_up(sysctls: Mapping[str, str]) -> Netlink:
    """Set kernel parameters of the thread's namespace, before it has interfaces, and open a netlink socket in it."""
    for name, value in sysctls.items():
        with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
            descriptor = os.open(_path(name), os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(descriptor, value.encode())
            finally:
                os.close(descriptor)
    return Netlink()


def _path(name: str) -> Path:
    return Path("/proc/sys/" + name.replace(".", "/"))
