"""The options of circuits to the user's own circuits, and the check that each option changes a circuit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gtsdsl.circuits.environments import environment, environments
from gtsdsl.text import did_you_mean, nearest_or_all, printable

if TYPE_CHECKING:
    from emulator.plan import Circuit, Plan
    from gtsdsl.circuits import Circuits
    from gtsdsl.cli.network import NetworkOptions

_RTT, _DELAY, _DELAY_FROM, _MTU, _BLACK_HOLE = "--rtt", "--delay", "--delay-from", "--mtu", "--black-hole"
_TIME_FORM = "A-B=TIME, as AMS-MIL=40ms"
_FORMS = {
    _RTT: _TIME_FORM,
    _DELAY: _TIME_FORM,
    _DELAY_FROM: "A-B=FILE.csv, as AMS-MIL=samples.csv",
    _MTU: "A-B=BYTES, as AMS-MIL=9000",
    _BLACK_HOLE: "A-B, as AMS-MIL",
}
_OWN = {_RTT: "delay", _DELAY: "delay", _DELAY_FROM: "delay", _MTU: "mtu", _BLACK_HOLE: "black_hole"}
"""The attribute by which a link has its own value."""


def custom_circuits(options: NetworkOptions) -> Circuits | None:
    """Return the user's own circuits; None without any.

    They are those of ``--environment``, replaced by those of ``--circuits``, replaced by those of ``--rtt``,
    ``--delay``, ``--delay-from``, ``--mtu`` and ``--black-hole``.

    Raises:
        click.BadParameter: no environment has the name; or an ``--rtt``, a ``--delay``, a ``--delay-from``, an
            ``--mtu`` or a ``--black-hole`` does not have its form, or sets a circuit again.
        GtsError: the file of ``--environment`` or ``--circuits`` is not a table of circuits, or that of
            ``--delay-from`` has no delays.
    """
    from gtsdsl.circuits import Circuit, Circuits, MeasuredDelays, canonical, read_circuits, read_samples
    from gtsdsl.model.units import each_direction, parse_duration_us, parse_mtu_bytes

    around = Circuits() if options.environment is None else find_environment(options.environment)
    custom = read_circuits(Path(options.circuits_file)) if options.circuits_file else Circuits()
    custom = replace(
        custom,
        sites={**around.sites, **custom.sites},
        circuits={**around.circuits, **custom.circuits},
        every=around.every if custom.every == Circuits().every else custom.every,
    )
    given = dict(custom.circuits)
    one_way_us: dict[tuple[str, str], int] = {}
    mtu_bytes: dict[tuple[str, str], int] = {}
    sampled: dict[tuple[str, str], MeasuredDelays] = {}
    every_sampled: MeasuredDelays | None = None
    seen: set[tuple[str, str, str]] = set()
    for option, text in _between_sites(options):
        sites, equals, value = text.partition("=")
        if option == _DELAY_FROM and not sites_and_file(text)[0]:
            if every_sampled is not None:
                raise click.BadParameter("the delays of all circuits are given twice", param_hint=option)
            every_sampled = read_samples(text)
            continue
        ends = [code.strip().upper() for code in sites.split("-")]
        if bool(equals) == (option == _BLACK_HOLE) or len(ends) != 2 or not all(ends):
            raise click.BadParameter(f"`{printable(text)}` is not {_FORMS[option]}", param_hint=option)
        near, far = (canonical(code, custom) for code in ends)
        first, second = sorted((near, far))
        is_back = option == _DELAY_FROM and (far, near) in sampled  # each direction may have a file of one-way delays
        key = _RTT if option in {_DELAY, _DELAY_FROM} else option, first, second  # all give the delay
        if key in seen and (not is_back or (near, far) in sampled):
            raise click.BadParameter(f"`{printable(f'{first}-{second}')}` is given twice", param_hint=option)
        seen.add(key)
        try:
            if option == _MTU:
                mtu_bytes[first, second] = parse_mtu_bytes(value.strip())
            elif option == _DELAY:
                one_way_us[near, far], one_way_us[far, near] = each_direction(parse_duration_us, value.strip())
            elif option == _DELAY_FROM:
                sampled[near, far] = read_samples(value)
                if is_back and (sampled[near, far].is_round_trip or sampled[far, near].is_round_trip):
                    raise ValueError("two files for a circuit are for its directions, so both have one-way delays")
            elif option == _RTT:
                rtt_ms = parse_duration_us(value.strip()) / 1000
                given[first, second] = Circuit((first, second), rtt_ms, rtt_ms, rtt_ms, False, "given", option)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint=option) from None
    holes = frozenset((first, second) for option, first, second in seen if option == _BLACK_HOLE)
    custom = replace(
        custom,
        circuits=given,
        one_way_us=one_way_us,
        mtu_bytes=mtu_bytes,
        black_holes=holes,
        sampled=sampled,
        every_sampled=every_sampled,
        order=options.order,
    )
    return None if custom == Circuits() else custom


def find_environment(name: str) -> Circuits:
    """Return the environment of ``--environment``.

    Raises:
        click.BadParameter: no environment and no file has the name.
        GtsError: the file is not a table of circuits.
    """
    try:
        return environment(name)
    except KeyError:
        near = nearest_or_all(name, list(environments()), "choose a file or one of")
        raise click.BadParameter(
            f"unknown environment {printable(name, 80)}; {near}", param_hint="--environment"
        ) from None


def sites_and_file(text: str) -> tuple[str, str]:
    """Return the two parts of a ``--delay-from``: ``A-B=``, or nothing for all circuits, and the file.

    The file's path may have an equals sign.
    """
    sites = re.match(r"[^-=/.]+-[^-=/.]+=", text)
    return ("", text) if sites is None else (sites[0], text[sites.end() :])


def _between_sites(options: NetworkOptions) -> Iterator[tuple[str, str]]:
    """Yield each text that the user gives for the circuits between two sites, after the name of its option."""
    yield from ((_RTT, text) for text in options.rtts)
    yield from ((_DELAY, text) for text in options.delays)
    yield from ((_DELAY_FROM, text) for text in options.delays_from)
    yield from ((_MTU, text) for text in options.mtus)
    yield from ((_BLACK_HOLE, text) for text in options.black_holes)


def _changes_nothing(option: str, text: str, circuits: Sequence[Circuit]) -> bool:
    """Return whether a text that the user gives for some circuits applies to none, because their links have their own.

    A value that is the same as a link's own counts as applied.
    """
    if option == _MTU:
        return all(circuit.mtu_bytes != int(text.partition("=")[2]) for circuit in circuits)
    if option == _BLACK_HOLE:
        return not any(circuit.is_black_hole for circuit in circuits)
    return all(circuit.source == "link" for circuit in circuits)


def require_effect(options: NetworkOptions, custom: Circuits | None, plan: Plan) -> None:
    """Refuse each option, and an environment, that changes no circuit, because a misspelt site would go unnoticed.

    Raises:
        click.BadParameter: no circuit joins the sites of an option, or all such circuits have their own value; or no
            circuit joins two sites of the environment, which does nothing to all circuits either.
    """
    from gtsdsl.circuits import Effect, canonical

    sites = {host.name: host.site for host in plan.hosts} | {switch.name: switch.site for switch in plan.switches}
    joined: dict[str, list[Circuit]] = {}
    for circuit in plan.circuits:
        ends = [sites[end.node] for end in circuit.ends]
        joined.setdefault("-".join(sorted(canonical(site, custom) for site in ends if site)), []).append(circuit)
    if options.environment is not None:
        around = find_environment(options.environment)
        if around.every == Effect() and not {"-".join(pair) for pair in around.circuits} & joined.keys():
            some = ", ".join(printable(code, 40) for code in [*around.sites][:4])
            raise click.BadParameter(
                f"it has no circuit of this topology: its sites are {some}, …", param_hint="--environment"
            )
    for option, text in _between_sites(options):
        if option == _DELAY_FROM and not sites_and_file(text)[0]:
            if all(circuit.source == "link" for circuit in plan.circuits):
                raise click.BadParameter("it would change nothing: all links have their own `delay`", param_hint=option)
            continue
        codes = text.partition("=")[0].split("-")
        name = "-".join(sorted(canonical(code.strip().upper(), custom) for code in codes))
        if name not in joined:
            between = " and ".join(printable(code, 40) for code in name.split("-"))
            near = did_you_mean(name, sorted(it for it in joined if "-" in it))
            hint = f"; {near}" if near else ": `gtsdsl plan` lists its circuits"
            raise click.BadParameter(f"this topology has no circuit between {between}{hint}", param_hint=option)
        if _changes_nothing(option, text, joined[name]):
            links = ", ".join(printable(circuit.id, 40) for circuit in joined[name][:4])
            own = f"the topology states its own `{_OWN[option]}` for {links}"
            raise click.BadParameter(f"`{printable(name, 80)}` would change nothing: {own}", param_hint=option)
