"""Policies on Calico's containers: the example of two segments, a probe, agents that die, and errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.emulator.overlays.guest import result_of, run
from tests.emulator.overlays.policy import scenarios
from tests.emulator.samples import MESH, ROOT, Cli

SEGMENTS = ROOT / "examples" / "segments.yaml"
LABELS = ("c1,c2,c3:segment=blue", "c4,c5:segment=green", "c3:role=db")
ARGUMENTS = ("--policy", str(SEGMENTS), *(part for label in LABELS for part in ("--label", label)))

BLUE = {"c1 c2", "c1 c3", "c2 c1", "c2 c3", "c3 c1", "c3 c2"}
GREEN = {"c4 c5", "c5 c4"}


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(("variant", "engine"), [("bgp", "nftables"), ("vxlan", "iptables")])
def test_containers_of_a_segment_reach_each_other_and_the_database_on_its_port(
    tmp_path: Path, variant: str, engine: str
) -> None:
    arguments = (*ARGUMENTS, "--policy-engine", engine)
    found = run(tmp_path, "mesh", f"calico:{variant}", scenarios.reach_between_segments, *arguments)
    assert set(found["tcp 5432"]) == BLUE | GREEN | {"c4 c3", "c5 c3"}
    assert set(found["tcp 80"]) == set(found["icmp"]) == set(found["expected"]) == BLUE | GREEN
    # c1 is on h1, and blue containers send to blue containers only
    assert found["to h1"] == ["c4", "c5"]
    # what the database refuses is logged: the green containers' packets to other ports
    assert found["logged"] == ["c4", "c5"]
    assert found["views"] == {
        "h1": "policies of c1: ingress blue; egress blue",
        "h2": "policies of c2: ingress blue; egress blue",
        "h3": "policies of c3: ingress blue, database; egress blue",
        "h4": "policies of c4: ingress green; egress none",
        "h5": "policies of c5: ingress green; egress none",
    }


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("engine", ["nftables", "iptables"])
def test_rules_stay_without_their_agent_and_go_when_it_is_stopped(tmp_path: Path, engine: str) -> None:
    arguments = (*ARGUMENTS, "--policy-engine", engine)
    scenario = scenarios.stop_and_start_the_agent_of_a_host
    found = run(tmp_path, "mesh", "calico:ipip", scenario, *arguments, engine=engine)
    assert found == {
        "before": [True, True, False],
        "agent dead": [True, True, False],
        "agent back": [True, True, False],
        "hooks": 1,
        "left": [],
    }


@pytest.mark.usefixtures("guest_kernel")
def test_a_probe_expects_what_the_policies_allow(gtsdsl: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    command = ("emulate", str(MESH), "--overlay", "calico", *ARGUMENTS, "--probe", "--count", "1", "--json", str(out))
    done = gtsdsl(*command)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("l3 "))
    assert line.split()[-3:] == ["no", "reply", "denied"]
    found = result_of(out)["overlay"]
    assert found["spec"]["policy"]["engine"] == "nftables"
    assert found["spec"]["policy"]["labels"]["c3"]["role"] == "db"
    assert ", nftables " in found["agent"]
    denied = {(it["first"], it["second"]) for it in found["pairs"] if it["is_denied"]}
    assert denied == {(f"h{blue}", f"h{green}") for blue in (1, 2, 3) for green in (4, 5)}
    assert {it["container_us"] is None for it in found["pairs"] if it["is_denied"]} == {True}
    assert {(it["first"], it["second"]) for it in found["first_packets"] if it["is_denied"]} == denied
    assert {it["after_ns"] is None for it in found["first_packets"] if it["is_denied"]} == {True}
    assert json.dumps(found).count('"is_denied": true') == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("calico", "--policy", "POLICY"), "policy.yaml:7:3: unknown key of the spec of a NetworkPolicy `selectr`; did "
                                           "you mean `selector`?"),
        (("calico", "--policy", "missing.yaml"), "the policy file missing.yaml: no such file"),
        (("calico", "--policy", ""), "--policy is empty: write --policy FILE"),
        (("calico", "--policy-engine", "iptables"), "--policy-engine is for network policies: add --policy FILE"),
        (("calico", "--label", "c1:role=db"), "--label is for network policies: add --policy FILE"),
        (("calico", "--policy", str(SEGMENTS), "--label", "c9:role=db"), "--label: there is no container `c9`; "),
        (("flannel", "--policy", str(SEGMENTS)), "flannel takes no --policy: calico does"),
        (("none", "--label", "c1:role=db"), "none takes no --label: calico does"),
        (("calico", "--policy", str(SEGMENTS), "--policy-engine", "nft"), "`nft` is not one of"),
    ],
)  # fmt: skip
def test_a_mistake_is_a_line_before_anything_starts(
    gtsdsl: Cli, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(SEGMENTS.read_text().split("---\n")[1].replace("  selector: s", "  selectr: s", 1))
    lines = policy.read_text().splitlines()
    policy.write_text("\n".join(line for line in lines if not line.startswith("#")) + "\n")
    done = gtsdsl("emulate", str(MESH), "--overlay", *(str(policy) if it == "POLICY" else it for it in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1 or "nft" in message
