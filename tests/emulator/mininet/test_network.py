"""A network that runs: hosts that reach each other by name, Mininet's API, switches, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack
from functools import reduce
from pathlib import Path

import pytest
from mininet.term import makeTerms

from emulator.lab.reaper import inhabitants
from emulator.measure.probe import probe
from emulator.mininet.network import EmulatedNetwork
from emulator.netlink import namespaces
from emulator.plan import Options, plan
from emulator.system.errors import EmulationError
from tests.emulator import scenarios
from tests.emulator.mininet.programs import held_namespaces, programs
from tests.emulator.play import command_of
from tests.emulator.samples import HANG_S
from tests.emulator.topologies import joined, mesh
from tests.emulator.users import as_user
from tests.emulator.waiting import wait_for

pytestmark = pytest.mark.networks
_IDEAL = Options(impaired=False)
_BRIDGES = Options(impaired=False, switch="bridge")


def test_hosts_reach_each_other_by_name_also_over_others(trio: EmulatedNetwork) -> None:
    a = trio.get("a")
    assert " 0% packet loss" in a.cmd("ping -c 1 -W 30 b")
    assert " 0% packet loss" in a.cmd("ping -c 1 -W 30 c")
    assert trio.pingAll() == 0


def test_a_host_is_found_by_its_id_too() -> None:
    with EmulatedNetwork(plan(joined([("webserver01", "web-2")]), _IDEAL)) as network:
        assert network["webserver01"] is network["webserve01"]
        assert " 0% packet loss" in network["webserver01"].cmd("ping -c 1 -W 30 web-2")
        assert " 0% packet loss" in network["web-2"].cmd("ping -c 1 -W 30 webserver01")


def test_the_machines_own_hosts_file_stays_as_it_is(trio: EmulatedNetwork) -> None:
    before = Path("/etc/hosts").read_text()
    assert trio["a"].cmd("cat /etc/hosts").split()[:2] == ["127.0.0.1", "localhost"]
    assert "100.64.0.3 c" in trio["a"].cmd("cat /etc/hosts")
    trio["a"].cmd("echo 1.2.3.4 other >> /etc/hosts")
    assert Path("/etc/hosts").read_text() == before


def test_a_network_of_a_process_that_has_many_files_open() -> None:
    with ExitStack() as held:
        namespaces.allow_descriptors(1100)  # select(2) takes none from 1,024 on
        for _ in range(1100):
            held.enter_context(Path(os.devnull).open())
        with EmulatedNetwork(plan(joined([("a", "b")]), _IDEAL)) as network:
            assert probe(network.lab, count=1).circuits[0].lost == 0
            assert " 0% packet loss" in network["a"].cmd("ping -c 1 -W 30 b")


def test_hosts_and_links_are_added_to_a_running_network(trio: EmulatedNetwork) -> None:
    extra = trio.addHost("extra")
    trio.addLink("extra", "a", params1={"ip": "10.99.0.1/24"}, params2={"ip": "10.99.0.2/24"})
    assert " 0% packet loss" in extra.cmd("ping -c 1 -W 30 10.99.0.2")
    with pytest.raises(EmulationError, match="there is a node 'a' already"):
        trio.addHost("a")
    trio.delLink(trio.links[-1])
    assert trio["a"].intfNames() == ["a-eth0"]


def test_iperf(trio: EmulatedNetwork) -> None:
    server, client = trio.iperf((trio["a"], trio["c"]), seconds=1)
    assert server.endswith("bits/sec")
    assert client.endswith("bits/sec")


def test_two_networks_with_the_same_addresses_do_not_meet() -> None:
    made = plan(joined([("a", "b")]), _IDEAL)
    with EmulatedNetwork(made) as first, EmulatedNetwork(made) as second:
        first.configLinkStatus("a", "b", "down")
        assert " 0% packet loss" not in first["a"].cmd("ping -c 1 -W 1 b")
        assert second.pingAll() == 0


def test_mininets_own_shell_runs_on_it(trio: EmulatedNetwork, tmp_path: Path) -> None:
    from mininet.cli import CLI

    script = tmp_path / "commands"
    # it puts a host's address in the place of its name
    script.write_text(f"nodes\nnet\npingall\na ping -c 1 c > {tmp_path}/seen\nlink a b down\nlink a b up\n")
    with Path(os.devnull).open() as nothing:
        CLI(trio, stdin=nothing, script=str(script))
    assert f"from {trio['c'].IP()}: icmp_seq=1 ttl=63" in (tmp_path / "seen").read_text()


@pytest.mark.parametrize("step", ["stopXterms", "captures.close", "lab.processes.close", "lab.underlay.close"])
def test_nothing_is_left_when_its_end_is_interrupted(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = EmulatedNetwork(plan(joined([("a", "b")]), _IDEAL))
    network.start()
    network["a"].cmd("sleep 1000 &")
    *way, name = step.split(".")
    owner = reduce(getattr, way, network)
    end = getattr(owner, name)

    def interrupted() -> None:
        end()
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, name, interrupted)
    with held_namespaces(network) as found:
        with pytest.raises(KeyboardInterrupt):
            network.stop()
        assert not inhabitants(found)
    assert not network.lab.hosts
    assert not network.lab.processes.folder.exists()


def test_nothing_is_left_after_an_exception() -> None:
    with ExitStack() as held:
        with pytest.raises(ZeroDivisionError), EmulatedNetwork(plan(mesh(3), _IDEAL)) as network:  # noqa: PT012
            found = held.enter_context(held_namespaces(network))
            network["h1"].cmd("sleep 1000 &")
            network["h2"].cmd("setsid nohup sleep 1000 > /dev/null 2>&1 &")
            assert len(inhabitants(found)) == 4
            folder = network.lab.processes.folder.parent
            assert folder.is_dir()
            1 / 0  # noqa: B018
        assert not inhabitants(found)
    assert not folder.exists()
    assert network.lab.hosts == ()


_USER = 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which root may")
def test_an_ordinary_user_runs_a_network() -> None:
    command = [*as_user(_USER), *command_of(scenarios.run_a_network_as_an_ordinary_user)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=HANG_S)
    if "user namespace" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.stdout.splitlines()[-1:] == ["done"], done.stderr


@pytest.mark.skipif(None in map(shutil.which, ("xterm", "xhost")), reason="xterm or xhost is not installed")
@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed, which stands for a screen")
def test_a_terminal_opens_run_natively_and_ends_with_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    with subprocess.Popen(
        ["Xvfb", "-noreset", "-displayfd", str(theirs)], pass_fds=[theirs], stderr=subprocess.DEVNULL
    ) as screen:
        try:
            os.close(theirs)
            with os.fdopen(ours) as display:  # to the line's end: it gives up if it cannot write all of it
                monkeypatch.setenv("DISPLAY", f":{display.readline().strip()}")
            with ExitStack() as held:
                with EmulatedNetwork(plan(joined([("h1", "h2")]), _IDEAL)) as network:
                    found = held.enter_context(held_namespaces(network))
                    network.terms += makeTerms([network["h1"]], term="xterm")  # as the shell does
                    wait_for(lambda: "xterm" in programs(found))
                assert not inhabitants(found)
        finally:
            screen.kill()


def test_a_link_that_was_removed_is_a_circuit_of_the_lab_no_more(trio: EmulatedNetwork, tmp_path: Path) -> None:
    added = trio.addLink("a", "c")
    assert trio.lab.circuit(added.id).id == added.id
    trio.delLink(added)
    with pytest.raises(EmulationError, match=f"unknown link {added.id}"):
        trio.captures.start(added.id, str(tmp_path / "added.pcap"))


def test_a_lab_finds_hosts_and_switches_by_name() -> None:
    with EmulatedNetwork(plan(joined([("a", "s1"), ("b", "s2"), ("s1", "s2")], ("s1", "s2")), _BRIDGES)) as network:
        lab = network.lab
        assert lab.hosts == ("a", "b")
        assert lab.namespace("s1") == lab.namespace("s2") == lab.switches_namespace
        assert lab.namespace("a") != lab.namespace("b")
        with pytest.raises(KeyError):
            lab.namespace("c")
        with pytest.raises(EmulationError, match="there is a node 's1' already"):
            lab.hold("s1", lab.namespace("a"))
