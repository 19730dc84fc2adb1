"""The part of the overlays' tests that runs in a guest: the player of scenarios, and what scenarios have in common."""

from __future__ import annotations

import json
import select
import signal
import socket
import time
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from emulator.measure.echo import Echo
from emulator.netlink import namespaces

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork

_ETH_P_ALL = 3
_QUIET_S = 0.5
_STEP_S = 0.05
_ECHO_HEADER_BYTES = 28
"""The headers of an echo: IPv4 and ICMP."""
_WHOLE = "-M do"
"""The option of `ping` that lets no host divide the packet."""
_LONGEST_S = 300.0
_ECHOES = 15
"""Other programs on the machine read the clock too, a `dockerd` most of all when it has just started, which takes time
of it: a single echo may be 20 µs late."""


class Probe:
    """Echoes between containers of a network, by their names, in the virtual clock."""

    def __init__(self, network: EmulatedNetwork) -> None:
        self.network = network
        deployment = network.deployment
        assert deployment is not None
        self.addresses = deployment.addresses
        self._number = 0

    def rtt_ms(self, near: str, far: str, patience_s: float = 1.0) -> float | None:
        """Measure a round trip in ms; None without an answer."""
        self._number += 1
        descriptor = self.network.lab.namespace(near)
        with Echo(descriptor, self.addresses[near]) as echo:
            found = echo.round_trip_ns(self.addresses[far], self._number, patience_s)
        return None if found is None else found / 1e6

    def reach(self, near: str, far: str) -> bool:
        return self.rtt_ms(near, far) is not None

    def steady_ms(self, near: str, far: str) -> float | None:
        """Return the median round trip in ms, after echoes that trigger ARP and handshakes."""
        for _ in range(3):
            self.rtt_ms(near, far, patience_s=6.0)
        found = [self.rtt_ms(near, far) for _ in range(_ECHOES)]
        return None if None in found else sorted(filter(None, found))[_ECHOES // 2]

    def seconds_until(self, near: str, far: str) -> float:
        """Wait for an answer, and return the seconds that it took, to a twentieth of a second."""
        return seconds_until(lambda: self.rtt_ms(near, far, patience_s=_STEP_S * 4) is not None)


class Stage:
    """The network and the overlay that a scenario works on, in the guest."""

    def __init__(self, network: EmulatedNetwork) -> None:
        assert network.deployment is not None
        self.net = network
        self.deployment = network.deployment
        self.probe = Probe(network)
        self.overlay: Any = network.deployment.overlay  # each scenario knows its own overlay
        self.store: Any = network.deployment.store


def seconds_until(condition: Callable[[], bool]) -> float:
    """Wait until a condition is true, and return the seconds that it took."""
    began_s = time.monotonic()
    while not condition():
        if time.monotonic() - began_s > _LONGEST_S:
            raise AssertionError("it never is")
        time.sleep(_STEP_S)
    return round(time.monotonic() - began_s, 3)


def captured(network: EmulatedNetwork, node: str, interface: str, action: Callable[[], object]) -> list[str]:
    """Return the frames, in hexadecimal, that pass an interface of a host during an action."""
    with namespaces.entered(network.lab.namespace(node)):
        # without a protocol, because the socket would take the frames of all interfaces until it is bound
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    with end:
        end.bind((interface, _ETH_P_ALL))
        action()
        frames = []
        while select.select([end], [], [], _QUIET_S)[0]:
            frames.append(end.recv(65535).hex())
        return frames


def ping(stage: Stage, payload_bytes: int, *options: str) -> str:
    """Return what `ping` says of one echo from c1 to c2."""
    return str(stage.net["c1"].cmd("ping -c 1 -W 2", *options, "-s", payload_bytes, stage.probe.addresses["c2"]))


def reached(stage: Stage, mtu_bytes: int) -> dict[str, object]:
    """Return the round trips between all containers, the ways back, and what becomes of the largest packet.

    ``frames`` and ``largest`` are the frames at h1 of an echo from c1 to c2, and of one of ``mtu_bytes``. ``passes``
    and ``refused`` are what `ping` says of the latter, and of one with a byte more.
    """
    net, probe = stage.net, stage.probe
    names = sorted(probe.addresses)
    interface, largest_bytes = net["h1"].intfNames()[0], mtu_bytes - _ECHO_HEADER_BYTES
    return {
        "rtt_ms": {f"{a} {b}": probe.steady_ms(a, b) for a in names for b in names if a < b},
        "back": {f"{b} {a}": probe.reach(b, a) for a in names for b in names if a < b},
        "frames": captured(net, "h1", interface, lambda: probe.rtt_ms("c1", "c2")),
        "largest": captured(net, "h1", interface, lambda: ping(stage, largest_bytes, _WHOLE)),
        "passes": ping(stage, largest_bytes, _WHOLE),
        "refused": ping(stage, largest_bytes + 1, _WHOLE),
    }


def kill(network: EmulatedNetwork, host: str) -> None:
    """Kill the agent of a host, as if it had crashed."""
    assert network.deployment is not None
    network.deployment.overlay.agents[host].stop(signal.SIGKILL)


def cut(network: EmulatedNetwork, host: str, how: str) -> None:
    """Bring all circuits of a host ``down``, or ``up``."""
    for circuit in network.plan.circuits:
        first, second = (end.node for end in circuit.ends)
        if host in (first, second):
            network.configLinkStatus(first, second, how)


def play(network: EmulatedNetwork, module: str, name: str, parameters: dict[str, object]) -> None:
    """Run a scenario by the names of its module and function, and print its result for the test."""
    result = getattr(import_module(module), name)(Stage(network), **parameters)
    print("RESULT", json.dumps(result), flush=True)
