"""The files that ship with the package: inside it when it is installed, beside it in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(*parts: str) -> Path:
    """Return the path of a shipped file or folder, e.g. ``shipped("grammar", "gts.lark")``.

    The grammar and the diagnostics' pages are at the top of the repository, where people look for them; a wheel has
    them in ``gtsdsl/data``.
    """
    installed = _PACKAGE.joinpath("data", *parts)
    return installed if installed.exists() else _PACKAGE.parent.joinpath(*parts)
