"""The options of a network to those of its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gtsdsl.cli.network import NetworkOptions

if TYPE_CHECKING:
    from emulator.plan import Options
    from emulator.plan.cpu import CpuChoice
    from gtsdsl.circuits import Circuits


def plan_options(network: NetworkOptions, circuits: Circuits | None) -> Options:
    """Return the options of a plan; ``circuits`` are the user's own (`custom_circuits`).

    Raises:
        click.BadParameter: the options of processors contradict each other, or no cost table has the name.
        GtsError: the file of ``--cpu-model`` is not a cost table.
    """
    from emulator.plan import Options

    return Options(
        circuits=circuits,
        switch=network.switch,
        seed=network.seed,
        ipv6=not network.ipv4_only,
        routing=network.routing,
        cpu=_chosen_cpus(network),
    )


def _chosen_cpus(network: NetworkOptions) -> CpuChoice | None:
    """Return the costs and shares of the hosts' processors; None without a cost table."""
    from emulator.plan.cpu import CpuError, cpu_choice

    try:
        return cpu_choice(network.cpu_model, network.cpus, offload=network.offload == "on")
    except CpuError as error:
        raise click.BadParameter(str(error), param_hint=error.option) from None
