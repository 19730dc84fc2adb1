"""What `flanneld` does on a host: leases a subnet in etcd, and has in the kernel what the others' leases say.

It is a process of its own, in its host's network namespace, which ends only when it is told to. Without the store, or
without the agent, the kernel keeps what it has. The agent asks the store for what flannel 0.28 asks for, in the same
order, but for the time that is left of the others' leases.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from types import FrameType

from emulator.errors import EmulationError
from emulator.netlink import namespaces
from emulator.netlink.connection import NetlinkError
from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import read_here
from emulator.overlays.flannel.backend import Backend, Here
from emulator.overlays.flannel.hostgw import HostGw
from emulator.overlays.flannel.leases import (
    CONFIG_KEY,
    RENEWAL_MARGIN,
    SUBNETS,
    Config,
    Lease,
    choose,
    config_from_json,
    key_of,
    lease_from_json,
    lease_to_json,
    subnet_file,
    subnet_in_file,
)
from emulator.overlays.flannel.udp import Udp
from emulator.overlays.flannel.vxlan import Vxlan
from emulator.overlays.flannel.wireguard import WireGuard
from emulator.stores.client import Client, Event, KeyValue, Listing, StoreError

BACKENDS: dict[str, type[Backend]] = {kind.type: kind for kind in (Vxlan, HostGw, Udp, WireGuard)}
SUBNET_FILE = "subnet.env"
PEERS_FILE = "peers.json"

_CHECK_S = 10.0
"""So often it looks whether the kernel still has what it should, as flannel does for its routes."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
"""Between attempts to reach the store, doubled each time; as flannel's watch has it."""
_RACES = 10


@dataclass(frozen=True, slots=True)
class Settings:
    """What an agent is told. ``number`` is its host's, from 1 on, ``circuits`` its interfaces to other hosts.

    ``folder`` is the host's ``/run/flannel``, ``store`` where etcd is reached, ``ttl_s`` how long a lease lasts.
    """

    backend: str
    number: int
    public_ip: str
    circuits: tuple[str, ...]
    folder: Path
    store: tuple[str, int]
    ttl_s: int


class _ToldToLeaveError(Exception):
    """SIGTERM has come."""


class _LeaseLostError(Exception):
    """The store no longer has this host's lease."""


def run(settings: Settings) -> None:
    """Be the agent of the host whose network namespace the process is in, until SIGTERM.

    On SIGTERM it leaves as an administrator takes a host out: its lease and what it wrote are removed. (flannel leaves
    both, for others to remove.) Killed in any other way, it leaves them as they are.

    Raises:
        EmulationError: it cannot go on.
    """
    gc.enable()  # off in the process that it was forked from, which is not to live long
    signal.signal(signal.SIGTERM, _leave)
    settings.folder.mkdir(parents=True, exist_ok=True)
    here = namespaces.current("net")
    try:
        with Handle(here) as kernel:
            agent = _Agent(settings, kernel)
            try:
                agent.serve()
            except _ToldToLeaveError:
                agent.leave()
    finally:
        os.close(here)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise _ToldToLeaveError


class _Agent:
    def __init__(self, settings: Settings, kernel: Handle) -> None:
        self._settings = settings
        self._kernel = kernel
        self._backend: Backend | None = None
        self._config: Config | None = None
        self._lease: Lease | None = None
        self._others: dict[str, Lease] = {}
        self._renew_s = self._check_s = 0.0

    def serve(self) -> None:
        """Hold the lease and follow the others', with the store there and away."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                with Client(*self._settings.store) as client:
                    self._start(client)
                    self._take_lease(client)
                    pause_s = _FIRST_PAUSE_S
                    self._follow(client)
            except _LeaseLostError:
                _say("the lease was taken away")
            except StoreError as error:
                _say(f"{error}; trying again in {pause_s:g} s")
                self._pause(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def leave(self) -> None:
        """Remove the lease, if the store can be reached, and what was written."""
        if self._lease is not None:
            try:
                with Client(*self._settings.store, deadline_s=1.0) as client:
                    client.delete(key_of(self._lease.subnet))
            except StoreError as error:
                _say(f"{error}; the lease stays until it ends")
        if self._backend is not None:
            for entry in self._there(self._backend):
                self._kernel.drop(entry)
            self._backend.remove()
        (self._settings.folder / PEERS_FILE).unlink(missing_ok=True)

    def _start(self, client: Client) -> None:
        """Have the backend that the network's configuration asks for; once."""
        if self._backend is not None:
            return
        item = client.get(CONFIG_KEY)
        if item is None:
            raise StoreError(f"the store has no {CONFIG_KEY}")
        try:
            self._config = config_from_json(item.value)
        except ValueError as error:
            raise EmulationError(f"{CONFIG_KEY}: {error}") from None
        settings = self._settings
        if self._config.backend != settings.backend:
            raise EmulationError(f"{CONFIG_KEY} asks for the backend {self._config.backend!a}: {settings.backend} runs")
        mtu_bytes = min(self._kernel.mtu_bytes(name) for name in settings.circuits)
        here = Here(settings.public_ip, mtu_bytes, self._config.network, settings.folder)
        self._backend = BACKENDS[settings.backend](here, self._kernel)
        self._backend.ensure(None)

    def _take_lease(self, client: Client) -> None:
        """Lease a subnet: the one that the store has for this host's address, else a free one."""
        config, backend = self._needed
        for _ in range(_RACES):
            listing = client.list_keys(SUBNETS)
            leases = _leases(listing)
            own = next((it for it in leases.values() if it.public_ip == self._settings.public_ip), None)
            subnet = own.subnet if own is not None and own.subnet in config.subnets else None
            if own is not None and subnet is None:
                client.delete(key_of(own.subnet))  # of another configuration
            is_new = subnet is None
            if subnet is None:
                taken = [it.subnet for it in leases.values() if it is not own]
                subnet = choose(config, self._settings.number, taken, self._previous())
            lease = Lease(subnet, self._settings.public_ip, backend.lease_type, backend.data())
            if self._put(client, lease, is_new=is_new):
                break
        else:
            raise StoreError("other hosts take each subnet first")
        self._lease = lease
        backend.ensure(subnet)
        _write(self._settings.folder / SUBNET_FILE, subnet_file(config.network, subnet, backend.mtu_bytes))
        _say(f"leased {subnet}")

    def _put(self, client: Client, lease: Lease, *, is_new: bool) -> bool:
        """Put the lease into the store for another term; false if it was to be new and somebody has it."""
        term = client.grant(self._settings.ttl_s)
        key, value = key_of(lease.subnet), lease_to_json(lease)
        if is_new:
            if not client.put_if(key, 0, value, term):
                client.revoke(term)
                return False
        else:
            client.put(key, value, term)
        self._renew_s = time.monotonic() + self._settings.ttl_s * (1 - RENEWAL_MARGIN)
        return True

    def _previous(self) -> IPv4Network | None:
        try:
            return subnet_in_file((self._settings.folder / SUBNET_FILE).read_text())
        except FileNotFoundError:
            return None

    def _follow(self, client: Client) -> None:
        """Have in the kernel what the leases say, as they come and go; it ends with the store's absence."""
        listing = client.list_keys(SUBNETS)
        self._others = _leases(listing)
        self._settle()
        with client.watch(SUBNETS, listing.revision + 1) as watch:
            while True:
                now_s = time.monotonic()
                events = watch.events(max(0.0, min(self._renew_s, self._check_s) - now_s))
                for event in events:
                    self._note(event)
                if events or time.monotonic() >= self._check_s:
                    self._settle()
                if time.monotonic() >= self._renew_s and self._lease is not None:
                    self._put(client, self._lease, is_new=False)

    def _note(self, event: Event) -> None:
        if event.kind == "delete":
            self._others.pop(event.item.key, None)
            if self._lease is not None and event.item.key == key_of(self._lease.subnet):
                raise _LeaseLostError
        elif (lease := _lease(event.item)) is not None:
            self._others[event.item.key] = lease

    def _settle(self) -> None:
        """Have the kernel's tables as the leases have it: what is missing is added, what is stale removed."""
        _, backend = self._needed
        self._check_s = time.monotonic() + _CHECK_S
        peers = [
            lease
            for _, lease in sorted(self._others.items())
            if lease.public_ip != self._settings.public_ip and lease.backend == backend.lease_type
        ]
        try:
            backend.ensure(None if self._lease is None else self._lease.subnet)
        except NetlinkError as error:
            _say(str(error))
            return
        wanted, there = backend.reach(peers), self._there(backend)
        # what is stale goes first: one of two neighbours with the same address would take the other along
        for write, entries in (
            (self._kernel.drop, [entry for entry in there if entry not in wanted]),
            (self._kernel.put, [entry for entry in wanted if entry not in there]),
        ):
            for entry in entries:
                try:
                    write(entry)
                except NetlinkError as error:
                    _say(str(error))
        known = [{"PublicIP": lease.public_ip, "Subnet": str(lease.subnet)} for lease in peers]
        _write(self._settings.folder / PEERS_FILE, json.dumps(known))

    def _there(self, backend: Backend) -> list[Entry]:
        state = read_here()
        entries: list[Entry] = [*state.neighbours, *state.fdb, *state.tunnel_peers]
        entries += [route for route in state.routes if route.protocol != "kernel"]
        return [entry for entry in entries if backend.owns(entry)]

    def _pause(self, seconds: float) -> None:
        """Wait, and see to the kernel's tables meanwhile."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            time.sleep(min(left_s, max(0.0, self._check_s - time.monotonic())))
            if self._lease is not None and time.monotonic() >= self._check_s:
                self._settle()

    @property
    def _needed(self) -> tuple[Config, Backend]:
        if self._config is None or self._backend is None:
            raise AssertionError("the store has been asked for both")
        return self._config, self._backend


def _leases(listing: Listing) -> dict[str, Lease]:
    found = {item.key: _lease(item) for item in listing.items}
    return {key: lease for key, lease in found.items() if lease is not None}


def _lease(item: KeyValue) -> Lease | None:
    try:
        return lease_from_json(item.key, item.value)
    except (ValueError, TypeError) as error:
        _say(f"{item.key!a} is passed over: {error}")
        return None


def _write(path: Path, text: str) -> None:
    """Write a file that is there as a whole or not at all."""
    new = path.with_name(f".{path.name}")
    new.write_text(text)
    new.replace(path)


def _say(what: str) -> None:
    print(f"[{time.monotonic():.3f}] {what}", file=sys.stderr, flush=True)
