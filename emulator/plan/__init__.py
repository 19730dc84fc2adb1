"""A testbed to a plan: nodes, interfaces, addresses, routes and impairments as plain data that goes through JSON."""

from emulator.plan.making import Options, PlanError, plan
from emulator.plan.model import Circuit, Controller, Egress, End, Host, Plan, Route, Switch
from emulator.plan.serial import from_json, to_json

__all__ = [
    "Circuit",
    "Controller",
    "Egress",
    "End",
    "Host",
    "Options",
    "Plan",
    "PlanError",
    "Route",
    "Switch",
    "from_json",
    "plan",
    "to_json",
]
