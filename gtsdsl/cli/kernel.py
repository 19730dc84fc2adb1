"""`gtsdsl kernel`: build, show and remove guest kernels."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gtsdsl.cli.builds import build_progress, print_path, print_removed
from gtsdsl.cli.errors import complain, emulating
from gtsdsl.cli.help import CommandGroup
from gtsdsl.text import printable


@click.group(cls=CommandGroup)
def command() -> None:
    """Build, show and remove guest kernels. A built kernel has a virtual clock. It is built once and kept.

    \b
    Example:
      gtsdsl kernel build
      gtsdsl kernel info
    """


@command.command(short_help="Build a guest kernel.")
@click.option(
    "--source",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="TARBALL",
    help="Linux tarball to build.  [default: Debian's linux-source]",
)
@click.option(
    "--check",
    "wheel",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="WHEEL",
    help="Build the kernel of a wheel of gtsdsl-kernel again, and compare both byte for byte; keep nothing.",
)
def build(source: Path | None, wheel: Path | None) -> None:
    """Fetch, configure, build and check a guest kernel, in eight minutes of processor time.

    Runs use this kernel from then on. If the same kernel was built earlier, that one is kept, and nothing is built.

    With --check, the exit status is 1 if a file of the wheel differs from the file that is built here.

    \b
    Example:
      gtsdsl kernel build
      gtsdsl kernel build --source linux-7.3.4.tar.xz
    """
    with emulating():
        from emulator.kernel.build import build as build_kernel
        from emulator.kernel.build import compare_with_wheel

        with build_progress() as progress:
            if wheel is None:
                built = build_kernel(source, progress, _warn).executable
            else:
                differing = compare_with_wheel(wheel, source, progress, _warn)
    if wheel is None:
        click.echo(built)
        return
    for name in differing:
        click.echo(f"differs: {printable(name, 300)}")
    if differing:
        sys.exit(1)
    click.echo(f"{wheel}: the same, byte for byte")


def _warn(message: str) -> None:
    complain("warning", message)


@command.command(short_help="Show the guest kernels of this machine.")
def info() -> None:
    """Show the guest kernels of this machine, and what each can do.

    The order is: kernels that were built here, the newest first; the kernel of the wheel gtsdsl-kernel; Debian's
    packaged kernel. The kernel that runs use is marked.

    \b
    Example:
      gtsdsl kernel info
    """
    from emulator.kernel.cache import PACKAGED_FROM, built_kernels, packaged_kernel, wheel_kernel

    packaged = packaged_kernel()
    with emulating():
        built = built_kernels()
        kernels = (*built, *([packaged] if packaged else []))
        wheel = wheel_kernel()
    if not kernels:
        click.echo(f"no guest kernel: gtsdsl kernel build, or {PACKAGED_FROM}")
    for kernel in kernels:
        clocks = "virtual, skip, real" if kernel.virtual_clock else "real"
        click.echo(f"{kernel.executable}{' (runs use this one)' if kernel in built[:1] else ''}")
        click.echo(f"  version     {kernel.version}")
        click.echo(f"  clocks      {clocks}")
        click.echo(f"  processes   {'by seccomp' if kernel.seccomp else 'by ptrace, half as fast'}")
        click.echo(f"  repeatable  {'yes' if kernel.seeded else 'no: random numbers differ from run to run'}")
    if wheel is not None and wheel.kernel is None:
        click.echo(f"{wheel.executable} (not used)")
        click.echo(f"  {wheel.unusable}")


@command.command(short_help="Print the path of the kernel that `emulate` uses.")
def path() -> None:
    """Print the path of the guest kernel that `emulate` uses, built here or from the wheel gtsdsl-kernel.

    Exit status: 0, or 3 without such a kernel.

    \b
    Example:
      gtsdsl kernel path
    """
    from emulator.kernel.cache import built_kernels

    with emulating():
        kernels = built_kernels()
    print_path(kernels[0].executable if kernels else None, "no guest kernel has been built: gtsdsl kernel build")


@command.command(short_help="Remove the built kernels.")
def clean() -> None:
    """Remove the built kernels, the remains of killed builds, and the record of which kernels run on this machine.

    \b
    Example:
      gtsdsl kernel clean
    """
    from emulator.kernel.cache import clean as clean_cache

    print_removed(clean_cache)
