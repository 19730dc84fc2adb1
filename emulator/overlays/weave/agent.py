"""The agent of a host: it makes the host's interfaces and runs the router until it is stopped."""

from __future__ import annotations

import os
import random
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from emulator.lab.log import log
from emulator.netlink import namespaces
from emulator.netlink.handle import Handle
from emulator.overlays.weave import fastdp_links, links
from emulator.overlays.weave.allocator import Allocator, AllocatorState
from emulator.overlays.weave.control import Server
from emulator.overlays.weave.fastdp import FastBridge
from emulator.overlays.weave.fastdp_forwarder import FastMethod
from emulator.overlays.weave.fastdp_ipsec import Ipsec
from emulator.overlays.weave.forwarder import Bridge, Method
from emulator.overlays.weave.loop import Loop
from emulator.overlays.weave.names import Names
from emulator.overlays.weave.pcap import Pcap
from emulator.overlays.weave.peers import Peer, name_text, parse_name
from emulator.overlays.weave.router import Router, RouterSettings
from emulator.overlays.weave.sleeve import Sleeve
from emulator.overlays.weave.status import Status, status_of
from emulator.system.decode import decode, encode

_STATE_FILE = "weave.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of an agent: its host's name and address, the addresses to connect to, and the containers' network.

    ``quorum`` is the number of hosts that must agree how the network is divided. ``folder`` has what survives the
    agent. ``mtu_bytes`` is the MTU of the bridge.
    """

    host: str
    address: str
    told: tuple[str, ...]
    variant: str
    password: str | None
    pool: IPv4Network
    quorum: int
    folder: Path
    mtu_bytes: int


@dataclass(frozen=True, slots=True)
class _Saved:
    """The state that survives an agent: how often it was started, and the addresses."""

    starts: int
    allocator: AllocatorState


def run(settings: Settings, control: socket.socket) -> None:
    """Run the router of the calling thread's namespace until SIGTERM, and answer questions from ``control``."""
    with Loop() as loop:
        _Agent(loop, settings, control).run()


class _Agent:
    """The parts of an agent."""

    def __init__(self, loop: Loop, settings: Settings, control: socket.socket) -> None:
        self._loop = loop
        self._settings = settings
        self._will_save = False
        saved = _load(settings.folder / _STATE_FILE)
        self._starts = saved.starts + 1
        # the same in each run, and another after each start, as the peer's uid must be
        chance = random.Random(f"{settings.host} {self._starts}")  # noqa: S311 - no secrets come from it
        self._bridge, self._methods = self._open()
        name = parse_name(links.mac_of_bridge(settings.address))
        self._router = Router(
            loop,
            RouterSettings(name, settings.host, settings.address, settings.told, settings.password),
            self._bridge,
            self._methods,
            chance,
        )
        self._names = Names(loop, self._router.gossips, name, self._router.knows)
        self._allocator = Allocator(
            loop, self._router.gossips, name, self._router.own.uid, settings.host, settings.pool,
            quorum=settings.quorum, chance=chance, on_change=self._save_soon,
        )  # fmt: skip
        self._router.on_removed.append(self._forget)
        self._allocator.restore(saved.allocator)
        for container, address in saved.allocator.owned.items():
            self._names.add(container, str(IPv4Address(address)))
        Server(loop, control, self._allocate, self._status)

    def run(self) -> None:
        """Run until SIGTERM; then leave the other peers and remove the router's interfaces."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer)
        signal.signal(signal.SIGTERM, lambda _number, _frame: None)
        self._loop.watch(reader, self._loop.stop)
        self._save_soon()
        self._router.start()
        log(f"{self._router.own} is ready")
        self._loop.run()
        self._save()
        self._router.stop()
        for method in self._methods:
            method.close()
        self._bridge.close()
        with Handle(namespaces.current("net")) as kernel:
            if self._settings.variant == "fastdp":
                fastdp_links.leave(kernel)
            else:
                links.remove_pcap(kernel)

    def _open(self) -> tuple[Bridge, Sequence[Method]]:
        settings, namespace = self._settings, namespaces.current("net")
        with Handle(namespace) as kernel:
            links.make_bridge(kernel, settings.address, settings.mtu_bytes)
            if settings.variant == "fastdp":
                if not kernel.has_link(fastdp_links.DATAPATH_PORT):
                    macs = links.pair_macs(settings.address)
                    fastdp_links.join(
                        kernel, namespace, bridge=links.BRIDGE, bridge_port=links.BRIDGE_PORT, macs=macs,
                        mtu_bytes=settings.mtu_bytes,
                    )  # fmt: skip
            else:
                links.make_pcap(kernel, namespace, settings.address, settings.mtu_bytes)
        os.close(namespace)
        sleeve = Sleeve(self._loop, settings.address)
        if settings.variant == "fastdp":
            bridge = FastBridge(self._loop)
            ipsec = Ipsec() if settings.password else None
            return bridge, (FastMethod(self._loop, bridge, ipsec, mtu_bytes=settings.mtu_bytes), sleeve)
        return Pcap(self._loop, links.PCAP), (sleeve,)

    def _allocate(self, container: str, done: Callable[[str], None]) -> None:
        def found(address: int) -> None:
            text = str(IPv4Address(address))
            self._names.add(container, text)
            done(text)

        self._allocator.allocate(container, found)

    def _status(self) -> Status:
        return status_of(self._router, self._allocator, self._names, is_encrypted=self._settings.password is not None)

    def _forget(self, peer: Peer) -> None:
        self._allocator.forget(name_text(peer.name))
        self._names.forget(name_text(peer.name))

    def _save_soon(self) -> None:
        if not self._will_save:
            self._will_save = True
            self._loop.defer(self._save)

    def _save(self) -> None:
        self._will_save = False
        path = self._settings.folder / _STATE_FILE
        new = path.with_suffix(".new")
        new.write_bytes(encode(_Saved(self._starts, self._allocator.saved)))
        new.replace(path)


def _load(path: Path) -> _Saved:
    if not path.exists():
        return _Saved(0, AllocatorState(None, {}))
    return decode(_Saved, path.read_bytes(), f"the file {path.name}")
