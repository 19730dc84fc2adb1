"""The real `flanneld` on all hosts, and mixed with the built-in agent, beside the built-in agent on all hosts."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from emulator.agents.model import AgentProgram
from tests.emulator.overlays.flannel import agent_scenarios
from tests.emulator.overlays.flannel.differences import DIFFERENCES, IPV6_DIFFERENCES, differences
from tests.emulator.overlays.guest import TOPOLOGIES, run
from tests.emulator.samples import ROOT, Cli

pytestmark = pytest.mark.usefixtures("guest_kernel", "flanneld")

VARIANTS = {"vxlan": "mesh", "host-gw": "star", "udp": "mesh", "wireguard": "mesh"}
"""A topology for each variant: a `flanneld` needs all hosts in one Ethernet for `host-gw`."""
REAL = ("h1", "h3")
MIXED = ",".join(f"{host}=real" for host in REAL)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that returns everything that is found for a variant with some agents; it runs each once."""

    @cache
    def of(variant: str, agent: str, *arguments: str) -> dict[str, Any]:
        overlay = f"flannel:{variant}"
        folder = tmp_path_factory.mktemp("agents")
        return run(folder, VARIANTS[variant], overlay, agent_scenarios.everything, "--agent", agent, *arguments)

    return of


def expected(variant: str, *, ipv6: bool = False) -> set[tuple[str, str, str]]:
    listed = (*DIFFERENCES, *(IPV6_DIFFERENCES if ipv6 else ()))
    return {(it.where, it.built_in, it.real) for it in listed if variant in it.variants}


@pytest.mark.parametrize("variant", VARIANTS)
def test_real_agents_write_what_the_built_in_ones_write_except_for_the_list(found: Any, variant: str) -> None:
    built_in, real = found(variant, "built-in"), found(variant, "real")
    assert differences(built_in, real, list(real["hosts"])) == expected(variant)


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_kind_of_agent_writes_the_same_beside_the_other_kind(found: Any, variant: str) -> None:
    built_in, mixed = found(variant, "built-in"), found(variant, MIXED)
    assert differences(built_in, mixed, list(REAL)) == expected(variant)
    others = [host for host in mixed["hosts"] if host not in REAL]
    # the built-in agent takes an address in the Ethernet where a `flanneld` has one
    leases = {it for it in expected(variant) if it[0] == "lease: PublicIP"}
    assert differences(built_in, mixed, others) == leases


@pytest.mark.parametrize("variant", ["vxlan", "host-gw", "wireguard"])
def test_both_kinds_of_agents_write_the_same_for_ipv6_except_for_the_list(found: Any, variant: str) -> None:
    built_in, mixed = (found(variant, agent, "--overlay-ipv6") for agent in ("built-in", MIXED))
    assert differences(built_in, mixed, list(REAL)) == expected(variant, ipv6=True)
    others = [host for host in mixed["hosts"] if host not in REAL]
    leases = {it for it in expected(variant, ipv6=True) if it[0].startswith("lease: PublicIP")}
    assert differences(built_in, mixed, others) == leases
    assert all(after_ns is not None for after_ns in mixed["first"])
    for host, state in built_in["hosts"].items():
        number = host.removeprefix("h")
        assert f"FLANNEL_IPV6_SUBNET=fd00:10:244:{number}::1/64" in state["file"]
        assert "FLANNEL_IPV6_NETWORK=fd00:10:244::/56" in state["file"]
        assert ("BackendV6Data" in state["leases"]) is (variant != "host-gw")
    for run_of in (built_in, mixed):
        known = [peer["subnet"] for peer in run_of["peers"]["h1"]]
        numbers = range(2, len(run_of["hosts"]) + 1)
        assert known == [net for it in numbers for net in (f"10.244.{it}.0/24", f"fd00:10:244:{it}::/64")]


@pytest.mark.parametrize("variant", VARIANTS)
def test_two_runs_of_the_built_in_agent_do_not_differ(found: Any, tmp_path: Path, variant: str) -> None:
    built_in = found(variant, "built-in")
    again = run(tmp_path, VARIANTS[variant], f"flannel:{variant}", agent_scenarios.everything, "--agent", "built-in")
    assert differences(built_in, again, list(built_in["hosts"])) == set()
    assert all(state["ports"] for state in built_in["hosts"].values()) is (variant != "host-gw")


@pytest.mark.parametrize("agent", ["real", MIXED])
@pytest.mark.parametrize("variant", VARIANTS)
def test_containers_reach_each_other_in_the_same_round_trip_with_each_agent(
    found: Any, variant: str, agent: str
) -> None:
    built_in, other = found(variant, "built-in"), found(variant, agent)
    assert all(after_ns is not None for after_ns in other["first"])
    assert other["rtt_ms"].keys() == built_in["rtt_ms"].keys()
    for pair, rtt_ms in built_in["rtt_ms"].items():
        assert other["rtt_ms"][pair] == pytest.approx(rtt_ms, abs=0.01), pair


@pytest.mark.parametrize("topology", ["star", "line"])
@pytest.mark.parametrize("variant", ["vxlan", "udp", "wireguard"])
def test_real_agents_join_the_hosts_of_each_topology(tmp_path: Path, variant: str, topology: str) -> None:
    found = run(tmp_path, topology, f"flannel:{variant}", agent_scenarios.everything, "--agent", "real")
    wanted = TOPOLOGIES[topology].round_trips_ms
    assert found["rtt_ms"].keys() == wanted.keys()
    for pair, rtt_ms in found["rtt_ms"].items():
        # at most 180 bytes each way over three circuits of 1 Gbit/s
        assert wanted[pair] <= rtt_ms <= wanted[pair] + 2 * 3 * 180 * 8 / 1e6 + 0.01, pair


@pytest.mark.parametrize("agent", ["real", MIXED])
@pytest.mark.parametrize("variant", VARIANTS)
def test_each_agent_knows_the_other_hosts_by_their_leased_subnets(found: Any, variant: str, agent: str) -> None:
    network = "10.0.0" if variant == "host-gw" else "100.64.0"
    result = found(variant, agent)
    numbers = range(1, len(result["hosts"]) + 1)
    for number in numbers:
        assert result["peers"][f"h{number}"] == [
            {"host": f"h{it}", "address": f"{network}.{it}", "subnet": f"10.244.{it}.0/24"}
            for it in numbers
            if it != number
        ]


def test_a_result_names_the_agents_with_version_and_hash(found: Any, flanneld: AgentProgram) -> None:
    title = f"flanneld 0.28.10, without tencent-vpc (sha256 {flanneld.sha256[:12]})"
    assert found("vxlan", "built-in")["agent"] == "built-in control plane"
    assert found("vxlan", "real")["agent"] == title
    assert found("vxlan", MIXED)["agent"] == f"{title} on 2 hosts, built-in control plane on 3 hosts"


def test_the_page_has_the_list_of_differences_and_nothing_else() -> None:
    page = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
    table = page.partition("| variants | where |")[2].partition("\n\n")[0].splitlines()[2:]
    assert table == [difference.row for difference in DIFFERENCES]
    ipv6_table = page.partition("| variants with IPv6 | where |")[2].partition("\n\n")[0].splitlines()[2:]
    assert ipv6_table == [difference.row for difference in IPV6_DIFFERENCES]


def test_host_gw_of_a_real_agent_is_refused_where_hosts_are_not_all_neighbours(tmp_path: Path, gtsdsl: Cli) -> None:
    topology = str(ROOT / "examples" / "full_mesh.dsl")
    done = gtsdsl("emulate", topology, "--overlay", "flannel:host-gw", "--agent", "h2=real", "--probe", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: flannel host-gw: flanneld forwards to neighbours on one interface only, and no Ethernet of the "
        "topology joins all hosts: use a topology in which all hosts are on one switch, another variant such as "
        "`flannel:vxlan`, or `--agent built-in`\n"
    )


def test_a_result_file_has_the_whole_hash_and_the_path_of_each_program(
    tmp_path: Path, gtsdsl: Cli, flanneld: AgentProgram
) -> None:
    output = tmp_path / "result.json"
    topology = str(ROOT / "examples" / "full_mesh.dsl")
    done = gtsdsl("emulate", topology, "--overlay", "flannel", "--agent", "h2=real", "--probe", "--json", str(output))
    assert done.returncode == 0
    title = f"{flanneld.title} on 1 host, built-in control plane on 4 hosts"
    assert f"flannel vxlan, {title}; etcd" in done.stdout
    overlay = json.loads(output.read_text())["overlay"]
    assert overlay["agent"] == title
    assert overlay["spec"]["programs"] == {"h2": asdict(flanneld)}
