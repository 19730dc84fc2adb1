"""Run a topology as a real network on this machine.

>>> from emulator import emulate
>>> with emulate("mesh.dsl") as net:
...     print(net["h1"].run(["ping", "-c", "1", "h2"]).stdout)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.session import Session, emulate

__all__ = ["Session", "emulate"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'emulator' has no attribute {name!r}")
    from emulator import session

    return getattr(session, name)
