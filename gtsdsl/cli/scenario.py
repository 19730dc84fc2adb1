"""`gtsdsl scenario`: write a scenario for a topology, with each kind of event and its keys as comments."""

from __future__ import annotations

from pathlib import Path

import click

from gtsdsl.cli.inputs import INPUT
from gtsdsl.cli.network import NetworkOptions, read_testbed
from gtsdsl.cli.output import force_option, output_option, write_output
from gtsdsl.cli.settings import set_option
from gtsdsl.scenario.sample import sample_text
from gtsdsl.topology.model import Topology


@click.command("scenario")
@click.argument("file", type=INPUT)
@output_option("FILE.toml")
@set_option
@force_option
def command(file: str, output: Path | None, settings: tuple[str, ...], force: bool) -> None:
    """Write a scenario for the topology FILE, with each kind of event as a comment.

    A scenario says what happens in a running network, and when. Remove the `#` of the events that you want.

    \b
    Example:
      gtsdsl scenario examples/full_mesh.dsl -o storm.toml
      gtsdsl scenario examples/mesh_of_n.dsl --set n=8
    """
    topology = Topology.of(read_testbed(file, NetworkOptions(settings=settings)))
    if not topology.wires:
        raise click.ClickException("this topology has no link between two ports, so nothing can happen to one")
    write_output(output, sample_text(topology), force=force)
