"""A plan with a routing protocol: the configurations of BIRD, its segments, costs and least costs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from emulator.plan import Options, Plan, plan
from emulator.plan.build import PlanError
from emulator.plan.json import from_json, to_json
from emulator.plan.routing import LeastCosts, cost_of, segments
from gtsdsl.loading import load
from tests.emulator.samples import MESH
from tests.emulator.topologies import joined

STAR = joined([("a", "s1"), ("b", "s1"), ("c", "s1"), ("c", "d")], ("s1",))
OWN_DELAYS = """\
Pair {
  id = "Pair"
  routing = "ospf,hello=2"
  host { id = "h1"; port { id = "p" } }
  host { id = "h2"; port { id = "p" } }
  link { id = "l1"; delay = "3ms/700ms"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.p, l1.src
  adjacency h2.p, l1.dst
}
"""


@pytest.fixture(scope="module")
def own_delays(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    path = tmp_path_factory.mktemp("routing") / "pair.dsl"
    path.write_text(OWN_DELAYS)
    return plan(load(path))


def test_without_a_protocol_nothing_changes() -> None:
    made = plan(STAR)
    assert made == plan(STAR, Options(routing="static"))
    assert made.routing is None
    assert {host.bird for host in made.hosts} == {None}


def test_with_a_protocol_the_plan_has_no_routes_and_each_host_a_configuration() -> None:
    made = plan(STAR, Options(routing="ospf"))
    assert [host.routes for host in made.hosts] == [()] * 4
    assert all(f"router id {host.loopback};" in (host.bird or "") for host in made.hosts)
    assert from_json(to_json(made)) == made


def test_the_topology_states_the_routing_and_an_option_comes_before_it(own_delays: Plan, tmp_path: Path) -> None:
    assert str(own_delays.routing) == "ospf,hello=2,dead=8,tick=1"
    path = tmp_path / "pair.dsl"
    path.write_text(OWN_DELAYS)
    assert plan(load(path), Options(routing="static")).routing is None
    assert plan(load(path), Options(routing="bgp")).routing is not None


def test_a_text_that_is_no_routing_is_refused() -> None:
    with pytest.raises(PlanError, match="is no routing; did you mean `ospf`"):
        plan(STAR, Options(routing="opsf"))


def test_a_cost_is_the_delay_of_its_direction(own_delays: Plan) -> None:
    first, second = own_delays.circuits[0].ends
    assert (cost_of(first), cost_of(second)) == (300, 65_535)
    assert {cost_of(end) for end in plan(STAR, Options(impaired=False)).ends} == {1}


def test_two_hosts_are_point_to_point_and_more_elect_one(own_delays: Plan) -> None:
    made = plan(STAR, Options(routing="ospf"))
    assert [sorted(end.node for end in segment) for segment in segments(made)] == [["a", "b", "c"], ["c", "d"]]
    words = {host.name: host.bird or "" for host in made.hosts}
    assert words["a"].count("type bcast") == 2
    assert (words["c"].count("type bcast"), words["c"].count("type ptp")) == (2, 2)
    assert "hello 2; dead 8;" in (own_delays.hosts[0].bird or "")


def test_a_session_of_bgp_is_for_each_two_ends_of_a_segment() -> None:
    made = plan(STAR, Options(routing="bgp,hold=9,bfd=50ms"))
    words = {host.name: host.bird or "" for host in made.hosts}
    assert {name: text.count("protocol bgp") for name, text in words.items()} == {"a": 2, "b": 2, "c": 3, "d": 1}
    assert "as 4200000001;" in words["a"]
    assert "hold time 9;\n  keepalive time 3;" in words["a"]
    assert "interval 50000 us;" in words["a"]


def test_the_least_costs_follow_the_delays_or_the_hosts() -> None:
    mesh = load(MESH)
    ospf, bgp = (LeastCosts.in_plan(plan(mesh, Options(routing=name))).of["h1"] for name in ("ospf", "bgp"))
    assert ospf["100.64.0.2"] == (0, 870 + 635)  # by BRA
    assert bgp["100.64.0.2"] == (1, 1810)


@pytest.mark.parametrize("routing", ["ospf", "ospf,hello=1,bfd=100ms", "bgp", "bgp,hold=9,bfd=100ms"])
def test_bird_takes_each_configuration(tmp_path: Path, routing: str) -> None:
    program = shutil.which("bird", path="/usr/sbin:/usr/bin") or pytest.skip("bird is missing (Debian: bird2)")
    for host in plan(STAR, Options(routing=routing)).hosts:
        path = tmp_path / f"{host.name}.cfg"
        path.write_text(host.bird or "")
        done = subprocess.run([program, "-p", "-c", path], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
