"""The arguments of `--exec` and `--capture` as values, checked against the plan of the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gtsdsl.cli.output import check_output
from gtsdsl.text import did_you_mean, printable

if TYPE_CHECKING:
    from emulator.measure.captures import CaptureRequest
    from emulator.plan import Plan
    from emulator.task import Command, Task

_LONGEST_COMMAND = 100_000
_MAX_LISTED = 20


def parse_command(text: str, task: Task) -> Command:
    """Return the command of ``h1: ping h2``, for a host by its name or its id in the topology, or for a container.

    Raises:
        click.BadParameter: the text is not HOST: COMMAND, or the host is unknown.
    """
    from emulator.task import Command

    host, colon, line = text.partition(":")
    host, line = host.strip(), line.strip()
    if not colon or not line:
        raise click.BadParameter(
            f"`{printable(text, 80)}` is not HOST: COMMAND, as in 'h1: ping -c 3 h2'", param_hint="--exec"
        )
    if "\0" in line or len(line) > _LONGEST_COMMAND:
        raise click.BadParameter(
            f"a command has at most {_LONGEST_COMMAND} characters, and no NUL", param_hint="--exec"
        )
    for known in task.plan.hosts:
        if host in {known.name, known.id}:
            return Command(known.name, line)
    names = [known.name for known in task.plan.hosts]
    if task.overlay is not None:
        names += [container.name for container in task.overlay.containers]
    if host in names:
        return Command(host, line)
    near = did_you_mean(host, names) or f"the hosts are {', '.join(names[:_MAX_LISTED])}"
    raise click.BadParameter(f"unknown host `{printable(host, 80)}`; {near}", param_hint="--exec")


def parse_captures(texts: Sequence[str], plan: Plan) -> tuple[CaptureRequest, ...]:
    """Return the captures of ``l1=l1.pcap``, at most one for each circuit and each file.

    Raises:
        click.BadParameter: a text is not LINK=FILE, the link is unknown or given again, or the file cannot be written.
    """
    from emulator.measure.captures import CaptureRequest

    known = [circuit.id for circuit in plan.circuits]
    found: dict[str, CaptureRequest] = {}
    files: set[Path] = set()
    for text in texts:
        circuit, equals, file = text.partition("=")
        reason = None
        if not equals or not file:
            reason = f"`{printable(text, 80)}` is not LINK=FILE.pcap, as in l1=l1.pcap"
        elif circuit not in known:
            listed = ", ".join(printable(it, 40) for it in known[:_MAX_LISTED])
            near = did_you_mean(circuit, known) or f"the links are {listed}"
            reason = f"unknown link `{printable(circuit, 80)}`; {near}"
        elif circuit in found:
            reason = f"`{printable(circuit, 80)}` is given twice"
        elif Path(file).resolve() in files:
            reason = f"`{printable(file)}` is given for two links"
        if reason is not None:
            raise click.BadParameter(reason, param_hint="--capture")
        check_output(Path(file), "--capture")
        files.add(Path(file).resolve())
        found[circuit] = CaptureRequest(circuit, str(Path(file).absolute()))
    return tuple(found.values())
