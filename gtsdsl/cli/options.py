"""Options of commands, made from the fields of a dataclass: the command gets one value for all of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from emulator.options import Flag
from gtsdsl.cli.help import Choice
from gtsdsl.model.routing import parse_routing
from gtsdsl.text import printable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Command = TypeVar("_Command", bound=Callable[..., object])
_TAKEN = "_taken_by_options"
"""The attribute of a command's function that holds click's names of the options which `options` takes for it."""
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}
_MOST_GIB = 999_999
_SIZE_DIGITS = 18
"""The digits of a size that are read: a number with more is too large by these already."""


def options(
    kind: type[DataclassInstance], parameter: str, **flags: Flag
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command an option for each field of a dataclass.

    The command's function gets an instance of the dataclass as the argument ``parameter``. It gets None if the user
    sets no option of the dataclass and a field has no default. ``flags`` replace the flags of fields, by the field's
    name. Dataclasses of one command may share a flag: each gets the value of its one option.
    """
    items = fields(kind)
    flag_of = {item.name: flags.get(item.name) or Flag.of(item.metadata) for item in items}
    variable_of = {name: _variable(flag) for name, flag in flag_of.items()}

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        others: frozenset[str] = getattr(function, _TAKEN, frozenset())

        @functools.wraps(function)
        def call(**values: object) -> None:
            chosen = {name: values[variable] for name, variable in variable_of.items()}
            rest = {name: value for name, value in values.items() if name in others or name not in own}
            function(**rest, **{parameter: _instance(kind, chosen)})

        own = frozenset(variable_of.values())
        setattr(call, _TAKEN, others | own)
        for item in reversed(items):
            if variable_of[item.name] not in others:
                call = _option(item, flag_of[item.name])(call)
        return call

    return decorate


def variables(kind: type[DataclassInstance], **flags: Flag) -> tuple[str, ...]:
    """Return click's names for the options of a dataclass; ``flags`` are as for `options`."""
    return tuple(_variable(flags.get(item.name) or Flag.of(item.metadata)) for item in fields(kind))


def parameters(kind: type[DataclassInstance], **flags: Flag) -> Mapping[str, click.Option]:
    """Return click's options of a dataclass, by the names of the fields; ``flags`` are as for `options`.

    They check values that do not come from the command line, such as those of a file.
    """
    command = click.Command("", params=[])
    for item in fields(kind):
        _option(item, flags.get(item.name) or Flag.of(item.metadata))(command)
    found = [param for param in command.params if isinstance(param, click.Option)]
    return {item.name: param for item, param in zip(fields(kind), found, strict=True)}


def _instance(kind: type[DataclassInstance], chosen: dict[str, object]) -> DataclassInstance | None:
    missing = [item for item in fields(kind) if _is_required(item) and chosen[item.name] is None]
    if not missing:
        return kind(**chosen)
    context = click.get_current_context()
    for flag in (Flag.of(item.metadata) for item in fields(kind)):
        if not flag.is_shared and context.get_parameter_source(_variable(flag)) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{flag.name} needs {Flag.of(missing[0].metadata).name}")
    return None


def _is_required(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _variable(flag: Flag) -> str:
    return flag.name.removeprefix("--").replace("-", "_")


def _option(item: Field[Any], flag: Flag) -> Callable[[_Command], _Command]:
    default = None if item.default is MISSING or item.default == () else item.default
    return click.option(
        flag.name,
        _variable(flag),
        cls=_Once if flag.is_list else None,
        help=flag.help,
        metavar=flag.metavar,
        type=_type(flag),
        default=default,
        is_flag=isinstance(default, bool),
        multiple=flag.type in {"texts", "pairs"},
        callback=_CALLBACKS.get(flag.type),
        show_default=default is not None and not isinstance(default, bool),
        shell_complete=_complete_overlay if flag.name == "--overlay" else None,
    )


class _Once(click.Option):
    """An option whose value lists parts, and which may be given once only."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:  # noqa: ARG002 - click's interface
        """Let the parser collect all values of the option."""
        parser.add_option(obj=self, opts=self.opts, dest=self.name, action="append")

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """Return the only value, and where it comes from.

        Raises:
            click.BadParameter: the command line has several.
        """
        name = self.name or ""
        given = opts.get(name)
        if isinstance(given, list):
            if len(given) > 1:
                raise click.BadParameter(f"it is given {len(given)} times; join the values with commas", ctx, self)
            opts = {**opts, name: given[0]}
        return super().consume_value(ctx, opts)


def _complete_overlay(_context: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the overlays whose names begin so, for the shell's completion."""
    from emulator.overlays import names

    return [name for name in names() if name.startswith(incomplete)]


def _type(flag: Flag) -> click.ParamType[Any] | None:
    if flag.choices:
        return Choice(flag.choices, flag.aliases)
    match flag.type:
        case "number":
            return Number(flag.least, flag.most)
        case "size":
            return _Size(flag.least)
        case "seconds":
            return _Seconds(flag.most)
        case _:
            return None


class Number(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has no type parameters
    """A whole number between two limits, of which the upper may be None."""

    name = "number"

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least = least
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number.

        Raises:
            click.BadParameter: the value is not a whole number, or beyond a limit.
        """
        number = int(click.INT.convert(value, param, ctx))
        if self._most is None and number < self._least:
            self.fail(f"{number} is less than {self._least}", param, ctx)
        if self._most is not None and not self._least <= number <= self._most:
            self.fail(f"{number} is not between {self._least} and {self._most}", param, ctx)
        return number


class _Seconds(click.ParamType):  # type: ignore[type-arg]
    """A time in seconds, more than zero, up to a limit that may be None."""

    name = "seconds"

    def __init__(self, most: int | None) -> None:
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(click.FLOAT.convert(value, param, ctx))
        if not seconds > 0:  # NaN too, because a run with such a limit would not end
            self.fail(f"`{value}` is not a number of seconds above 0", param, ctx)
        if self._most is not None and seconds > self._most:
            self.fail(f"{value} is more than {self._most} seconds", param, ctx)
        return seconds


class _Size(click.ParamType):  # type: ignore[type-arg]
    """A size with a unit, such as ``512M`` or ``2G`` (units of 1,024), in bytes."""

    name = "size"

    def __init__(self, least: int) -> None:
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        number, unit = value[:-1], value[-1:].upper()
        if unit not in _UNITS or not number.isdecimal():
            self.fail(f"`{printable(value)}` is not a size; write it as 512M or 2G", param, ctx)
        size = int(number[:_SIZE_DIGITS]) * _UNITS[unit]
        if size > _MOST_GIB * 2**30:
            self.fail(f"{printable(value, 40)} is more than the most, {_MOST_GIB}G", param, ctx)
        if size < self._least:
            self.fail(f"a guest needs at least {self._least // 2**20}M, not {value}", param, ctx)
        return size


def _pairs(ctx: click.Context, param: click.Parameter, texts: Sequence[str]) -> Mapping[str, str]:
    """Return the pairs of an option that is given as ``A=B``, several times; the last ``=`` divides."""
    found = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        if not name or not value:
            raise click.BadParameter(f"`{printable(text, 80)}` is not {param.metavar}", ctx=ctx, param=param)
        found[name] = value
    return found


def _names(ctx: click.Context, param: click.Parameter, text: str | None) -> tuple[str, ...]:
    """Return the names of an option that is given as ``A,B``."""
    names = () if text is None else tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise click.BadParameter(f"`{printable(text or '', 80)}` is not {param.metavar}", ctx=ctx, param=param)
    return names


def _routing(ctx: click.Context, param: click.Parameter, text: str | None) -> str | None:
    """Return the text of a routing that can be parsed."""
    try:
        if text is not None:
            parse_routing(text)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx=ctx, param=param) from None
    return text


_CALLBACKS: Mapping[str, Callable[[click.Context, click.Parameter, Any], object]] = {
    "pairs": _pairs,
    "names": _names,
    "routing": _routing,
}
"""The function that takes a flag's text apart, for each type of flag whose texts have parts."""
