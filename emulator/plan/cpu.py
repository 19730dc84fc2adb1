"""The processors of a plan's hosts: a cost table and a user's shares, put into the plan."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from emulator.cpu.model import OWN_STAGES, TRANSIT_STAGES, CpuModel
from emulator.cpu.shipped import NONE, find_table, tables
from emulator.cpu.table import CostTable
from emulator.flavors import flavor
from emulator.plan.model import Host, Plan
from emulator.system.errors import EmulationError, UnknownNameError
from gtsdsl.model.units import MIN_CPUS
from gtsdsl.scenario.model import Scenario
from gtsdsl.scenario.times import seconds_text
from gtsdsl.text import did_you_mean, nearest_or_all, printable

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_FRAME_BYTES = 1500
_MOST_NAMED = 12
"""The most names that an error lists."""
_MOST_NS = 1e9
"""The most time for a packet: netem's rate, a whole number of bytes a second, is then at most 0.03 % off."""


class CpuError(EmulationError):
    """Options of processors that contradict each other, the table or the topology; ``option`` is the one to change."""

    exit_status = 2

    def __init__(self, message: str, option: str = "--cpus") -> None:
        super().__init__(message)
        self.option = option


@dataclass(frozen=True, slots=True)
class CpuChoice:
    """A user's choice: a cost table, the processors of hosts and containers, and whether there is offload.

    ``cpus`` are by a host's id or name, or by a container's name; a host comes first. ``all_cpus`` are those of all
    other hosts; None is all cores. With ``flavors``, the cores of a host are those of its ``flavorId``, and else the
    table's.
    """

    table: CostTable
    cpus: Mapping[str, float] = field(default_factory=dict)
    all_cpus: float | None = None
    offload: bool = True
    flavors: bool = False


def cpu_choice(model: str, cpus: Sequence[str] = (), *, offload: bool = True) -> CpuChoice | None:
    """Return the choice that options stand for; None for the model `NONE`.

    ``model`` is the name of a table or a file. ``cpus`` are texts such as ``h1=0.5`` or, with the name of a container,
    ``c2=0.25``, and ``0.5`` for all other hosts.

    Raises:
        GtsError: the file cannot be read, or is not a cost table.
        CpuError: an option makes no sense.
    """
    table = cost_table(model)
    if table is None:
        if cpus or not offload:
            option = "--cpus" if cpus else "--offload"
            raise CpuError("without a cost table, packets cost no time: add --cpu-model", option)
        return None
    shares: dict[str, float] = {}
    all_cpus = None
    for text in cpus:
        name, equals, number = (part.strip() for part in text.rpartition("="))
        if not _NUMBER.fullmatch(number) or (equals and not name):
            raise CpuError(f"`{printable(text, 80)}` is not NAME=NUMBER, such as h1=0.5, nor a number")
        if name in shares or (not equals and all_cpus is not None):
            raise CpuError(f"{printable(name or text, 80)}: the processors are given twice")
        share = float(number)
        if share < MIN_CPUS:
            raise CpuError(f"{printable(text, 80)}: the least is {MIN_CPUS:g} of a processor")
        if equals:
            shares[name] = share
        else:
            all_cpus = share
    return CpuChoice(table, shares, all_cpus, offload)


def cost_table(name: str) -> CostTable | None:
    """Return a cost table by its name or file; None for `NONE`.

    Raises:
        GtsError: the file cannot be read, or is not a cost table.
        CpuError: neither a table nor a file has this name.
    """
    try:
        return find_table(name)
    except KeyError:
        near = nearest_or_all(name, (NONE, *tables()), "choose a file or one of")
        raise CpuError(f"unknown cost table {printable(name, 80)}; {near}", "--cpu-model") from None


def with_cpus(plan: Plan, choice: CpuChoice | None) -> Plan:
    """Return a plan whose hosts have the processors of a choice; without a choice, the plan as it is.

    Raises:
        CpuError: a host has fewer cores than the choice gives it, the table lacks a stage of each host, or its costs
            are too high.
    """
    if choice is None:
        return plan
    cpus = {host.name: _cpus(host, choice) for host in plan.hosts}
    model = CpuModel.of(choice.table, cpus, offload=choice.offload)
    require_stages(model, (*OWN_STAGES, *TRANSIT_STAGES), "each host")
    for host, cores in model.cpus.items():
        _require_speed(model, host, cores)
    return replace(plan, cpu=model)


def _require_speed(model: CpuModel, host: str, cpus: float) -> None:
    """Refuse a host on which all stages together take longer than `_MOST_NS`, which netem cannot have as a rate."""
    cost_ns = model.on(host, [stage for stage in model.costs if stage != "rule"], cpus).of(_FRAME_BYTES)
    if cost_ns > _MOST_NS:
        raise CpuError(
            f"{printable(host, 80)} would work {cost_ns / 1e9:g} s on a packet of {_FRAME_BYTES} bytes, and the "
            f"most is {_MOST_NS / 1e9:g} s: lower the costs or the rules of the table, or give it more --cpus",
            "--cpu-model",
        )


def check_names(plan: Plan, choice: CpuChoice | None, containers: Collection[str] = ()) -> None:
    """Refuse a share of a host or a container that there is not, because a misspelt name would go unnoticed.

    ``containers`` are the names of all containers; without an overlay, there are none.

    Raises:
        UnknownNameError: a name is unknown.
    """
    known = sorted({*containers, *(name for host in plan.hosts for name in (host.id, host.name))})
    for name in () if choice is None else choice.cpus:
        if name not in known:
            kind = "host or container" if containers else "host (a container needs --overlay)"
            names = ", ".join(printable(it, 40) for it in known[:_MOST_NAMED]) + (", …" if known[_MOST_NAMED:] else "")
            near = did_you_mean(name, known) or f"the names are {names}"
            raise UnknownNameError(f"processors of {printable(name, 80)}: there is no such {kind}; {near}")


def with_limits(plan: Plan, choice: CpuChoice | None, hosts: Mapping[str, str]) -> Plan:
    """Return a plan whose containers have the limits of a choice; ``hosts`` are the hosts of containers, by name.

    Raises:
        CpuError: a limit is above the processors of the container's host.
    """
    if plan.cpu is None or choice is None:
        return plan
    own = {name for host in plan.hosts for name in (host.id, host.name)}
    limits = {name: limit for name, limit in choice.cpus.items() if name in hosts and name not in own}
    for name, limit in limits.items():
        if limit > (most := plan.cpu.cpus[hosts[name]]):
            host = printable(hosts[name], 80)
            raise CpuError(f"{name} cannot have {limit:g} processors, because its host {host} has {most:g}")
    return replace(plan, cpu=replace(plan.cpu, limits=limits)) if limits else plan


def check_scenario(plan: Plan, scenario: Scenario | None) -> None:
    """Refuse a scenario that leaves a host more processors than the plan gives it, or too few for its costs.

    Raises:
        CpuError: packets cost no time, a host has fewer processors, or a packet would take too long.
    """
    name_of = {host.id: host.name for host in plan.hosts}
    for event in () if scenario is None else scenario.events:
        if event.share is None:
            continue
        host = name_of[event.subject]
        where = f"[[cpus]] of {printable(host, 80)} at {seconds_text(event.at_ns)}"
        if plan.cpu is None:
            raise CpuError(f"{where}: without a cost table, packets cost no time: add --cpu-model", "--scenario")
        if event.share.cpus > plan.cpu.cpus[host]:
            own, more = plan.cpu.cpus[host], event.share.cpus
            raise CpuError(f"{where}: {more:g} is more than the host's cpus, {own:g}", "--scenario")
        _require_speed(plan.cpu, host, event.share.cpus)


def require_stages(model: CpuModel, stages: Sequence[str], user: str) -> None:
    """Refuse a table that lacks the cost of a stage; ``user`` is what has the stage.

    Raises:
        CpuError: a cost is missing.
    """
    if missing := model.missing(stages):
        listed = ", ".join(missing)
        raise CpuError(
            f"the cost table {printable(model.table, 200)} has no cost for {listed}, which {user} needs: add "
            f"[stages.{missing[0]}], or choose another table (`gtsdsl cpu tables`)",
            "--cpu-model",
        )


def _cpus(host: Host, choice: CpuChoice) -> float:
    cores, source = choice.table.cores, f"in the cost table {printable(choice.table.name, 200)}"
    if choice.flavors and host.flavor_id is not None:
        cores, source = flavor(host.flavor_id).cpus, "by its flavorId"
    if host.id != host.name and {host.id, host.name} <= choice.cpus.keys():
        raise CpuError(f"{printable(host.id, 80)} and {printable(host.name, 80)} are one host: give its cpus once")
    cpus = choice.cpus.get(host.id, choice.cpus.get(host.name, choice.all_cpus))
    if cpus is not None and cpus > cores:
        raise CpuError(f"{printable(host.name, 80)} has {cores} cores {source}, and cannot have {cpus:g} processors")
    return float(cores) if cpus is None else cpus
