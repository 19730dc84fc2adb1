"""`gtsdsl plan` as a user calls it: a topology in, the network that it becomes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema_rs import Draft202012Validator

from gtsdsl.cli import cli
from gtsdsl.data import shipped
from tests.cli.inputs import CLEAN, WARNED, WRONG, gtsdsl

EXAMPLES = sorted(Path(__file__).parents[2].joinpath("examples").rglob("*.dsl"))
MESH = str(Path(__file__).parents[2] / "examples" / "full_mesh.dsl")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["plan", *arguments])


def document(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def pair(tmp_path: Path) -> str:
    path = tmp_path / "pair.dsl"
    path.write_text(CLEAN)
    return str(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--overlay", "flannel"], ""),
        (["--overlay", "geneve", "--overlay-mtu", "1351"], "use --overlay-mtu 1350"),
        (["--overlay", "libnetwork"], "use --overlay-mtu 1350"),
        (["--overlay", "none"], ""),
    ],
)
def test_it_says_where_an_overlays_packets_do_not_fit_the_circuits_that_the_options_make(
    options: list[str], said: str
) -> None:
    result = run(MESH, "--mtu", "AMS-MIL=1400", *options)
    assert result.exit_code == 0
    assert result.stdout == run(MESH, "--mtu", "AMS-MIL=1400").stdout
    if not said:
        assert result.stderr == ""
    else:
        assert result.stderr.startswith("warning: circuit l1 has an MTU of 1400 bytes, and packets of ")
        assert result.stderr.endswith(f"{said}\n")


def test_an_overlay_that_it_cannot_check() -> None:
    done = gtsdsl("plan", MESH, "--overlay", "flannel:vxlam")
    assert (done.returncode, done.stderr) == (2, b"error: flannel has no variant vxlam; did you mean `vxlan`?\n")
    assert b"--overlay-mtu needs --overlay" in gtsdsl("plan", MESH, "--overlay-mtu", "1350").stderr


def test_tables_for_people(pair: str) -> None:
    lines = run(pair, "--ipv4-only").stdout.splitlines()
    assert lines[0] == "testbed Pair, seed 1"
    assert lines[2].split() == ["node", "id", "class", "site", "address", "routes"]
    assert lines[3].split() == ["h1", "h1", "host", "AMS", "100.64.0.1", "100.64.0.2/32", "via", "10.0.0.1"]
    assert lines[-2].split()[:4] == ["circuit", "from", "to", "round"]
    assert lines[-1].split() == [
        "l", "h1-eth0", "10.0.0.0/31", "h2-eth0", "10.0.0.1/31", "36.200", "ms", "measured", "1000", "Mbit/s", "4526",
        "packets", "1500", "bytes",
    ]  # fmt: skip
    both = run(pair).stdout.splitlines()
    assert both[: len(lines)] == lines
    own, nets = "fd74:e102:a04c:ffff", "fd74:e102:a04c:"
    assert [line.split() for line in both[len(lines) :] if line] == [
        ["node", "IPv6", "address", "routes"],
        ["h1", f"{own}::1", f"{own}::2/128", "via", f"{nets}:3"],
        ["h2", f"{own}::2", f"{own}::1/128", "via", f"{nets}:2"],
        ["circuit", "IPv6", "from", "IPv6", "to"],
        ["l", "h1-eth0", f"{nets}:2/127", "h2-eth0", f"{nets}:3/127"],
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("options", [[], ["--ideal"], ["--ipv4-only"]], ids=["plain", "ideal", "ipv4"])
def test_the_json_has_a_published_schema(path: Path, options: list[str]) -> None:
    schema = json.loads(shipped("docs", "schema", "plan-1.schema.json").read_text())
    found = document(str(path), *options)
    validator = Draft202012Validator(schema)
    validator.validate(found)
    assert not validator.is_valid({**found, "surprise": 1})


def test_the_json_has_the_timeline_of_a_scenario(tmp_path: Path) -> None:
    schema = json.loads(shipped("docs", "schema", "plan-1.schema.json").read_text())
    path = tmp_path / "storm.toml"
    path.write_text(
        'end = 9\n[[start]]\nat = 4\nhost = "h1"\ncommand = ["true"]\n[[cut]]\nfrom = "1ms"\nto = 5\nlink = "l8"\n'
    )
    found = document(MESH, "--scenario", str(path))
    Draft202012Validator(schema).validate(found)
    scenario = found.pop("scenario")
    points = [[point[key] for key in ("at_ns", "kind", "subject", "is_end", "text")] for point in scenario["points"]]
    assert points == [
        [1_000_000, "cut", "l8", False, "cut l8"],
        [4_000_000_000, "start", "h1", False, "h1: start true"],
        [5_000_000_000, "cut", "l8", True, "restore l8"],
    ]
    begun, started, undone = (point["event"] for point in scenario["points"])
    assert begun == undone != started
    assert (scenario["file"], scenario["end_ns"], scenario["awaits_commands"]) == ("storm.toml", 9_000_000_000, False)
    assert document(MESH) == found


def test_a_given_round_trip_goes_before_the_file_of_figures_and_that_before_what_is_known(
    pair: str, tmp_path: Path
) -> None:
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"circuits": {"AMS-MIL": 50}}))
    for options, rtt_ms in (
        ([], 36.2), (["--circuits", str(own)], 50), (["--circuits", str(own), "--rtt", "MIL-AMS=40ms"], 40),
    ):  # fmt: skip
        (circuit,) = document(pair, *options)["circuits"]
        assert circuit["rtt_ns"] == rtt_ms * 1e6
        assert [circuit[end]["egress"]["delay_ns"] for end in ("first", "second")] == [rtt_ms * 5e5] * 2


def test_without_impairments() -> None:
    assert {end["egress"] for circuit in document(MESH, "--ideal")["circuits"] for end in (circuit["first"],)} == {None}


def test_a_seed_is_kept_and_decides_the_seeds_of_all(pair: str) -> None:
    first, second = document(pair, "--seed", "1"), document(pair, "--seed", "2")
    assert (first["seed"], second["seed"]) == (1, 2)
    seeds = {
        plan["circuits"][0][end]["egress"]["seed"] for plan in (first, second) for end in ("first", "second")
    }  # fmt: skip
    assert len(seeds) == 4


def test_parameters_are_set() -> None:
    loops = str(Path(MESH).with_name("mesh_of_n.dsl"))
    assert len(document(loops, "--set", "n=7")["circuits"]) == 21


def test_it_is_written_to_a_file_and_is_the_same_each_time(pair: str, tmp_path: Path) -> None:
    outs = [tmp_path / "a.json", tmp_path / "b.json"]
    for out in outs:
        assert run(pair, "--format", "json", "-o", str(out)).stdout == ""
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_a_warning_does_not_stop_it_and_an_error_does(tmp_path: Path) -> None:
    path = tmp_path / "it.dsl"
    path.write_text(WARNED)
    warned = run(str(path))
    assert warned.exit_code == 0
    assert "Atlantis" in warned.stderr
    path.write_text(WRONG)
    wrong = run(str(path))
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "error[GTS" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rtt", "AMS=40ms"], "`AMS=40ms` is not A-B=TIME, as AMS-MIL=40ms"),
        (["--rtt", "AMS-MIL=soon"], "soon"),
        (["--rtt", "AMS-LJU=40ms"], "this topology has no circuit between AMS and LJU"),
        (["--rtt", "AMS-MIL=1ms", "--rtt", "MIL-AMS=2ms"], "`AMS-MIL` is given twice"),
        (["--seed", "-1"], "-1 is not between 0 and 2147483647"),
        (["--switch", "hub"], "`hub` is not one of `ovs`, `bridge`"),
        (["--set", "n"], "n"),
    ],
)
def test_what_is_no_option_is_told(pair: str, arguments: list[str], message: str) -> None:
    result = run(pair, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_round_trip_that_a_links_own_delay_overrules_is_told(pair: str) -> None:
    path = Path(pair)
    path.write_text(path.read_text().replace("link {", 'link { delay = "1ms";', 1))
    result = run(pair, "--rtt", "AMS-MIL=40ms")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "`AMS-MIL` would change nothing: the topology states its own `delay` for l" in result.stderr.replace(
        "\n", " "
    )


def test_a_testbed_without_a_host_has_no_network(tmp_path: Path) -> None:
    path = tmp_path / "none.dsl"
    path.write_text("type Empty {\n}\n")
    result = run(str(path))
    assert result.exit_code == 1
    assert "has no host: there is nothing to run" in result.stderr


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    result = gtsdsl("plan", "no.dsl", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr.startswith(b"error[GTS002]: no such file")
    assert b"Traceback" not in result.stderr


def test_an_mtu_and_a_black_hole_are_of_all_circuits_between_two_sites(pair: str) -> None:
    (circuit,) = document(pair, "--mtu", "mil-ams=9000", "--black-hole", "AMS-MIL")["circuits"]
    assert (circuit["mtu_bytes"], circuit["is_black_hole"]) == (9000, True)
    assert "9000 bytes, black hole" in run(pair, "--mtu", "AMS-MIL=9000", "--black-hole", "AMS-MIL").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mtu", "AMS-MIL"], "`AMS-MIL` is not A-B=BYTES, as AMS-MIL=9000"),
        (["--mtu", "AMS-MIL=67"], "67 is out of range"),
        (["--mtu", "AMS-MIL=1500/9000"], "an MTU belongs to the whole circuit"),
        (["--mtu", "AMS-MIL=9000", "--mtu", "MIL-AMS=1400"], "`AMS-MIL` is given twice"),
        (["--mtu", "AMS-LON=9000"], "no circuit between AMS and LON"),
        (["--mtu", "AMS-MIL=576"], "IPv6 needs 1280: raise it, or use --ipv4-only"),
        (["--black-hole", "AMS-MIL=1"], "`AMS-MIL=1` is not A-B, as AMS-MIL"),
        (["--black-hole", "AMS"], "`AMS` is not A-B, as AMS-MIL"),
    ],
)
def test_a_wrong_mtu_or_black_hole_is_told(pair: str, arguments: list[str], message: str) -> None:
    result = run(pair, *arguments)
    assert result.exit_code != 0
    assert message in result.stderr


def test_an_mtu_that_a_links_own_overrules_is_told(pair: str) -> None:
    Path(pair).write_text(Path(pair).read_text().replace('id = "l"', 'id = "l"; mtu = 1400', 1))
    result = run(pair, "--mtu", "AMS-MIL=9000")
    assert "would change nothing: the topology states its own `mtu`" in result.stderr
