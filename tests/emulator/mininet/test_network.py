"""A network that runs: hosts that reach each other by name, Mininet's API, switches, and nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import reduce
from pathlib import Path

import pytest
from mininet.term import makeTerms

from emulator.lab.lab import Lab
from emulator.lab.reaper import inhabitants
from emulator.lab.underlay import require_netem
from emulator.measure.echo import FRAME_BYTES
from emulator.measure.probe import expected_ns, probe, to_json
from emulator.mininet.network import EmulatedNetwork
from emulator.netlink import namespaces
from emulator.plan import Options, plan
from emulator.system.errors import EmulationError
from tests.emulator import scenarios
from tests.emulator.play import command_of
from tests.emulator.topologies import joined, mesh, ring
from tests.emulator.users import as_user

pytestmark = pytest.mark.networks
_IDEAL = Options(impaired=False)
_BRIDGES = Options(impaired=False, switch="bridge")


@pytest.fixture
def trio() -> Iterator[EmulatedNetwork]:
    """Hosts a, b and c in a line."""
    with EmulatedNetwork(plan(joined([("a", "b"), ("b", "c")]), _IDEAL)) as network:
        yield network


def test_hosts_reach_each_other_by_name_also_over_others(trio: EmulatedNetwork) -> None:
    a = trio.get("a")
    assert " 0% packet loss" in a.cmd("ping -c 1 -W 2 b")
    assert " 0% packet loss" in a.cmd("ping -c 1 -W 2 c")
    assert trio.pingAll() == 0


def test_a_host_is_found_by_its_id_too() -> None:
    with EmulatedNetwork(plan(joined([("webserver01", "web-2")]), _IDEAL)) as network:
        assert network["webserver01"] is network["webserve01"]
        assert " 0% packet loss" in network["webserver01"].cmd("ping -c 1 -W 2 web-2")
        assert " 0% packet loss" in network["web-2"].cmd("ping -c 1 -W 2 webserver01")


def test_a_host_speaks_from_its_own_address(trio: EmulatedNetwork) -> None:
    a, c = trio["a"], trio["c"]
    assert a.IP() == "100.64.0.1"
    assert a.IP("a-eth0") == "10.0.0.0"
    assert f"from c ({c.IP()})" in a.cmd("ping -c 1 c")
    assert f"src {a.IP()}" in a.cmd(f"ip -color=never route get {c.IP()}")


def test_the_machines_own_hosts_file_stays_as_it_is(trio: EmulatedNetwork) -> None:
    before = Path("/etc/hosts").read_text()
    assert trio["a"].cmd("cat /etc/hosts").split()[:2] == ["127.0.0.1", "localhost"]
    assert "100.64.0.3 c" in trio["a"].cmd("cat /etc/hosts")
    trio["a"].cmd("echo 1.2.3.4 other >> /etc/hosts")
    assert Path("/etc/hosts").read_text() == before


def test_a_shell_starts_when_it_is_first_asked_for(trio: EmulatedNetwork) -> None:
    assert not any(host.has_shell for host in trio.hosts)
    assert "pid=None" in repr(trio["a"])
    assert trio["a"].cmd("echo hello").strip() == "hello"
    assert [host.has_shell for host in trio.hosts] == [True, False, False]


def test_a_network_of_a_process_that_has_many_files_open() -> None:
    with ExitStack() as held:
        namespaces.allow_descriptors(1100)  # select(2) takes none from 1,024 on
        for _ in range(1100):
            held.enter_context(Path(os.devnull).open())
        with EmulatedNetwork(plan(joined([("a", "b")]), _IDEAL)) as network:
            assert probe(network.lab, count=1).circuits[0].lost == 0
            assert " 0% packet loss" in network["a"].cmd("ping -c 1 -W 2 b")


def test_each_host_has_its_own_interfaces(trio: EmulatedNetwork) -> None:
    assert trio["b"].cmd("ls /sys/class/net").split() == ["b-eth0", "b-eth1", "lo"]
    assert trio["b"].intfNames() == ["b-eth0", "b-eth1"]
    assert [(str(left), str(right)) for left, right in trio["a"].connectionsTo(trio["b"])] == [("a-eth0", "b-eth0")]


def test_commands_in_the_manner_of_mininet(trio: EmulatedNetwork) -> None:
    a = trio["a"]
    assert a.pexec("sh", "-c", "echo out; echo err >&2; exit 3") == ("out\n", "err\n", 3)
    process = a.popen("sleep 1000")
    process.terminate()
    assert process.wait() == -15
    a.sendCmd("echo begun; sleep 1000")
    while "begun" not in a.monitor():
        pass
    time.sleep(0.2)  # until the shell has started it: a Ctrl-C before that is the shell's own
    a.sendInt()
    a.waitOutput()
    a.cmd("sleep 1000 &")
    assert Path(f"/proc/{a.lastPid}/ns/net").readlink() == Path(f"/proc/{a.pid}/ns/net").readlink()
    assert a.cmd("mnexec -p true") == ""
    a.cmd("kill %1")


def test_killall_ends_processes_of_its_own_host_only(trio: EmulatedNetwork) -> None:
    processes = [trio[name].popen("sleep 1000") for name in "ab"]
    trio["a"].cmd("killall -9 sleep")
    assert processes[0].wait(timeout=10) == -9
    assert processes[1].poll() is None


def test_links_go_down_and_up(trio: EmulatedNetwork) -> None:
    trio.configLinkStatus("a", "b", "down")
    assert not trio["a"].intfIsUp()
    assert " 0% packet loss" not in trio["a"].cmd("ping -c 1 -W 1 b")
    trio.configLinkStatus("a", "b", "up")
    assert trio["a"].intfIsUp()
    assert trio.pingAll() == 0


def test_addresses_change(trio: EmulatedNetwork) -> None:
    trio["a"].setIP("192.168.5.1", 24)
    trio["b"].setIP("192.168.5.2", 24, intf="b-eth0")
    assert " 0% packet loss" in trio["a"].cmd("ping -c 1 -W 2 192.168.5.2")
    trio["a"].setMAC("02:00:00:00:aa:01")
    assert trio["a"].intf().updateMAC() == "02:00:00:00:aa:01"
    with pytest.raises(EmulationError, match="a-eth0: 'nonsense/24' is no address"):
        trio["a"].setIP("nonsense", 24)


def test_hosts_and_links_are_added_to_a_running_network(trio: EmulatedNetwork) -> None:
    extra = trio.addHost("extra")
    trio.addLink("extra", "a", params1={"ip": "10.99.0.1/24"}, params2={"ip": "10.99.0.2/24"})
    assert " 0% packet loss" in extra.cmd("ping -c 1 -W 2 10.99.0.2")
    with pytest.raises(EmulationError, match="there is a node 'a' already"):
        trio.addHost("a")
    trio.delLink(trio.links[-1])
    assert trio["a"].intfNames() == ["a-eth0"]


def test_private_folders_are_a_hosts_own(trio: EmulatedNetwork, tmp_path: Path) -> None:
    host = trio.addHost("extra", privateDirs=[str(tmp_path)])
    host.cmd(f"touch {tmp_path}/mine")
    assert list(tmp_path.iterdir()) == []


def test_iperf(trio: EmulatedNetwork) -> None:
    server, client = trio.iperf((trio["a"], trio["c"]), seconds=1)
    assert server.endswith("bits/sec")
    assert client.endswith("bits/sec")


def test_bridges_forward() -> None:
    edges = [("a", "s1"), ("b", "s2"), ("s1", "s2"), ("c", "s2")]
    with EmulatedNetwork(plan(joined(edges, ("s1", "s2")), _BRIDGES)) as network:
        assert network.pingAll() == 0
        with pytest.raises(EmulationError, match="s1 is a Linux bridge, which has no flows"):
            network["s1"].dpctl("dump-flows")


def test_open_vswitch_forwards_and_a_loop_is_no_storm() -> None:
    edges = [("a", "s1"), ("b", "s2"), ("s1", "s2"), ("s2", "s3"), ("s3", "s1")]
    made = plan(joined(edges, ("s1", "s2", "s3")), _IDEAL)
    try:
        with EmulatedNetwork(made) as network:
            assert network.pingAll() == 0
            before = _received(network)
            network["a"].cmd("ping -c 1 -b 10.0.0.255; sleep 1")
            # a frame that went round would be here by the thousand
            assert _received(network) - before < 500
            assert "Bridge s1" in network["s1"].cmd("ovs-vsctl show")
            assert "actions=NORMAL" in network["s1"].dpctl("dump-flows")
            with pytest.raises(EmulationError, match="ovs-ofctl failed"):
                network["s1"].dpctl("nonsense")
    except EmulationError as error:
        if "apt-get install" in str(error) or "/dev/net/tun" in str(error):
            pytest.skip(str(error))
        raise


def _received(network: EmulatedNetwork) -> int:
    text = network["s1"].cmd("cat /proc/net/dev")
    return sum(int(line.split()[2]) for line in text.splitlines() if "s1-eth" in line)


def test_two_networks_with_the_same_addresses_do_not_meet() -> None:
    made = plan(joined([("a", "b")]), _IDEAL)
    with EmulatedNetwork(made) as first, EmulatedNetwork(made) as second:
        first.configLinkStatus("a", "b", "down")
        assert second.pingAll() == 0
        assert first["a"].cmd("cat /proc/sys/kernel/random/boot_id") == second["a"].cmd(
            "cat /proc/sys/kernel/random/boot_id"
        )


def test_mininets_own_shell_runs_on_it(trio: EmulatedNetwork, tmp_path: Path) -> None:
    from mininet.cli import CLI

    script = tmp_path / "commands"
    # it puts a host's address in the place of its name
    script.write_text(f"nodes\nnet\npingall\na ping -c 1 c > {tmp_path}/seen\nlink a b down\nlink a b up\n")
    with Path(os.devnull).open() as nothing:
        CLI(trio, stdin=nothing, script=str(script))
    assert f"from {trio['c'].IP()}: icmp_seq=1 ttl=63" in (tmp_path / "seen").read_text()


def test_every_end_answers_in_a_mesh() -> None:
    with Lab(plan(mesh(8), _IDEAL)) as lab:
        result = probe(lab, count=1, warm_up=0)
    assert [circuit.lost for circuit in result.circuits] == [0] * 28


def test_every_end_answers_where_neighbours_are_told() -> None:
    with Lab(plan(ring(300), _IDEAL)) as lab:
        assert all(circuit.lost == 0 for circuit in probe(lab, count=1, warm_up=0).circuits)


def test_a_probe_goes_over_its_circuit_and_no_other() -> None:
    with EmulatedNetwork(
        plan(joined([("a", "b"), ("a", "b"), ("a", "s1"), ("s1", "b")], ("s1",)), _BRIDGES)
    ) as network:
        network["a"].intf("a-eth1").ifconfig("down")
        seen = probe(network.lab, count=2, warm_up=1)
        found = [(circuit.by, circuit.lost) for circuit in seen.circuits]
        assert found == [("icmp", 0), ("icmp", 2), ("frame", 0), ("frame", 0)]
        document = json.loads(to_json(seen))
    assert document["version"] == 1
    assert document["frame_bytes"] == FRAME_BYTES


def test_a_circuit_that_somebody_has_removed_or_set_down_gives_no_reply() -> None:
    edges = [("a", "b"), ("a", "c"), ("c", "s1"), ("d", "s1"), ("e", "s1")]
    with EmulatedNetwork(plan(joined(edges, ("s1",)), _BRIDGES)) as network:
        network["a"].cmd("ip link del a-eth0")
        network["c"].cmd("ip addr flush dev c-eth0")
        network["c"].cmd("ip link set c-eth1 down")
        network["s1"].cmd("ip link set s1-eth2 down")
        found = probe(network.lab, count=1, warm_up=0)
    assert [circuit.lost for circuit in found.circuits] == [1, 1, 1, 1, 0]
    assert found.circuits[0].measured_us is None


def test_what_a_probe_expects() -> None:
    (circuit,) = plan(joined([("a", "b", "18ms")])).circuits
    assert expected_ns(circuit) == 2 * (18_000_000 + FRAME_BYTES * 8)


def test_impairments_are_measured_or_refused_before_anything_is_made() -> None:
    made = plan(joined([("a", "b", "5ms")]))
    if _has_netem():
        with EmulatedNetwork(made) as network:
            (seen,) = probe(network.lab).circuits
        assert seen.measured_us is not None
        assert seen.measured_us >= seen.expected_us
    else:
        with pytest.raises(EmulationError, match="no netem") as caught, EmulatedNetwork(made) as network:
            pass
        assert caught.value.exit_status == 3


def _has_netem() -> bool:
    try:
        require_netem()
    except EmulationError:
        return False
    return True


@pytest.mark.parametrize("step", ["stopXterms", "captures.close", "lab.processes.close", "lab.underlay.close"])
def test_nothing_is_left_when_its_end_is_interrupted(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = EmulatedNetwork(plan(joined([("a", "b")]), _IDEAL))
    network.start()
    network["a"].cmd("sleep 1000 &")
    numbers = {os.fstat(network.lab.namespace(host)).st_ino for host in network.lab.hosts}
    *way, name = step.split(".")
    owner = reduce(getattr, way, network)
    end = getattr(owner, name)

    def interrupted() -> None:
        end()
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        network.stop()
    assert not inhabitants(numbers)
    assert not network.lab.hosts
    assert not network.lab.processes.folder.exists()


def test_nothing_is_left_after_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), EmulatedNetwork(plan(mesh(3), _IDEAL)) as network:  # noqa: PT012
        found = {os.fstat(network.lab.namespace(host)).st_ino for host in network.lab.hosts}
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
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=100)
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
            with EmulatedNetwork(plan(joined([("h1", "h2")]), _IDEAL)) as network:
                found = {os.fstat(network.lab.namespace("h1")).st_ino}
                network.terms += makeTerms([network["h1"]], term="xterm")  # as the shell does
                deadline_s = time.monotonic() + 60
                while "xterm" not in {_name_of(pid) for pid in inhabitants(found)} and time.monotonic() < deadline_s:
                    time.sleep(0.02)
                assert "xterm" in {_name_of(pid) for pid in inhabitants(found)}
            assert not inhabitants(found)
        finally:
            screen.kill()


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except FileNotFoundError:  # it has ended
        return ""


def test_a_link_that_was_removed_is_a_circuit_of_the_lab_no_more(trio: EmulatedNetwork, tmp_path: Path) -> None:
    added = trio.addLink("a", "c")
    assert trio.lab.circuit(added.id).id == added.id
    trio.delLink(added)
    with pytest.raises(EmulationError, match=f"there is no link {added.id}"):
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
