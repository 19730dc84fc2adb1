"""The processors of a plan's hosts, from a cost table and shares."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emulator.plan import Options, from_json, plan, to_json
from emulator.plan.cpu import CpuError, check_names, check_scenario, cpu_choice, with_cpus
from emulator.plan.model import Plan
from emulator.system.errors import UnknownNameError
from gtsdsl.loading import load
from gtsdsl.scenario import read_scenario
from gtsdsl.source import Source
from tests.emulator.samples import MESH

TABLE = str(Path(__file__).parents[3] / "examples" / "cost_table.toml")


def planned(*cpus: str, model: str = TABLE, offload: bool = True) -> Plan:
    choice = cpu_choice(model, cpus, offload=offload)
    found = plan(load(MESH), Options(cpu=choice))
    check_names(found, choice)
    return found


def test_without_a_table_a_plan_is_as_it_was() -> None:
    assert planned(model="none") == plan(load(MESH))
    assert '"cpu"' not in to_json(planned(model="none"))


def test_each_host_has_all_cores_but_for_its_share() -> None:
    cpu = planned("h1=0.5", "1").cpu
    assert cpu is not None
    assert cpu.cpus == {"h1": 0.5, "h2": 1.0, "h3": 1.0, "h4": 1.0, "h5": 1.0}
    whole = planned().cpu
    assert whole is not None
    assert {*whole.cpus.values()} == {2.0}


def test_the_costs_follow_the_offload() -> None:
    with_offload, without = planned().cpu, planned(offload=False).cpu
    assert with_offload is not None
    assert without is not None
    assert (with_offload.costs["socket"].byte_ns, without.costs["socket"].byte_ns) == (0.0, 0.1)


def test_costs_that_the_kernel_cannot_have_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "slow.toml"
    text = Path(TABLE).read_text()
    rule = '[stages.rule]\nbyte_ns = 100_000\nsource = "a guess"\n'
    table.write_text(f"rules = 1000\n{text}\n{rule}")
    with pytest.raises(CpuError, match=r"h1 would work 150 s on a packet of 1500 bytes, and the most is 1 s"):
        planned(model=str(table))


def test_a_plan_with_costs_goes_through_json() -> None:
    found = planned("h1=0.5")
    assert from_json(to_json(found)) == found


@pytest.mark.parametrize(
    ("cpus", "message"),
    [
        (["h1=0"], "h1=0: the least is 0.01 of a processor"),
        (["-1"], "-1: the least is 0.01 of a processor"),
        (["h1=1e-9"], "h1=1e-9: the least is 0.01 of a processor"),
        (["h1=nan"], "`h1=nan` is not NAME=NUMBER"),
        (["h1=3"], "h1 has 2 cores in the cost table .*, and cannot have 3 processors"),
        (["1e999"], "h1 has 2 cores in the cost table .*, and cannot have inf processors"),
        (["inf"], "`inf` is not NAME=NUMBER"),
        (["h1=half"], "`h1=half` is not NAME=NUMBER, such as h1=0.5, nor a number"),
        (["h1=\u0661"], "`h1=\u0661` is not NAME=NUMBER"),
        (["h1=1_0"], "`h1=1_0` is not NAME=NUMBER"),
        (["=1"], "`=1` is not NAME=NUMBER"),
        (["h1="], "`h1=` is not NAME=NUMBER"),
        ([""], "`` is not NAME=NUMBER"),
        (["h1=1", "h1=2"], "h1: the processors are given twice"),
        (["1", "2"], "2: the processors are given twice"),
    ],
)
def test_a_share_that_no_host_can_have_is_refused(cpus: list[str], message: str) -> None:
    with pytest.raises(CpuError, match=message):
        planned(*cpus)


def test_an_unknown_host_or_table_gets_a_hint() -> None:
    with pytest.raises(UnknownNameError, match=r"there is no such host \(a container needs --overlay\)"):
        planned("h77=0.5")
    with pytest.raises(CpuError, match=r"unknown cost table nome; did you mean `none`\?"):
        planned(model="nome")


def test_a_host_has_one_share_by_its_id_and_its_name() -> None:
    choice = cpu_choice(TABLE, ["h1=0.5", "first=1"])
    made = plan(load(MESH))
    hosts = tuple(replace(host, id="first") if host.name == "h1" else host for host in made.hosts)
    with pytest.raises(CpuError, match="first and h1 are one host: give its cpus once"):
        with_cpus(replace(made, hosts=hosts), choice)


def test_shares_and_offload_need_a_table() -> None:
    for cpus, offload in ((["h1=1"], True), ([], False)):
        with pytest.raises(CpuError, match="add --cpu-model"):
            cpu_choice("none", cpus, offload=offload)


def test_a_table_needs_the_stages_that_each_host_has(tmp_path: Path) -> None:
    table = tmp_path / "t.toml"
    table.write_text('[stages.forward]\npacket_ns = 1\nsource = "a"\n')
    with pytest.raises(CpuError, match=r"has no cost for socket, which each host needs: add .* choose another table"):
        planned(model=str(table))


def test_flavors_are_the_cores_of_hosts() -> None:
    choice = cpu_choice(TABLE, ["h2=3"])
    assert choice is not None
    made = plan(load(MESH))
    hosts = tuple(replace(host, flavor_id="c4r4h20") if host.name == "h2" else host for host in made.hosts)
    found = with_cpus(replace(made, hosts=hosts), replace(choice, flavors=True)).cpu
    assert found is not None
    assert (found.cpus["h1"], found.cpus["h2"]) == (2.0, 3.0)


@pytest.mark.parametrize(
    ("cpus", "model", "left", "message"),
    [
        (
            "0.5",
            "none",
            0.25,
            r"\[\[cpus\]\] of h1 at 2 s: without a cost table, packets cost no time",
        ),
        ("0.5", TABLE, 1, r"\[\[cpus\]\] of h1 at 2 s: 1 is more than the host's cpus, 0.5"),
        ("2", TABLE, 2.5, r"2.5 is more than the host's cpus, 2"),
        ("0.5", TABLE, 0.5, None),
    ],
)
def test_a_scenario_leaves_a_host_no_more_than_it_has(cpus: str, model: str, left: float, message: str | None) -> None:
    text = f'[[cpus]]\nat = 2\nhost = "h1"\ncpus = {left}\n'
    scenario = read_scenario(Source("s.toml", text), load(MESH))
    found = planned(*([] if model == "none" else [cpus]), model=model)
    if message is None:
        check_scenario(found, scenario)
        return
    with pytest.raises(CpuError, match=message) as caught:
        check_scenario(found, scenario)
    assert caught.value.option == "--scenario"


def test_a_scenario_that_leaves_too_little_for_the_costs_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "slow.toml"
    rules = 'rules = 20\n[stages.rule]\npacket_ns = 4e7\nsource = "a guess"\n'
    own, _, stages = Path(TABLE).read_text().partition("[stages.nic]")
    table.write_text(f"{own}{rules}[stages.nic]{stages}")
    scenario = read_scenario(Source("s.toml", '[[cpus]]\nat = 0\nhost = "h1"\ncpus = 0.5\n'), load(MESH))
    with pytest.raises(CpuError, match=r"h1 would work 1.6\d* s on a packet"):
        check_scenario(planned("1", model=str(table)), scenario)
