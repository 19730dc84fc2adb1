"""The options of the hosts' processors to a choice of their costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gtsdsl.cli.network import NetworkOptions

if TYPE_CHECKING:
    from emulator.plan.cpu import CpuChoice


def chosen_cpus(options: NetworkOptions) -> CpuChoice | None:
    """Return the costs and shares of the hosts' processors; None without a cost table.

    Raises:
        click.BadParameter: the options contradict each other, or no cost table has the name.
        GtsError: the file of ``--cpu-model`` is not a cost table.
    """
    from emulator.plan.cpu import CpuError, cpu_choice

    try:
        return cpu_choice(options.cpu_model, options.cpus, offload=options.offload == "on")
    except CpuError as error:
        raise click.BadParameter(str(error), param_hint=error.option) from None
