"""The options that decide which network a topology becomes: round trips, parameters, switches, seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import click

from emulator.cpu.shipped import NONE, tables
from emulator.options import Flag
from emulator.plan.model import SwitchKind
from gtsdsl.circuits.environments import environments
from gtsdsl.cli.inputs import checked_testbed
from gtsdsl.cli.settings import parse_settings
from gtsdsl.inputs.files import read_source
from gtsdsl.model.jitter import Order
from gtsdsl.text import printable
from gtsdsl.topology.address_plan import load_address_plan

if TYPE_CHECKING:
    from gtsdsl.model.testbed import Testbed
    from gtsdsl.scenario.model import Scenario

Offload: TypeAlias = Literal["on", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """The round trips, the parameters and the switches of a network, as a user gives them."""

    rtts: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--rtt",
            "Round-trip time of all circuits between two sites, such as AMS-MIL=40ms. Repeatable.",
            metavar="A-B=TIME",
            type="texts",
        ).metadata,
    )
    delays: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--delay",
            "One-way delay of all circuits between two sites: AMS-MIL=18ms, or AMS-MIL=18ms/20ms for there and back. "
            "Repeatable.",
            metavar="A-B=TIME[/TIME]",
            type="texts",
        ).metadata,
    )
    mtus: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--mtu",
            "MTU of all circuits between two sites, in bytes, such as AMS-MIL=9000. Repeatable.",
            metavar="A-B=BYTES",
            type="texts",
        ).metadata,
    )
    black_holes: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--black-hole",
            "Lose the messages that say that a packet is too large, on all circuits between two sites. Repeatable.",
            metavar="A-B",
            type="texts",
        ).metadata,
    )
    delays_from: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--delay-from",
            "File of measured delays, whose distribution all circuits get, or with AMS-MIL=FILE.csv those between two "
            "sites; see docs/circuits.md. Repeatable.",
            metavar="[A-B=]FILE.csv",
            type="texts",
        ).metadata,
    )
    order: Order | None = field(
        default=None,
        metadata=Flag(
            "--order",
            "Order of packets with random delays: kept, or free if they may overtake.  "
            "[default: free for jitter, kept for measured delays]",
            choices=get_args(Order),
        ).metadata,
    )
    circuits_file: str | None = field(
        default=None,
        metadata=Flag(
            "--circuits", "Your own round-trip times and sites, in the format of `gtsdsl circuits`.", metavar="FILE"
        ).metadata,
    )
    environment: str | None = field(
        default=None,
        metadata=Flag(
            "--environment",
            f"Round trips, losses and rates of another environment: {', '.join(environments())}, or a file in the "
            "format of `gtsdsl circuits`.",
            metavar="NAME|FILE",
        ).metadata,
    )
    settings: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--set", "Set a parameter of the root type. Repeatable.", metavar="NAME=VALUE", type="texts"
        ).metadata,
    )
    switch: SwitchKind = field(
        default="ovs",
        metadata=Flag(
            "--switch", "Kind of switches: Open vSwitch, or a Linux bridge.", choices=get_args(SwitchKind)
        ).metadata,
    )
    ipv4_only: bool = field(
        default=False,
        metadata=Flag("--ipv4-only", "No IPv6: the network has only IPv4 addresses and routes.").metadata,
    )
    routing: str | None = field(
        default=None,
        metadata=Flag(
            "--routing",
            "How hosts find routes: static, or a protocol with its timers, such as ospf,hello=1,dead=4 or bgp,hold=9; "
            "see docs/routing.md.  [default: static]",
            metavar="NAME[,TIMER=SECONDS]…",
            type="routing",
        ).metadata,
    )
    """None is the routing that the topology states, else static."""
    scenario: str | None = field(
        default=None,
        metadata=Flag(
            "--scenario", "What happens in the network at which time; see docs/scenarios.md.", metavar="FILE.toml"
        ).metadata,
    )
    address_plan: str | None = field(
        default=None,
        metadata=Flag(
            "--address-plan", "Your own addresses of hosts and ports; see docs/ipv6.md.", metavar="FILE.toml"
        ).metadata,
    )
    seed: int = field(
        default=1,
        metadata=Flag(
            "--seed", "Seed of the random numbers of jitter and loss.", type="number", most=2**31 - 1
        ).metadata,
    )
    cpu_model: str = field(
        default=NONE,
        metadata=Flag(
            "--cpu-model",
            f"Cost table of the processor time of packets: {', '.join((NONE, *tables()))}, or a file; see docs/cpu.md.",
            metavar="NAME|FILE",
        ).metadata,
    )
    cpus: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--cpus",
            "Processors of a host or a container, such as h1=0.5, or of all other hosts, such as 0.5; with "
            "--cpu-model. Repeatable.  [default: all cores]",
            metavar="[NAME=]NUMBER",
            type="texts",
        ).metadata,
    )
    offload: Offload = field(
        default="on",
        metadata=Flag(
            "--offload",
            "Whether one packet may have many segments of TCP (segmentation offload); off needs --cpu-model.",
            choices=get_args(Offload),
        ).metadata,
    )


def read_testbed(file: str, options: NetworkOptions) -> Testbed:
    """Return the testbed of a file, with the addresses of ``--address-plan``.

    Print the findings about the file. If it has errors, exit with status 1.

    Raises:
        GtsError: something in the address plan is wrong.
    """
    testbed, _ = checked_testbed(read_source(file), parse_settings(options.settings))
    return testbed if options.address_plan is None else load_address_plan(options.address_plan, testbed)


def read_scenario_of(testbed: Testbed, options: NetworkOptions, *, allow_programs: bool = True) -> Scenario | None:
    """Return the scenario of ``--scenario``, checked against the testbed; None without the option.

    Raises:
        GtsError: something in the file or in a trace is wrong.
        click.UsageError: it starts commands, and ``allow_programs`` is false.
    """
    if options.scenario is None:
        return None
    from gtsdsl.scenario import load_scenario

    scenario = load_scenario(options.scenario, testbed, has_ipv6=not options.ipv4_only)
    if not allow_programs and any(event.kind == "start" for event in scenario.events):
        raise click.UsageError(
            f"{printable(options.scenario, 300)} starts commands: add --allow-programs if you trust this file"
        )
    return scenario
