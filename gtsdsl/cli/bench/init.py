"""`gtsdsl bench --init`: write the TOML file of a benchmark, with each option, its meaning and its default."""

from __future__ import annotations

import dataclasses
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from emulator.bench.cells import DEFAULT_OVERLAYS, DEFAULT_WORKLOADS, pairs_of
from emulator.plan import plan
from emulator.workloads import names as workload_names
from emulator.workloads import workload
from emulator.workloads.settings import described
from gtsdsl.cli.bench.keys import OVERLAY, TOPOLOGY, Key, keys, overlay_keys
from gtsdsl.cli.network import NetworkOptions, read_testbed
from gtsdsl.cli.output import write_output
from gtsdsl.text import printable

if TYPE_CHECKING:
    from gtsdsl.model.testbed import Testbed

NAME = "bench.toml"
_WIDTH = 100
_SUFFIXES = (".dsl", ".gts")
_MOST_CIRCUITS = 20
_TAKEN = ("--init", "--set")
"""The options of the command line that `--init` takes."""
_DEFAULT = re.compile(r" +\[default: (.*)\]")

EXAMPLES = {
    "workers": "2",
    "memory": '"2G"',
    "timeout": "600",
    "patience": "60",
    "output-limit": '"8G"',
    "rtt": '["AMS-MIL=40ms"]',
    "mtu": '["AMS-MIL=9000"]',
    "circuits-file": '"circuits.json"',
    "environment": '"noisy-neighbours"',
    "set": '["n=4"]',
    "order": '"kept"',
    "cpus": '["h1=0.5"]',
    "each-cpus": '["1", "0.5", "0.25"]',
    "each-offload": '["on", "off"]',
    "routing": '"ospf,hello=1,dead=4"',
    "scenario": '"storm.toml"',
    "address-plan": '"addresses.toml"',
    "ipv6-network": '"fd00:10:244::/56"',
    "runtime": '"process"',
    "store": '"AMS"',
    "image": '"image.tar"',
    "agent": '"real"',
    "password": '"correct horse battery staple"',
    "reflectors": '["h1"]',
    "policy": '"policy.yaml"',
    "policy-engine": '"nftables"',
    "label": '["c1:role=db"]',
}
"""Values of keys that have no default which a file can state."""
_OF_OVERLAYS = {**EXAMPLES, "mtu": "1400"}

_HEAD = f"""\
# The options of a benchmark. `gtsdsl bench {NAME}` runs it, from any folder.
#
# A line such as `# seed = 1` shows an option with its default or, if it has none, with an example. Remove the `#` to
# set it. An option on the command line comes before that of this file. The file cannot name other files than those in
# its folder and below it. It can name programs and images, with --allow-programs on the command line.
"""
_OVERLAYS = f"""\
# Options of overlays: a table for each overlay, or for one variant of it, such as [{OVERLAY}."weave:sleeve"]. An
# overlay takes some of these options; `gtsdsl overlays` and docs/overlays.md say which.
"""


def write_matrix(file: str | None, settings: tuple[str, ...]) -> None:
    """Write the TOML file beside a topology, and say where; without a topology, take the only one in this folder.

    ``settings`` are the values of the topology's parameters, in the form of ``--set``; the file has them too.

    Raises:
        click.ClickException: no topology is named, the command line has another option, the file exists, or it cannot
            be written.
    """
    context = click.get_current_context()
    for param in context.command.params:
        is_given = context.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE
        if is_given and isinstance(param, click.Option) and param.opts[0] not in _TAKEN:
            raise click.UsageError(f"--init takes no {max(param.opts, key=len)}: write it into the file that it makes")
    topology = _only_topology() if file is None else Path(file)
    testbed = read_testbed(str(topology), NetworkOptions(settings=settings))
    path = topology.parent / NAME
    if path.exists() or path.is_symlink():
        raise click.ClickException(f"{printable(str(path), 300)} exists, and is left as it is: move it away first")
    write_output(path, matrix_text(topology.name, testbed, settings), force=False)
    click.echo(f"{printable(str(path), 300)} has all options of a benchmark; `gtsdsl bench {path}` runs it")


def matrix_text(topology: str, testbed: Testbed, settings: tuple[str, ...] = ()) -> str:
    """Return the text of the file for a topology and the values of its parameters; it is the same each time."""
    circuits = list(pairs_of(plan(testbed)))
    stated = {
        "overlays": _toml(DEFAULT_OVERLAYS),
        "workloads": _toml(DEFAULT_WORKLOADS),
    }
    if settings:
        stated["set"] = _toml(settings)
    examples = {**EXAMPLES, "circuits": _toml(tuple(circuits[:_MOST_CIRCUITS]))}
    parts = [_HEAD, f"{TOPOLOGY} = {json.dumps(topology)}\n"]
    for name, key in keys().items():
        if key.flag.in_files:
            line = f"{name} = {stated[name]}" if name in stated else f"# {name} = {_default(name, key, examples)}"
            parts.append(f"{_comment(_meaning(key))}{line}\n")
    parts += map(_workload_table, workload_names())
    parts.append(_OVERLAYS + f"#\n# [{OVERLAY}.weave]\n" + "".join(_overlay_lines()))
    return "\n".join(parts)


def _only_topology() -> Path:
    found = sorted(path for path in Path().iterdir() if path.suffix in _SUFFIXES)
    if len(found) != 1:
        said = f"this folder has {len(found)} topologies" if found else "this folder has no topology"
        raise click.UsageError(f"{said}: write `gtsdsl bench --init FILE.dsl`")
    return found[0]


def _overlay_lines() -> Iterator[str]:
    for name, key in overlay_keys().items():
        yield f"{_comment(_meaning(key))}# {name} = {_default(name, key, _OF_OVERLAYS)}\n"


def _workload_table(name: str) -> str:
    """Return the table of a workload, with its settings."""
    measure = workload(name)
    meaning = (measure.__doc__ or name).strip().splitlines()[0]
    heading = f"# [{name}]\n" if measure.runs_programs else f"[{name}]\n"
    lines = []
    fields = {item.name: item for item in dataclasses.fields(measure.settings)}
    for setting, (_, help_text) in described(measure.settings).items():
        value = fields[setting].default
        shown = f"{setting} is not set" if value in (None, ()) else f"{setting} = {_toml(value)}"
        lines.append(f"{_comment(help_text)}# {shown}\n")
    return _comment(f"{name}: {meaning}") + heading + "".join(lines)


def _meaning(key: Key) -> str:
    choices = f" One of {', '.join(key.flag.choices)}." if key.flag.choices else ""
    return _DEFAULT.sub(r" Default: \1.", key.flag.help) + choices


def _default(name: str, key: Key, examples: dict[str, str]) -> str:
    return examples[name] if name in examples else _toml(key.field.default)


def _toml(value: object) -> str:
    """Return a default as TOML."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str | bool | int | float):
        return json.dumps(value, ensure_ascii=False)
    raise AssertionError(f"{value!r} has no form in TOML")


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, _WIDTH))
