"""Hosts at switches in a guest: a switch adds nothing to its circuits' delays, and obeys the topology's controller."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.emulator.samples import MESH, Cli

pytestmark = pytest.mark.usefixtures("guest_kernel")
_RING = MESH.with_name("openflow_ofx.dsl")


def star(folder: Path, hosts: int) -> Path:
    """Hosts ``h1`` … at one switch ``s1``, each 1 ms from it."""
    ports = "\n".join(f'port {{ id = "p{number}" }}' for number in range(1, hosts + 1))
    spokes = "\n".join(
        f'host {{ id = "h{number}"; port {{ id = "p" }} }}\n'
        f'link {{ id = "l{number}"; delay = "1ms"; port {{ id = "src" }}; port {{ id = "dst" }} }}\n'
        f"adjacency h{number}.p, l{number}.src\nadjacency s1.p{number}, l{number}.dst"
        for number in range(1, hosts + 1)
    )
    path = folder / "star.dsl"
    path.write_text(f'Star {{ id = "Star"\nvsi {{ id = "s1"\n{ports}\n}}\n{spokes}\n}}\n')
    return path


def test_a_switch_of_a_hundred_ports_adds_nothing_to_a_round_trip(gtsdsl: Cli, tmp_path: Path) -> None:
    done = gtsdsl("emulate", str(star(tmp_path, 100)), "--exec", "h1: ping -c 1 h2 > /dev/null; ping -q -c 4 h2")
    assert done.returncode == 0, done.stderr
    assert re.search(r"= 4\.00\d/4\.00\d/4\.0[01]\d/", done.stdout), done.stdout


def test_a_bridge_of_a_hundred_ports_forwards_the_first_frame(gtsdsl: Cli, tmp_path: Path) -> None:
    done = gtsdsl("emulate", str(star(tmp_path, 100)), "--switch", "bridge", "--exec", "h1: ping -q -c 1 h2")
    assert done.returncode == 0, done.stderr
    assert re.search(r"= 12\.0\d\d/", done.stdout), done.stdout  # with ARP's two round trips


@pytest.mark.parametrize("switch", ["ovs", "bridge"])
def test_a_switch_stops_and_starts_again(gtsdsl: Cli, tmp_path: Path, switch: str) -> None:
    lines = ["switch s1 stop", "h1 ping -q -c 1 -W 1 h2", "switch s1 start", "h1 ping -q -c 1 -W 2 h2"]
    (tmp_path / "lines").write_text("\n".join(lines) + "\n")
    done = gtsdsl(
        "emulate", str(star(tmp_path, 3)), "--switch", switch, prefix=["sh", "-c", 'exec "$@" < ../lines', "sh"]
    )
    assert re.findall(r"[\d.]+% packet loss", done.stdout) == ["100% packet loss", "0% packet loss"], done.stdout


def test_a_script_is_told_that_switches_and_controllers_are_the_topologys(gtsdsl: Cli, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    for line, message in (("addSwitch('s9')", "s9: a running network"), ("addController()", "c0: a controller is")):
        script.write_text(f"net.{line}\n")
        done = gtsdsl("emulate", str(star(tmp_path, 3)), "--script", str(script))
        assert message in done.stderr


def test_iperf_ends_and_two_runs_are_the_same_to_the_byte(gtsdsl: Cli, tmp_path: Path) -> None:
    for run in ("one", "two"):
        done = gtsdsl(
            "emulate", str(_RING), "--capture", f"trunk12={tmp_path / run}.pcap",
            "--exec", "h5: iperf -s > /dev/null &", "--exec", "h1: sleep 1; iperf -t 0.2 -f m -c h5",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        (tmp_path / run).write_text(done.stdout)
    found = re.search(r"([\d.]+) Mbits/sec", (tmp_path / "one").read_text())
    assert found
    assert float(found[1]) > 50  # it has only begun
    assert (tmp_path / "one").read_text() == (tmp_path / "two").read_text()
    assert (tmp_path / "one.pcap").read_bytes() == (tmp_path / "two.pcap").read_bytes()


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_the_kernel_forwards_in_each_clock(gtsdsl: Cli, tmp_path: Path, clock: str) -> None:
    done = gtsdsl(
        "emulate", str(star(tmp_path, 3)), "--clock", clock,
        "--exec", "h1: ping -q -c 2 h2", "--exec", "h1: ovs-vsctl get bridge s1 datapath_type",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0% packet loss" in done.stdout
    assert done.stdout.splitlines()[-1] == "system"


@pytest.mark.skipif(shutil.which("ovs-testcontroller") is None, reason="there is no controller")
@pytest.mark.parametrize("topology", ["openflow_ofx.dsl", "openflow_vsi.dsl"])
def test_switches_obey_the_controller_of_their_topology(gtsdsl: Cli, topology: str) -> None:
    done = gtsdsl(
        "emulate", str(MESH.with_name(topology)),
        "--exec", "controller: ovs-testcontroller ptcp:6633 2> /dev/null & sleep 5",
        "--exec", "h1: ping -q -c 4 h5",
        "--exec", "h1: ovs-vsctl --bare --columns=is_connected list controller | uniq -c",
        "--exec", "h1: ovs-ofctl dump-flows s1",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0% packet loss" in done.stdout
    assert re.search(r"^ +\d+ true$", done.stdout, re.M)
    assert "false" not in done.stdout
    assert "actions=CONTROLLER" in done.stdout
    assert "NORMAL" not in done.stdout
