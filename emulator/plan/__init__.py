"""A plan: the nodes, interfaces, addresses, routes and impairments of a network, as plain data.

The names of `build` are imported on first use, because a guest receives a finished plan and builds none.
"""

from typing import TYPE_CHECKING

from emulator.plan.json import from_json, to_json
from emulator.plan.model import Circuit, Controller, Host, Interface, Plan, Route, Switch

if TYPE_CHECKING:
    from emulator.plan.build import Options, PlanError, plan

__all__ = [
    "Circuit",
    "Controller",
    "Host",
    "Interface",
    "Options",
    "Plan",
    "PlanError",
    "Route",
    "Switch",
    "from_json",
    "plan",
    "to_json",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'emulator.plan' has no attribute {name!r}")
    from emulator.plan import build

    return getattr(build, name)
