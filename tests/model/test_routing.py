"""The text that says how hosts find their routes."""

from __future__ import annotations

import re

import pytest

from gtsdsl.model.routing import Routing, parse_routing


@pytest.mark.parametrize(
    ("text", "routing"),
    [
        ("static", None),
        ("ospf", Routing("ospf")),
        ("ospf, hello=1", Routing("ospf", hello_s=1, dead_s=4)),
        ("ospf,hello=1s,dead=3,tick=2", Routing("ospf", hello_s=1, dead_s=3, tick_s=2)),
        ("ospf,bfd=100ms", Routing("ospf", bfd_us=100_000)),
        ("bgp,hold=9", Routing("bgp", hold_s=9, keepalive_s=3)),
        ("bgp,hold=9,keepalive=1,connect_retry=2", Routing("bgp", hold_s=9, keepalive_s=1, connect_retry_s=2)),
    ],
)
def test_a_protocol_and_its_timers_are_read(text: str, routing: Routing | None) -> None:
    assert parse_routing(text) == routing
    if routing is not None:
        assert parse_routing(str(routing)) == routing


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("osfp", '"osfp" is no routing; did you mean `ospf`?'),
        ("", 'write it as "static", "ospf,hello=1,dead=4" or "bgp,hold=9"'),
        (1, "1 is no routing"),
        ("static,hello=1", "static routes have no options"),
        ("ospf,helo=1", "ospf has no option `helo=1`; did you mean `hello`?"),
        ("ospf,hold=9", "ospf has no option `hold=9`"),
        ("bgp,dead=4", "bgp has no option `dead=4`"),
        ("ospf,hello", "ospf has no option `hello`"),
        ("ospf,hello=0", "hello=0 is not a number of whole seconds from 1 to 65535"),
        ("ospf,hello=0.5", "hello=0.5 is not a number of whole seconds"),
        ("ospf,hello=" + "9" * 5000, "is not a number of whole seconds"),
        ("ospf,hello=1,hello=2", "hello is given twice"),
        ("ospf,hello=4,dead=4", "dead=4 must be more than hello=4"),
        ("ospf,dead=10", "dead=10 must be more than hello=10"),
        ("bgp,hold=3,keepalive=3", "hold=3 must be more than keepalive=3"),
        ("ospf,bfd=100", "bfd: "),
        ("ospf,bfd=1ms", "bfd=1ms is not between 10ms and 10s"),
        ("ospf,hello=1;", "is not a number of whole seconds"),
    ],
)
def test_another_value_is_refused_with_a_reason(value: str | int, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_routing(value)
