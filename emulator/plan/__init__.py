"""A testbed to a plan: nodes, interfaces, addresses, routes and impairments as plain data that goes through JSON.

What makes a plan is imported when it is first asked for: where a network runs, there is a plan already.
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
