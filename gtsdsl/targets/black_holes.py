"""The commands that make an interface drop the messages by which a sender learns the MTU of a path."""

from __future__ import annotations

from collections.abc import Iterator


def black_hole_commands(interface: str) -> Iterator[str]:
    """Yield the commands of `tc` that drop "fragmentation needed" and "packet too big" at an interface's egress."""
    yield f"tc qdisc add dev {interface} clsact"
    for match in ("ip flower ip_proto icmp type 3 code 4", "ipv6 flower ip_proto icmpv6 type 2"):
        yield f"tc filter add dev {interface} egress protocol {match} action drop"
