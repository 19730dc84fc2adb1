"""What `--exec`, `--capture` and `--image-map` of `gtsdsl emulate` say, and a plan, to values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gtsdsl.cli.output import check_output
from gtsdsl.text import did_you_mean, printable

if TYPE_CHECKING:
    from emulator.measure.captures import CaptureRequest
    from emulator.overlays.model import OverlaySpec
    from emulator.plan import Plan
    from emulator.task import Command

_LONGEST_COMMAND = 100_000


def parse_command(text: str, plan: Plan, asked: OverlaySpec | None) -> Command:
    """``h1: ping h2`` as a command for a host, by its name or its id in the topology, or for a container.

    Raises:
        click.BadParameter: it is none.
    """
    from emulator.task import Command

    host, colon, line = text.partition(":")
    host, line = host.strip(), line.strip()
    if not colon or not line:
        raise click.BadParameter(
            f"{printable(text, 80)} is not HOST: COMMAND, as in 'h1: ping -c 3 h2'", param_hint="--exec"
        )
    if "\0" in line or len(line) > _LONGEST_COMMAND:
        raise click.BadParameter("the command is too long, or has a NUL in it", param_hint="--exec")
    for known in plan.hosts:
        if host in {known.name, known.id}:
            return Command(known.name, line)
    names = [known.name for known in plan.hosts]
    if asked is not None:
        names += [container.name for container in asked.containers]
    if host in names:
        return Command(host, line)
    near = did_you_mean(host, names)
    listed = ", ".join(names[:20])
    raise click.BadParameter(
        f"there is no host {printable(host, 80)}; {near or f'there are {listed}'}", param_hint="--exec"
    )


def parse_captures(texts: Sequence[str], plan: Plan) -> tuple[CaptureRequest, ...]:
    """``l1=l1.pcap`` as what is to be captured, once a circuit.

    Raises:
        click.BadParameter: one of them is none.
    """
    from emulator.measure.captures import CaptureRequest

    known = [circuit.id for circuit in plan.circuits]
    found: dict[str, CaptureRequest] = {}
    files: set[Path] = set()
    for text in texts:
        circuit, equals, file = text.partition("=")
        why = None
        if not equals or not file:
            why = f"{printable(text, 80)} is not LINK=FILE.pcap, as in l1=l1.pcap"
        elif circuit not in known:
            near = did_you_mean(circuit, known) or f"there are {', '.join(printable(it, 40) for it in known[:20])}"
            why = f"there is no link {printable(circuit, 80)}; {near}"
        elif circuit in found:
            why = f"{printable(circuit, 80)} is captured once only"
        elif Path(file).resolve() in files:
            why = f"{printable(file)} is a file for one link only"
        if why is not None:
            raise click.BadParameter(why, param_hint="--capture")
        check_output(Path(file), "--capture")
        files.add(Path(file).resolve())
        found[circuit] = CaptureRequest(circuit, str(Path(file).absolute()))
    return tuple(found.values())
