"""The Mininet script, imported and built by Mininet itself (no root: a topology is not yet a network)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from emulator.plan import Route, plan
from gtsdsl.model.shapes import build
from gtsdsl.model.testbed import Port, Resource, Testbed
from gtsdsl.model.values import Value
from gtsdsl.targets import compile_to, mininet
from gtsdsl.topology.model import Topology
from tests.hostile import hostile_testbed
from tests.modules import load
from tests.targets.golden import matches
from tests.targets.samples import host, link, pair, triangle, wired

pytest.importorskip("mininet.net", reason="needs Mininet, which PyPI has for Python 3.11: pip install gtsdsl[test]")


def _imported(testbed: Testbed, folder: Path) -> ModuleType:
    path = folder / "script.py"
    path.write_bytes(compile_to(testbed, "mininet").encode())
    return load(path)


def _data(testbed: Testbed) -> dict[str, object]:
    """Return the constants of the script, without running it."""
    tree = ast.parse(compile_to(testbed, "mininet"))
    return {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)
    }


def _program(testbed: Testbed) -> str:
    """Return the script without its constants."""
    tree = ast.parse(compile_to(testbed, "mininet"))
    return "\n".join(ast.unparse(node) for node in tree.body if not isinstance(node, ast.Assign))


TESTBEDS = [pair(), triangle(), hostile_testbed(), Testbed("Empty", "Empty")]


@pytest.mark.parametrize("testbed", TESTBEDS, ids=lambda testbed: testbed.type)
def test_mininet_builds_the_testbeds_hosts_switches_and_links(testbed: Testbed, tmp_path: Path) -> None:
    script = _imported(testbed, tmp_path)
    topology = script.TestbedTopo()
    ids = {node["name"]: node["id"] for node in script.HOSTS + script.SWITCHES}
    by_id = Topology.of(testbed).nodes
    assert set(ids.values()) == set(by_id)
    assert {ids[name] for name in topology.switches()} == {n.id for n in by_id.values() if n.cls in ("ofx", "vsi")}
    joined = [(ids[first], ids[second]) for first, second in topology.links()]
    assert sorted(joined) == sorted((wire.first.resource, wire.second.resource) for wire in Topology.of(testbed).wires)
    assert [item["id"] for item in script.LINKS] == [wire.link.id for wire in Topology.of(testbed).wires]
    assert testbed.id == script.TESTBED


@pytest.mark.parametrize("testbed", TESTBEDS, ids=lambda testbed: testbed.type)
def test_every_interface_name_fits_the_kernel_and_is_unique(testbed: Testbed, tmp_path: Path) -> None:
    topology = _imported(testbed, tmp_path).TestbedTopo()
    names = [
        f"{link_['node' + end]}-eth{link_['port' + end]}"
        for _, _, link_ in topology.links(withInfo=True)
        for end in "12"
    ]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*-eth[0-9]+", name) and len(name) <= 15 for name in names)


@pytest.mark.parametrize("testbed", TESTBEDS, ids=lambda testbed: testbed.type)
def test_the_input_is_data_and_the_program_is_always_the_same(testbed: Testbed) -> None:
    assert list(_data(testbed)) == ["TESTBED", "PARAMETERS", "PARAMETERS_IPV6", "HOSTS", "SWITCHES", "LINKS"]
    assert _program(testbed) == _program(pair())
    assert re.fullmatch(r"[\n -~]+", compile_to(testbed, "mininet"))


_CODE = [
    "'+open('ran','w').write('')+'",
    '"+open("ran","w").write("")+"',
    "{open('ran','w')}",
    "\\'+open('ran','w').write('')+\\'",
    "'''\nopen('ran','w')\n'''",
    "# DATA\nopen('ran','w')",
    "\nopen('ran', 'w')\n",
    "$(touch ran)",
    ";touch ran;",
]


@pytest.mark.parametrize("arguments", [["--help"], ["-c"]])
def test_neither_help_nor_import_runs_what_is_in_an_id(arguments: list[str], tmp_path: Path) -> None:
    hosts = [host(text, text, "p", imageId=text) for text in _CODE]
    links = [(link(f"{text}~"), f"{text}.p", f"last.{index}") for index, text in enumerate(_CODE)]
    last = host("last", None, *map(str, range(len(_CODE))))
    testbed = wired([*hosts, last], links, id=_CODE[0], description=_CODE[1])
    script = tmp_path / "script.py"
    script.write_bytes(compile_to(testbed, "mininet").encode())
    if arguments == ["-c"]:
        command = [sys.executable, "-c", "import script; script.TestbedTopo(); print(script.hosts_table())"]
    else:
        command = [sys.executable, str(script), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    assert {path.name for path in tmp_path.iterdir()} <= {"script.py", "__pycache__"}
    if arguments == ["--help"]:
        assert "Example: sudo python3" in done.stdout


def test_a_link_has_half_of_the_round_trip_on_each_interface(tmp_path: Path) -> None:
    script = _imported(pair(jitter="2ms", loss="0.5%", bandwidth=100), tmp_path)
    ((first, second, options),) = script.TestbedTopo().links(withInfo=True)
    assert (first, second) == ("h1", "h2")
    way = {"delay": "18100us", "jitter": "2000us", "loss": 0.5, "bw": 100, "max_queue_size": 470}
    assert options == {
        "node1": "h1",
        "node2": "h2",
        "port1": 0,
        "port2": 0,
        "cls": script.CircuitLink,
        "params1": {**way, "ip": "10.0.0.0/31"},
        "params2": {**way, "ip": "10.0.0.1/31"},
    }


def test_each_interface_has_its_own_direction(tmp_path: Path) -> None:
    script = _imported(pair(delay="18ms/20ms", loss="0%/1%", bandwidth="100/20"), tmp_path)
    ((_, _, options),) = script.TestbedTopo().links(withInfo=True)
    there, back = options["params1"], options["params2"]
    assert (there["delay"], there["bw"], there.get("loss")) == ("18000us", 100, None)
    assert (back["delay"], back["bw"], back.get("loss")) == ("20000us", 20, 1)


def test_mininet_makes_the_tc_commands_that_are_meant(tmp_path: Path) -> None:
    script = _imported(pair(jitter="2ms", bandwidth=2500), tmp_path)
    ((_, _, link),) = script.TestbedTopo().links(withInfo=True)
    options = link["params1"]
    interface = object.__new__(script.CircuitIntf)
    rate, parent = interface.bwCmds(bw=options["bw"])
    assert "rate 2500.000000Mbit" in rate[1]
    ((netem,), _) = interface.delayCmds(
        parent, delay=options["delay"], jitter=options["jitter"], max_queue_size=options["max_queue_size"]
    )
    assert netem.split("netem ")[1] == "delay 18100us 2000us limit 11730"


def test_switches_of_a_triangle(tmp_path: Path) -> None:
    script = _imported(triangle(), tmp_path)
    names = {node["id"]: node["name"] for node in script.SWITCHES}
    assert names == {"fabric": "s2", "s1": "s1", "s9": "s9"}
    by_id = {node["id"]: node for node in script.SWITCHES}
    assert by_id["fabric"]["controllers"] == [("192.168.7.1", 6633)]
    assert not by_id["fabric"]["stp"]
    assert by_id["s1"]["controllers"] == []
    assert by_id["s1"]["stp"]
    assert len({node["dpid"] for node in script.SWITCHES}) == 3


def test_a_switch_obeys_its_own_controllers_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = _imported(triangle(), tmp_path)
    for needs_root in ("startShell", "setup"):
        monkeypatch.setattr(script.TestbedSwitch, needs_root, lambda *_: None)
    started: list[list[str]] = []
    monkeypatch.setattr(
        script.OVSSwitch, "start", lambda _, controllers: started.append([at.name for at in controllers])
    )
    topology = script.TestbedTopo()
    controllers = [SimpleNamespace(name="ctrl1"), SimpleNamespace(name="ctrl2")]
    for name, mode, obeyed in (("s2", "secure", ["ctrl1"]), ("s1", "standalone", [])):
        options = topology.nodeInfo(name)
        switch = options.pop("cls")(name, inNamespace=False, **options)
        switch.start(controllers)
        assert switch.failMode == mode
        assert started.pop() == obeyed


@pytest.mark.parametrize("testbed", [pair(), triangle(), build("ring", ["AMS", "MIL"], 9)], ids=lambda it: it.type)
def test_addresses_and_routes_are_those_of_the_plan(testbed: Testbed) -> None:
    made, data = plan(testbed), _data(testbed)
    numbers = {end.name: end.number for end in made.ends}

    def shown(routes: tuple[Route, ...]) -> list[tuple[str, int, list[str]]]:
        return [(route.gateway, numbers[route.interface], list(route.destinations)) for route in routes]

    assert data["HOSTS"] == [
        {
            "name": host.name,
            "id": host.id,
            "class": host.cls,
            "site": host.site,
            "address": host.loopback,
            "routes": shown(host.routes),
            "address_ipv6": host.ipv6_loopback,
            "routes_ipv6": shown(host.ipv6_routes),
        }
        for host in made.hosts
    ]


def test_a_packet_may_pass_a_long_line_of_hosts() -> None:
    assert _data(pair())["PARAMETERS"] == ["net.ipv4.ip_forward=1"]
    parameters = _data(build("line", ["AMS"], 65))["PARAMETERS"]
    assert parameters == ["net.ipv4.ip_forward=1", "net.ipv4.ip_default_ttl=255"]


def test_a_control_port_has_the_testbeds_own_addresses_and_is_thus_not_switched() -> None:
    links = _data(triangle())["LINKS"]
    assert isinstance(links, list)
    (control,) = (item["ends"] for item in links if item["id"] == "l7")
    assert [end[:3] for end in control] == [("ctrl", 0, "192.168.7.1/24"), ("s2", 4, "192.168.7.2/24")]


def test_a_logical_port_is_the_openflow_port() -> None:
    links = _data(triangle())["LINKS"]
    assert isinstance(links, list)
    ports = {(end[0], end[1]) for item in links for end in item["ends"] if end[0] == "s1"}
    assert ports == {("s1", 7), ("s1", 3), ("s1", 1)}


@pytest.mark.parametrize("name", ["eth0", "docker0", "lo", "br-lan", "wlan0", "ovs-system", "s" * 20])
def test_a_switch_never_takes_the_name_of_an_interface_of_the_machine(name: str) -> None:
    switches = _data(Testbed("T", "T", resources=(Resource("ofx", name, None, {}, (Port("p"),)),)))["SWITCHES"]
    assert isinstance(switches, list)
    assert [switch["name"] for switch in switches] == ["s1"]


@pytest.mark.parametrize("name", ["exit", "py", "sh", "x", "link", "9", "a-b"])
def test_a_host_never_takes_a_name_that_mininets_shell_would_misread(name: str) -> None:
    hosts = _data(wired([host(name, "AMS", "p")], []))["HOSTS"]
    assert isinstance(hosts, list)
    assert hosts[0]["name"] != name


@pytest.mark.parametrize(
    "attributes",
    [
        {"controllerIPv4": "10.1.1"},
        {"controllerIPv4": 10},
        {"controllerIPv4": "10.1.1.1", "controllerPort": "0"},
        {"controllerIPv4": "10.1.1.1", "controllerPort": 65536},
        {"controller": {"ipv4": "$(reboot)"}},
        {"controller": {"ipv4": "10.1.1.1", "port": []}},
    ],
)
@pytest.mark.parametrize("target", ["mininet", "containerlab"])
def test_a_wrong_controller_is_one_sentence(attributes: dict[str, Value], target: str) -> None:
    testbed = Testbed("T", "T", resources=(Resource("vsi", "s1", None, attributes, ()),))
    with pytest.raises(ValueError, match=r"^switch `s1`: .* is not an? (IPv4 address|port number)"):
        compile_to(testbed, target)


def test_a_host_never_takes_the_name_of_a_controller() -> None:
    switch = Resource("vsi", "s1", None, {"controllerIPv4": "10.1.1.1"}, ())
    hosts = _data(wired([switch, host("ctrl1", "AMS", "p"), host("ctrl2", "AMS", "p")], []))["HOSTS"]
    assert isinstance(hosts, list)
    assert [item["name"] for item in hosts] == ["ctrl11", "ctrl2"]


@pytest.mark.parametrize(
    ("attributes", "controllers"),
    [
        ({"controllerIPv4": "10.1.1.1", "controllerPort": 6653}, [("10.1.1.1", 6653)]),
        ({"controllerIPv4": "10.1.1.1"}, [("10.1.1.1", None)]),
        ({"controller": {"ipv4": "10.1.1.1", "port": "6633"}}, [("10.1.1.1", 6633)]),
        ({"controller": [{"ipv4": "10.1.1.1"}, {"ipv4": "10.1.1.2"}]}, [("10.1.1.1", None), ("10.1.1.2", None)]),
        ({}, []),
    ],
)
def test_controllers(attributes: dict[str, Value], controllers: list[tuple[str, int | None]]) -> None:
    switches = _data(Testbed("T", "T", resources=(Resource("vsi", "s1", None, attributes, ()),)))["SWITCHES"]
    assert isinstance(switches, list)
    assert switches[0]["controllers"] == controllers


def test_without_mininet_the_script_says_what_to_install(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(compile_to(pair(), "mininet"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(script), "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Mininet cannot be imported")
    assert done.stderr.count("\n") == 1


def test_golden() -> None:
    matches("triangle.mininet.txt", compile_to(triangle(), "mininet"))


def test_what_mininet_cannot_do_is_said() -> None:
    assert list(mininet.remarks(pair(loss="1%", jitter="1ms"))) == []
    (remark,) = mininet.remarks(pair(loss="gemodel 1% 9%"))
    assert "l1" in remark.message
    others: list[dict[str, Value]] = [{"corrupt": "1%"}, {"duplicate": "1%"}, {"reorder": "1%"}, {"loss": "1% 5%"}]
    assert [len(list(mininet.remarks(pair(**attributes)))) for attributes in others] == [1, 1, 1, 1]
    script = mininet.write(pair(loss="gemodel 1% 9%"))
    assert "'loss_percent': 10" in script


def test_both_interfaces_have_the_mtu_and_drop_in_a_black_hole(tmp_path: Path) -> None:
    script = _imported(pair(mtu=9000, black_hole=True), tmp_path)
    ((_, _, options),) = script.TestbedTopo().links(withInfo=True)
    for way in (options["params1"], options["params2"]):
        mtu, clsact, *filters = (command.format("h1-eth0") for command in way["sizes"])
        assert (mtu, clsact) == ("ip link set dev h1-eth0 mtu 9000", "tc qdisc add dev h1-eth0 clsact")
        assert [line.split(" protocol ")[1] for line in filters] == [
            "ip flower ip_proto icmp type 3 code 4 action drop",
            "ipv6 flower ip_proto icmpv6 type 2 action drop",
        ]
