"""The text of a cost table that was measured on this machine."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Iterator, Mapping

from emulator.calibration.chains import CHAINS, RULES
from emulator.calibration.fit import Estimate, estimate
from emulator.calibration.measurement import Measurement
from emulator.cpu.model import MAX_CORES
from emulator.cpu.table import STAGES, Interval
from emulator.system.machine import processor, system
from emulator.system.text import one_line
from gtsdsl import __version__

_HOW = {
    "socket": "half of a datagram's way from a program to another over one veth pair, less that pair: send and UDP "
    "at one end, UDP and recv at the other, one system call for each packet and no work of the program",
    "veth": "a frame that is sent over a veth pair and dropped at its end, less a frame that is dropped at once",
    "bridge": "a chain of two veth pairs and a bridge, less the other stages",
    "forward": "a chain of two veth pairs and a namespace that forwards, less the other stages",
    "rule": f"one of {RULES} rules of iptables in the sender's OUTPUT, none of which matches, less the other stages",
    "openvswitch": "a chain of two veth pairs and a datapath with one flow for the packets, less the other stages",
    "ipsec": "encryption: a datagram that is encrypted, sent over a veth pair and dropped at its end, less one that is "
    "not encrypted; decryption is taken to cost the same",
    "user-space": "half of a chain with a TUN interface at each end and UDP between them, less the other stages: the "
    "system calls of the program that carries the packets, and no work of the program",
}
"""The measurement for a stage; `_HALF` for the others."""
_HALF = "half of a chain with it at both ends of one veth pair, less the other stages"
_NEVER = {
    "nic": "a network card cannot be measured with namespaces",
    "wireguard": "WireGuard works in threads of the kernel, which this way of measuring does not see",
}
"""The stages that are never measured, each with the reason."""
_DIGITS = 6


def left_out(measurement: Measurement) -> dict[str, str]:
    """Return the stages that the table has no figures for, each with the reason."""
    reasons = {**measurement.missing, **_NEVER}
    return {stage: reasons[stage] for stage in STAGES if stage in reasons}


def table_text(measurement: Measurement, command: str) -> str:
    """Return the cost table of a measurement as TOML; ``command`` is what the user typed."""
    costs = estimate([chain.stages for chain in CHAINS], measurement.samples, measurement.python_ns)
    return "".join(f"{line}\n" for line in _lines(measurement, costs, command))


def _lines(measurement: Measurement, costs: Mapping[str, Estimate], command: str) -> Iterator[str]:
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    cores = min(len(os.sched_getaffinity(0)), MAX_CORES)
    yield f"# Written by gtsdsl {__version__}: {one_line(command)}"
    if measurement.trouble:
        yield f"# The machine was too busy, and --force wrote the table: {measurement.trouble}."
    yield "# Intervals are those of 95 %. These stages are left out:"
    for stage, reason in left_out(measurement).items():
        yield f"# - {stage}: {one_line(reason)}"
    where = f"{processor()}, {system()}"
    forced = " The machine was too busy." if measurement.trouble else ""
    yield f"description = {_text(f'{where}, measured on {day}.{forced}')}"
    yield f"cores = {cores}"
    how = (
        f"gtsdsl {__version__}, cpu calibrate, {day}, on processor {measurement.cpu} of {where}; medians of "
        f"{measurement.repetitions} repetitions"
    )
    for stage in STAGES:
        if stage in costs:
            yield ""
            yield f"[stages.{stage}]"
            found = costs[stage]
            yield f"packet_ns = {_number(found.cost.packet_ns)}"
            yield f"packet_ns_interval = {_interval(found.packet_ns)}"
            if stage != "rule":
                yield f"byte_ns = {_number(found.cost.byte_ns)}"
                yield f"byte_ns_interval = {_interval(found.byte_ns)}"
            yield f"source = {_text(f'{how}: {_HOW.get(stage, _HALF)}.{forced}')}"


def _number(value: float) -> str:
    return repr(round(value, _DIGITS))


def _interval(interval: Interval) -> str:
    return f"[{_number(interval[0])}, {_number(interval[1])}]"


def _text(text: str) -> str:
    """Return a text as a basic string of TOML, whose escapes are JSON's."""
    return json.dumps(one_line(text), ensure_ascii=False)
