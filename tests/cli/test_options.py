"""Options of commands that are made from dataclasses, and the options of `gtsdsl emulate` among them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import click
import pytest
from click.testing import CliRunner

from emulator.options import Flag, HostOptions, OverlayOptions, RunOptions
from gtsdsl.cli import cli
from gtsdsl.cli.network import NetworkOptions
from gtsdsl.cli.options import options


def test_a_dataclass_makes_the_options_of_a_command() -> None:
    @dataclass(frozen=True)
    class Sizes:
        name: str = field(metadata=Flag("--name", "Name.").metadata)
        most_bytes: int = field(default=2**20, metadata=Flag("--most", "Size.", type="size").metadata)
        pairs: dict[str, str] = field(
            default_factory=dict, metadata=Flag("--pair", "Pairs.", metavar="A=B", type="pairs").metadata
        )

    @click.command()
    @options(Sizes, "sizes")
    def show(sizes: Sizes | None) -> None:
        click.echo(sizes)

    shown = CliRunner().invoke(show, "--name x --most 2K --pair a=b=c --pair d=e".split()).output
    assert shown == f"{Sizes('x', 2048, {'a=b': 'c', 'd': 'e'})}\n"
    assert CliRunner().invoke(show, []).output == "\n"


def test_dataclasses_share_an_option() -> None:
    shared = Flag("--size", "Size.", type="number", is_shared=True)

    @dataclass(frozen=True)
    class Box:
        size: int = field(default=1, metadata=shared.metadata)
        lid: bool = field(default=False, metadata=Flag("--lid", "Lid.").metadata)

    @dataclass(frozen=True)
    class Content:
        name: str = field(metadata=Flag("--name", "Name.").metadata)
        size: int = field(default=1, metadata=shared.metadata)
        more: str = field(default="", metadata=Flag("--more", "More.").metadata)

    @click.command()
    @options(Box, "box")
    @options(Content, "content")
    def show(box: Box, content: Content | None) -> None:
        click.echo((box, content))

    run = CliRunner().invoke
    assert run(show, ["--size", "3"]).output == f"{(Box(3), None)}\n"
    assert run(show, ["--size", "3", "--name", "x", "--lid"]).output == f"{(Box(3, True), Content('x', 3))}\n"
    assert "--more needs --name" in run(show, ["--more", "y"]).output
    assert run(show, ["--help"]).output.count("--size") == 1


@pytest.mark.parametrize("kind", [RunOptions, HostOptions, OverlayOptions, NetworkOptions])
def test_each_field_is_an_option_of_emulate(kind: type[RunOptions]) -> None:
    said = CliRunner().invoke(cli, ["emulate", "--help"]).output
    for item in fields(kind):
        assert f"\n  {Flag.of(item.metadata).name} " in f"{said} " or f"\n  {Flag.of(item.metadata).name}\n" in said


def test_native_was_called_host() -> None:
    @click.command()
    @options(RunOptions, "run")
    def show(run: RunOptions) -> None:
        click.echo(run.kernel)

    assert CliRunner().invoke(show, ["--kernel", "host"]).output == "native\n"
    assert "host" not in CliRunner().invoke(show, ["--help"]).output
