"""`gtsdsl cpu`: the cost tables, their figures and sources, and what follows from them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from emulator.cpu.shipped import NONE, tables
from emulator.overlays.catalog import stages_by_way
from gtsdsl.cli import cli
from tests.cli.inputs import gtsdsl

ROOT = Path(__file__).parents[2]
EXAMPLE = str(ROOT / "examples" / "cost_table.toml")
WITHOUT_SOURCE = "[stages.socket]\npacket_ns = 1000\n"


def run(*arguments: str, **more: Any) -> Result:
    return CliRunner().invoke(cli, ["cpu", *arguments], **more)


def document(*arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert found["version"] == 1
    return dict(found)


def line(text: str, start: str) -> str:
    return next(it for it in text.splitlines() if it.startswith(start))


def test_each_table_of_the_folder_is_listed_with_its_description() -> None:
    said = run("tables").output
    listed = document("tables")["tables"]
    assert [it["name"] for it in listed] == [NONE, *tables()]
    for entry in listed:
        assert entry["description"]
        assert entry["description"] in line(said, f"{entry['name']} ")


def test_the_page_lists_each_table_of_the_folder() -> None:
    page = (ROOT / "docs" / "cpu.md").read_text(encoding="utf-8")
    listed = re.findall(
        r"^\| \[?`([\w-]+)`(?:\]\(\S+\))? \|", page.partition("| table |")[2].partition("\n\n")[0], re.M
    )
    assert sorted(listed) == sorted([NONE, *tables()])


def test_the_list_names_the_stages_that_a_table_lacks_as_show_does() -> None:
    for entry in document("tables")["tables"][1:]:
        ways = document("show", entry["name"])["ways"]
        assert entry["lacks"] == sorted({stage for way in ways for stage in way["lacks"]})


def test_the_figures_of_a_host_follow_from_its_share() -> None:
    found = document("show", EXAMPLE, "--cpus", "0.5")
    assert (found["cpus"], found["queues"], found["cores"]) == (0.5, 1, 2)
    assert [way["packets"] for way in found["ways"]] == [*stages_by_way()]
    vxlan = next(way for way in found["ways"] if way["packets"] == "flannel:vxlan")
    # nic, veth, bridge, forward: 1 µs each; socket 9 µs; vxlan 7 µs and 0.1 ns a byte; all of it twice
    assert (vxlan["packet_ns"], vxlan["byte_ns"]) == (40_000, 0.2)
    assert vxlan["service_ns"] == {"1500": pytest.approx(40_300), "64": pytest.approx(40_012.8)}
    assert vxlan["most_pps"] == pytest.approx(1e9 / 40_300)
    assert vxlan["most_bps"] == pytest.approx(1e9 / 40_300 * 1500 * 8)


def test_the_table_of_text_has_the_same_figures() -> None:
    said = run("show", EXAMPLE, "--cpus", "0.5").output
    assert line(said, "0.5 of 2 cores, 1 queue, 1,000 packets wait")
    assert line(said, "vxlan  ").split() == ["vxlan", "7,000", "ns", "0.1", "ns"]
    assert line(said, "flannel:vxlan").split() == "flannel:vxlan 40.3 µs 40.01 µs 24,814 /s 297.77 Mbit/s".split()
    assert line(said, "geneve:mesh").split() == ["geneve:mesh", "lacks", "geneve"]
    assert line(said, "weave:fastdp, encrypted").endswith("lacks openvswitch, ipsec")
    assert line(said, "vxlan: ") == "vxlan: a round figure"


def test_without_offload_a_stage_has_its_other_cost() -> None:
    socket = {offload: document("show", EXAMPLE, "--offload", offload)["ways"][0] for offload in ("on", "off")}
    assert (socket["on"]["byte_ns"], socket["off"]["byte_ns"]) == (0, 0.1)
    said = run("show", EXAMPLE, "--offload", "off").output
    assert line(said, "socket  ").split() == ["socket", "9,000", "ns", "0.1", "ns"]


def test_packets_that_cost_nothing_have_no_limit(tmp_path: Path) -> None:
    path = tmp_path / "free.toml"
    path.write_text('[stages.forward]\npacket_ns = 0\nsource = "a test"\n')
    assert line(run("show", str(path)).output, "forwarding").split() == "forwarding 0 µs 0 µs no limit".split()
    way = next(it for it in document("show", str(path))["ways"] if it["packets"] == "forwarding")
    assert (way["most_pps"], way["most_bps"]) == (None, None)


def test_no_model_costs_nothing() -> None:
    assert run("show", NONE).output == "none: packets cost nothing\n"
    assert document("show", NONE) == {"version": 1, "table": NONE, "description": "packets cost nothing"}


def test_a_table_may_come_from_standard_input() -> None:
    done = run("show", "-", input=WITHOUT_SOURCE + 'source = "a test"\n')
    assert line(done.output, "a host itself").split()[:3] == ["a", "host", "itself"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "stduy-2016"], "unknown cost table stduy-2016; did you mean `study-2016`?"),
        (["show", EXAMPLE, "--cpus", "0"], "has 0.01 to 2 processors, not 0\n"),
        (["show", EXAMPLE, "--cpus", "2.5"], "has 0.01 to 2 processors, not 2.5\n"),
        (["show", EXAMPLE, "--cpus", "nan"], "has 0.01 to 2 processors, not nan\n"),
        (["show", EXAMPLE, "--cpus", "h1=1"], "--cpus: `h1=1` is not a valid float"),
        (["show", EXAMPLE, "--offload", "of"], "did you mean `off`?"),
        (["show"], "missing argument NAME|FILE"),
        (["shw"], "unknown command `shw`"),
    ],
)
def test_bad_input_gets_one_message(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.output


def test_a_file_that_is_no_table_is_refused_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "table.toml"
    path.write_text(WITHOUT_SOURCE)
    done = gtsdsl("cpu", "show", str(path))
    assert done.returncode == 1
    assert b"error[GTS060]: `source` is missing" in done.stderr
    assert gtsdsl("cpu", "show", str(tmp_path / "missing.toml")).returncode == 1


def test_hostile_text_in_a_table_is_shown_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('description = "a\\n::error::\\u001b[31m"\n' + WITHOUT_SOURCE + 'source = """b\nc \\u202e"""\n')
    said = run("show", str(path)).output
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "\n::error" not in said
    assert line(said, "socket: ").startswith("socket: b c ")
