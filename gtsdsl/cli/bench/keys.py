"""The keys of a benchmark's TOML file, which are the options of the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, fields
from typing import TYPE_CHECKING, Any

import click

from emulator.bench.options import BenchOptions
from emulator.options import Flag, OverlayOptions, RunOptions
from gtsdsl.cli.network import NetworkOptions
from gtsdsl.cli.options import parameters

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

TOPOLOGY = "topology"
OVERLAY = "overlay"
"""The key of the tables with the options of overlays: ``[overlay.weave]``."""
PARTS, NAME = "parts", "name"
"""The key of the parts of a benchmark, ``[[parts]]``, each of which has a name."""
_FOR_ALL = frozenset({"workers", "fail_fast", "scheduler"})
"""Fields of `BenchOptions` that are for all parts of a benchmark."""
CIRCUITS_FILE = Flag(
    "--circuits-file", "Your own round-trip times and sites, in the format of `gtsdsl circuits`.", metavar="FILE"
)
"""`NetworkOptions` has the name --circuits for it, which is a benchmark's option for its pairs."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the file: the field that it sets, the flag of the field, and click's option, which checks values."""

    field: Field[Any]
    flag: Flag
    option: click.Option


def is_for_all(key: Key) -> bool:
    """Return whether an option is for all parts of a benchmark: where cells run, and how many at a time."""
    return key.field.name in _FOR_ALL or key.field.name in {item.name for item in fields(RunOptions)}


def keys() -> Mapping[str, Key]:
    """Return the keys of the file, and the options that only the command line takes, in their order."""
    kinds: tuple[type[DataclassInstance], ...] = (BenchOptions, RunOptions, NetworkOptions)
    return {name: key for kind in kinds for name, key in _keys(kind, circuits_file=CIRCUITS_FILE)}


def overlay_keys() -> Mapping[str, Key]:
    """Return the keys of an overlay's table: the options of an overlay without their word ``overlay-``."""
    found = ((name.removeprefix("overlay-"), key) for name, key in _keys(OverlayOptions))
    return {name: key for name, key in found if key.field.name != "name"}


def _keys(kind: type[DataclassInstance], **flags: Flag) -> Iterator[tuple[str, Key]]:
    options = parameters(kind, **flags)
    for item in fields(kind):
        flag = flags.get(item.name) or Flag.of(item.metadata)
        yield flag.name.removeprefix("--"), Key(item, flag, options[item.name])
