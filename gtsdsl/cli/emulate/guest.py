"""`gtsdsl guest`: run any command in a guest kernel, in the virtual clock."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from emulator.kernel.kinds import KernelKind
from emulator.options import Flag, RunOptions
from gtsdsl.cli.emulate.machine import is_person, warn_if_unconfined
from gtsdsl.cli.errors import emulating
from gtsdsl.cli.options import options

_KERNEL = Flag(
    "--kernel",
    "uml: the built guest kernel. uml-packaged: Debian's guest kernel. auto: the first of these that runs here and "
    "has the clock.",
    choices=("auto", KernelKind.UML.value, KernelKind.PACKAGED.value),
)


@click.command(context_settings={"allow_interspersed_args": False})
@options(RunOptions, "run", kernel=_KERNEL)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder that the command may write to; all other files that it writes are lost.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def command(run: RunOptions, output: Path | None, command: tuple[str, ...]) -> None:
    """Run COMMAND as root in a guest kernel (User-Mode Linux), by default with a virtual clock.

    The command sees this machine's files. What it writes is lost when the guest ends, except in the folder of --output.
    The guest has no network except what the command makes. Its output and exit status are passed on. Its standard
    input is empty, except with --clock real on a terminal: then the command has the terminal.

    \b
    Example:
      gtsdsl guest -- ip -s link
      gtsdsl guest --clock real -- bash
    """
    if not command[0]:
        raise click.UsageError("the name of the command is empty")
    from emulator.kernel.choose import choose_guest
    from emulator.kernel.guest import Guest
    from emulator.kernel.job import GuestJob
    from emulator.kernel.kinds import Clock
    from emulator.kernel.output import check_output
    from emulator.kernel.terminal import run_on_terminal
    from emulator.outside.run_task import write_to
    from emulator.outside.runner import guest_boot, settle
    from emulator.system.folders import working_folder

    with emulating():
        boot = guest_boot(settle(run, choose_guest(run.kernel, run.clock)))
        job = GuestJob(command, working_folder(), dict(os.environ), check_output(output) if output else None)
        warn_if_unconfined()
        if boot.clock is Clock.REAL and is_person():
            sys.exit(run_on_terminal(boot, job, sys.stdin.fileno(), sys.stdout.fileno()))
        with Guest(boot, job) as guest:
            sys.exit(guest.wait(write_to(1), write_to(2)))
