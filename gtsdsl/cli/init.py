"""`gtsdsl init`: write a new topology of a common shape."""

from __future__ import annotations

from pathlib import Path

import click

from gtsdsl.circuits import SITES, canonical, site
from gtsdsl.cli.errors import complain
from gtsdsl.cli.help import Choice
from gtsdsl.cli.output import force_option, output_option, write_output
from gtsdsl.model.shapes import SHAPES, build, default_hosts
from gtsdsl.targets import compile_to
from gtsdsl.text import did_you_mean, printable


@click.command("init")
@click.argument("shape", type=Choice(list(SHAPES)), metavar="SHAPE")
@click.option("--sites", "text", required=True, metavar="AMS,MIL,…", help="Sites; hosts are at them in turn.")
@click.option("--hosts", type=int, metavar="N", help="Number of hosts.  [default: one at each site]")
@output_option()
@force_option
def command(shape: str, text: str, hosts: int | None, output: Path | None, force: bool) -> None:
    """Write a new topology of a common shape, with every resource spelt out.

    SHAPE is full-mesh, star, ring, line, point-to-point or tree.

    \b
    Example:
      gtsdsl init full-mesh --sites AMS,MIL,LJU,BRA,PRA -o mesh.dsl
      gtsdsl init star --sites BRA,AMS --hosts 12
    """
    given = [code.strip() for code in text.split(",")]
    if not all(given):
        raise click.BadParameter("a site is empty: write them as AMS,MIL", param_hint="--sites")
    sites = [canonical(code) if site(code) else code for code in given]
    if len(set(sites)) < len(sites):
        raise click.BadParameter("a site is given twice", param_hint="--sites")
    if hosts is None:
        hosts = default_hosts(shape, len(sites))
    try:
        testbed = build(shape, sites, hosts)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    for code in sites:
        if site(code) is None:
            hint = did_you_mean(code.upper(), (item.code for item in SITES))
            complain("warning", f"`{printable(code)}` is not a known site{f'; {hint}' if hint else ''}")
    shown = printable(",".join(sites), limit=200)
    header = (
        f"// Made by: gtsdsl init {shape} --sites {shown} --hosts {hosts}\n"
        f"// {SHAPES[shape].sentence[:1].upper()}{SHAPES[shape].sentence[1:]}; hosts are at the sites in turn.\n"
        "// The port to_h2 of a host leads to host h2.\n\n"
    )
    write_output(output, header + compile_to(testbed, "dsl"), force=force)
