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
import time
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from types import FrameType

from emulator.netlink import namespaces
from emulator.netlink.changes import Changes
from emulator.netlink.handle import Handle
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
    format_subnet_file,
    key_of,
    lease_from_json,
    lease_to_json,
    parse_subnet_file,
)
from emulator.overlays.flannel.tables import Tables, say
from emulator.overlays.flannel.udp import Udp
from emulator.overlays.flannel.vxlan import Vxlan
from emulator.overlays.flannel.wireguard import WireGuard
from emulator.stores.client import Client, Event, KeyValue, Listing, StoreError
from emulator.system.errors import EmulationError

BACKENDS: dict[str, type[Backend]] = {kind.type: kind for kind in (Vxlan, HostGw, Udp, WireGuard)}
SUBNET_FILE = "subnet.env"
PEERS_FILE = "peers.json"

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
"""Between attempts to reach the store, doubled each time; as flannel's watch has it."""
_RACES = 10
_LEAVE_S = 1.0


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
    # off in the process that it was forked from, which is not to live long; what that has loaded stays shared with it
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGTERM, _leave)
    settings.folder.mkdir(parents=True, exist_ok=True)
    here = namespaces.current("net")
    try:
        with Handle(here) as kernel, Changes() as changes:
            agent = _Agent(settings, kernel, changes)
            try:
                agent.serve()
            except _ToldToLeaveError:
                agent.leave()
    finally:
        os.close(here)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise _ToldToLeaveError


class _Agent:
    """Where it stands with the store. Before the network's configuration is known, it has no backend."""

    def __init__(self, settings: Settings, kernel: Handle, changes: Changes) -> None:
        self._settings = settings
        self._kernel = kernel
        self._changes = changes
        self._config: Config | None = None
        self._backend: Backend | None = None
        self._tables: Tables | None = None
        self._lease: Lease | None = None
        self._term = 0
        """The store's lease that the key of ours goes with."""
        self._leases: dict[str, Lease] = {}
        self._renew_s = 0.0

    def serve(self) -> None:
        """Hold the lease and follow the others', with the store there and away."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                with Client(*self._settings.store) as client:
                    config, backend, tables = self._started(client)
                    lease = self._take_lease(client, config, backend)
                    pause_s = _FIRST_PAUSE_S
                    self._follow(client, lease, tables)
            except _LeaseLostError:
                say("the lease was taken away")
            except StoreError as error:
                say(f"{error}; trying again in {pause_s:g} s")
                self._pause(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def leave(self) -> None:
        """Remove the lease, if the store can be reached, and what was written."""
        if self._lease is not None:
            try:
                with Client(*self._settings.store, deadline_s=_LEAVE_S) as client:
                    # both: told to leave in the middle of a request, it does not know of the term that the key has
                    client.delete(key_of(self._lease.subnet))
                    client.revoke(self._term)
            except StoreError as error:
                say(f"{error}; the lease stays until it ends")
        if self._tables is not None:
            self._tables.clear()
        for name in (PEERS_FILE, SUBNET_FILE):
            (self._settings.folder / name).unlink(missing_ok=True)

    def _started(self, client: Client) -> tuple[Config, Backend, Tables]:
        """The backend that the network's configuration asks for, with its device; made once."""
        if self._config is None or self._backend is None or self._tables is None:
            item = client.get(CONFIG_KEY)
            if item is None:
                raise StoreError(f"the store has no {CONFIG_KEY}")
            self._config = _config(item, self._settings.backend)
            mtu_bytes = self._kernel.least_mtu_bytes(self._settings.circuits)
            here = Here(self._settings.public_ip, mtu_bytes, self._config.network, self._settings.folder)
            self._backend = BACKENDS[self._config.backend](here, self._kernel)
            self._backend.ensure(read_here(), None)
            self._tables = Tables(self._backend, self._kernel, self._changes)
        return self._config, self._backend, self._tables

    def _take_lease(self, client: Client, config: Config, backend: Backend) -> Lease:
        """Lease a subnet: the one that the store has for this host's address, else a free one."""
        for _ in range(_RACES):
            leases = _leases(client.list_keys(SUBNETS))
            own = next((it for it in leases.values() if it.public_ip == self._settings.public_ip), None)
            if own is not None and own.subnet not in config.subnets:
                client.delete(key_of(own.subnet))  # of another configuration
                own = None
            if own is not None:
                subnet = own.subnet
            else:
                taken = [it.subnet for it in leases.values() if it.public_ip != self._settings.public_ip]
                subnet = choose(config, self._settings.number, taken, self._previous())
            lease = Lease(subnet, self._settings.public_ip, backend.lease_type, backend.data())
            if self._put(client, lease, is_new=own is None):
                break
        else:
            raise StoreError("other hosts were faster for each subnet")
        self._lease = lease  # at once: told to leave from now on, it takes the lease along
        backend.ensure(read_here(), subnet)
        _write(self._settings.folder / SUBNET_FILE, format_subnet_file(config.network, subnet, backend.mtu_bytes))
        say(f"leased {subnet}")
        return lease

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
        self._term = term
        self._renew_s = time.monotonic() + self._settings.ttl_s * (1 - RENEWAL_MARGIN)
        return True

    def _previous(self) -> IPv4Network | None:
        try:
            return parse_subnet_file((self._settings.folder / SUBNET_FILE).read_text())
        except FileNotFoundError:
            return None

    def _follow(self, client: Client, own: Lease, tables: Tables) -> None:
        """Have in the kernel what the leases say, as they come and go; it ends with the store's absence."""
        listing = client.list_keys(SUBNETS)
        self._leases = _leases(listing)
        self._settle(own, tables)
        client.close()  # until the next request: an idle connection is probed all the time
        with client.watch(SUBNETS, listing.revision + 1) as watch:
            while True:
                until_s = min(self._renew_s, tables.check_s)
                events = watch.events(max(0.0, until_s - time.monotonic()))
                if events:
                    for event in events:
                        self._note(event, own)
                    self._settle(own, tables)
                tables.check()
                if time.monotonic() >= self._renew_s:
                    self._put(client, own, is_new=False)

    def _note(self, event: Event, own: Lease) -> None:
        if event.kind == "delete":
            if event.item.key == key_of(own.subnet):
                raise _LeaseLostError
            self._leases.pop(event.item.key, None)
        elif (lease := _lease(event.item)) is not None:
            self._leases[event.item.key] = lease

    def _settle(self, own: Lease, tables: Tables) -> None:
        others = [lease for _, lease in sorted(self._leases.items()) if lease.public_ip != own.public_ip]
        # that of `udp` is the one backend of flannel's that does not ask
        peers = [lease for lease in others if not own.backend or lease.backend == own.backend]
        tables.settle(own.subnet, peers)
        known = [{"PublicIP": lease.public_ip, "Subnet": str(lease.subnet)} for lease in peers]
        _write(self._settings.folder / PEERS_FILE, json.dumps(known))

    def _pause(self, seconds: float) -> None:
        """Wait, and see to the kernel's tables meanwhile."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            time.sleep(
                left_s if self._tables is None else min(left_s, max(0.0, self._tables.check_s - time.monotonic()))
            )
            if self._tables is not None:
                self._tables.check()


def _config(item: KeyValue, backend: str) -> Config:
    try:
        found = config_from_json(item.value)
    except ValueError as error:
        raise EmulationError(f"{CONFIG_KEY}: {error}") from None
    if found.backend != backend:
        raise EmulationError(f"{CONFIG_KEY} asks for the backend {found.backend!a}, not {backend}")
    return found


def _leases(listing: Listing) -> dict[str, Lease]:
    found = {item.key: _lease(item) for item in listing.items}
    return {key: lease for key, lease in found.items() if lease is not None}


def _lease(item: KeyValue) -> Lease | None:
    try:
        return lease_from_json(item.key, item.value)
    except (ValueError, TypeError) as error:
        say(f"{item.key!a} is passed over: {error}")
        return None


def _write(path: Path, text: str) -> None:
    """Write a file that is there as a whole or not at all."""
    new = path.with_name(f".{path.name}")
    new.write_text(text)
    new.replace(path)
