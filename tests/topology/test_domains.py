"""Switches join circuits into broadcast domains, and may form loops."""

from __future__ import annotations

from gtsdsl.model.testbed import Port, Resource, Testbed
from gtsdsl.topology.domains import domains, has_loop
from gtsdsl.topology.model import Topology
from tests.targets.samples import host, link, wired


def _line(*joined: str) -> Testbed:
    """Switches a, b and c, a host at a, and a link for each pair of letters."""
    switches = [Resource("vsi", name, ports=tuple(Port(f"p{index}") for index in range(8))) for name in "abc"]
    links = [(link(f"l{index}"), f"{pair[0]}.p{index}", f"{pair[1]}.p{index}") for index, pair in enumerate(joined)]
    return wired([*switches, host("h", None, "p")], [(link("to_h"), "h.p", "a.p7"), *links])


def test_switches_in_a_line_have_no_loop() -> None:
    assert not has_loop(Topology.of(_line("ab", "bc")))


def test_switches_that_are_joined_in_two_ways_have_a_loop() -> None:
    assert has_loop(Topology.of(_line("ab", "bc", "ca")))
    assert has_loop(Topology.of(_line("ab", "ab")))


def test_joined_switches_are_one_domain_and_a_circuit_without_switches_is_another() -> None:
    assert [[str(port) for port in ports] for ports in domains(Topology.of(_line("ab", "bc")))] == [["h.p"]]


def test_a_domain_without_a_host_has_no_ports() -> None:
    switches = [Resource("ofx", name, None, {}, (Port("p"),)) for name in ("a", "b")]
    assert domains(Topology.of(wired(switches, [(link("l"), "a.p", "b.p")]))) == []
