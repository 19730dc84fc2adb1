"""The option `--set`: values of the root type's parameters."""

from __future__ import annotations

from collections.abc import Sequence

import click

from gtsdsl.model.values import Value
from gtsdsl.text import printable

set_option = click.option(
    "--set", "settings", metavar="NAME=VALUE", multiple=True, help="Set a parameter of the root type. Repeatable."
)
"""The decorator that gives a command the option, as the argument ``settings``."""


def parse_settings(settings: Sequence[str]) -> dict[str, Value]:
    """Return the values of ``--set NAME=VALUE``, by name.

    Raises:
        click.BadParameter: a setting is not NAME=VALUE, or sets a name again.
    """
    parameters: dict[str, Value] = {}
    for setting in settings:
        name, value = _parse(setting)
        if name in parameters:
            raise click.BadParameter(f"`{printable(name)}` is set twice", param_hint="--set")
        parameters[name] = value
    return parameters


def _parse(setting: str) -> tuple[str, Value]:
    from gtsdsl.evaluate import literal

    name, equals, text = (part.strip() for part in setting.partition("="))
    if not equals or not name:
        raise click.BadParameter(f"`{printable(setting)}` is not NAME=VALUE, as in n=5", param_hint="--set")
    try:
        return name, literal(text)
    except ValueError as error:
        if text.startswith(("[", "{", "(", '"', "'")):
            message = f"the value of `{printable(name)}` is not a value of the DSL: {printable(str(error), limit=300)}"
            raise click.BadParameter(message, param_hint="--set") from None
        return name, text  # a bare word, as AMS or Ubuntu-14.04.qcow2, is a string
