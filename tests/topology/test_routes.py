"""The search for routes and the routes themselves have bounds, in every command that needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import pytest
from click.testing import CliRunner

from gtsdsl.cli import compile as compiling
from gtsdsl.cli import plan
from gtsdsl.topology import routes
from gtsdsl.topology.routes import Joint, Paths

Edge = tuple[int, int]


def steps(hosts: int, nodes: int, edges: Iterator[Edge], rtt_us: Callable[[int, int], int] = lambda *_: 1000) -> int:
    """Return the steps of the search for the routes of all hosts."""
    joints = []
    for index, (first, second) in enumerate(edges):
        rtt = rtt_us(first, second)
        joints += [Joint(2 * index, first, second, rtt), Joint(2 * index + 1, second, first, rtt)]
    paths = Paths(hosts, nodes, joints)
    for target in range(hosts):
        paths.towards(target)
    return paths.steps


def test_the_page_s_ring_is_within_the_bound() -> None:
    small = steps(100, 100, ((index, (index + 1) % 100) for index in range(100)))
    assert 35_000_000 < small * 16**2 < 37_000_000 < routes.MAX_ROUTING_STEPS


def test_a_full_mesh_costs_a_step_a_circuit_and_host() -> None:
    assert steps(60, 60, combinations(range(60), 2)) < 6 * 60 * 60


def test_ways_that_get_better_again_and_again_count() -> None:
    """A mesh of switches in which each detour is a little quicker than what was found before."""

    def of_switches(count: int) -> int:
        mesh = ((1 + first, 1 + second) for first, second in combinations(range(count), 2))
        return steps(1, 1 + count, iter([(0, 1), *mesh]), lambda one, other: (one - other) ** 2)

    assert of_switches(40) > 40 * 39 * 4
    assert of_switches(80) > 3.5 * of_switches(40)


RING = """
T { id = "t"
  for (i in 0..<9) {
    host { id = "h${i}"; location = "AMS"; port { id = "a" } port { id = "b" } }
    link { id = "l${i}"; port { id = "src" } port { id = "dst" } }
    adjacency "h${i}.a", "l${i}.src"
    adjacency "h${i == 0 ? 8 : i - 1}.b", "l${i}.dst"
  }
}
"""

COMMANDS = (["plan"], ["plan", "--format", "json"], ["compile", "--to", "mininet"], ["compile", "--to", "containerlab"])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("bound", "said"),
    [
        ("MAX_ROUTING_STEPS", "the search for routes between 9 hosts takes more than 20 steps"),
        ("MAX_ROUTES", "the hosts need more than 20 routes"),
    ],
)
def test_beyond_a_bound_is_one_line(
    command: list[str], bound: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ring.dsl"
    path.write_text(RING)
    of_name = {"plan": plan.command, "compile": compiling.command}[command[0]]
    arguments = [*command[1:], str(path)]
    assert CliRunner().invoke(of_name, arguments).exit_code == 0
    monkeypatch.setattr(routes, bound, 20)
    ended = CliRunner().invoke(of_name, arguments)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
