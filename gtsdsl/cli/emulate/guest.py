"""`gtsdsl guest`: run any command in a guest kernel, in the virtual clock."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from gtsdsl.cli.errors import (
    emulating,
    guest_options,
    is_person,
    parse_memory,
    parse_output_limit,
    warn_if_unconfined,
)


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--kernel", type=click.Choice(["auto", "uml", "uml-packaged"]), default="auto", help="The guest kernel.")
@click.option(
    "--clock",
    type=click.Choice(["auto", "virtual", "skip", "real"]),
    default="auto",
    help="virtual: work takes no time, waiting is skipped. skip: waiting is skipped. real: neither.",
)
@guest_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="A folder that the command may write to. All else that it writes goes with the guest.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def command(
    kernel: str,
    clock: str,
    memory: str | None,
    timeout: float | None,
    patience: float,
    output_limit: str | None,
    output: Path | None,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND as root in a Linux kernel of its own, by default with a virtual clock.

    It sees this machine's files, and what it writes is forgotten when it ends, but for --output. It has no network
    but what it makes itself. Its output and exit status are passed on; its standard input is empty, but with
    --clock real on a terminal, where it gets the terminal.

    \b
    Example:
      gtsdsl guest -- ip -s link
      gtsdsl guest --clock real -- bash
    """
    size, most = parse_memory(memory), parse_output_limit(output_limit)
    if not command[0]:
        raise click.UsageError("the name of the command is empty")
    from emulator.kernel.choose import guest_kernel
    from emulator.kernel.guest import MEMORY_BYTES, OUTPUT_BYTES, Boot, Guest
    from emulator.kernel.job import GuestJob
    from emulator.kernel.kinds import Clock
    from emulator.kernel.output import check_output
    from emulator.kernel.terminal import run_on_terminal
    from emulator.outside.run_task import write_to
    from emulator.system.folders import working_folder

    with emulating():
        chosen, its_clock = guest_kernel(kernel, clock)
        boot = Boot(
            chosen,
            its_clock,
            memory_bytes=size or MEMORY_BYTES,
            timeout_s=timeout,
            patience_s=patience,
            output_bytes=most or OUTPUT_BYTES,
        )
        job = GuestJob(command, working_folder(), dict(os.environ), check_output(output) if output else None)
        warn_if_unconfined()
        if boot.clock is Clock.REAL and is_person():
            sys.exit(run_on_terminal(boot, job, sys.stdin.fileno(), sys.stdout.fileno()))
        with Guest(boot, job) as guest:
            sys.exit(guest.wait(write_to(1), write_to(2)))
