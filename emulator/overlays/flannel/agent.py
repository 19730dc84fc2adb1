"""Flannel's agent: it leases a subnet in etcd for its host, and writes the other hosts' leases into the kernel.

The agent is a process in its host's network namespace and runs until SIGTERM. While the store or the agent is away, the
kernel keeps what it has. The agent sends the store the same requests in the same order as flannel 0.28, except those
for the remaining terms of the other hosts' leases.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path

from emulator.lab.log import log
from emulator.netlink.changes import Changes
from emulator.netlink.handle import Handle
from emulator.netlink.state import read_here
from emulator.overlays.agent_process import run_agent
from emulator.overlays.flannel.backend import Backend, LocalHost
from emulator.overlays.flannel.hostgw import HostGw
from emulator.overlays.flannel.leases import (
    CONFIG_KEY,
    RENEWAL_MARGIN,
    SUBNETS,
    Config,
    Lease,
    choose_subnet,
    config_from_json,
    format_subnet_file,
    key_of,
    lease_from_json,
    lease_to_json,
    parse_subnet_file,
)
from emulator.overlays.flannel.tables import Tables
from emulator.overlays.flannel.udp import Udp
from emulator.overlays.flannel.vxlan import Vxlan
from emulator.overlays.flannel.wireguard import WireGuard
from emulator.stores.client import Client, Event, KeyValue, Listing, StoreError
from emulator.system.errors import EmulationError
from emulator.system.files import replace_text

BACKENDS: dict[str, type[Backend]] = {kind.type: kind for kind in (Vxlan, HostGw, Udp, WireGuard)}
SUBNET_FILE = "subnet.env"
PEERS_FILE = "peers.json"

_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.1, 5.0
"""The pauses between attempts to reach the store, which double each time, as those of flannel's watch."""
_MAX_ATTEMPTS = 10
_LEAVE_DEADLINE_S = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of an agent.

    ``backend`` is the backend's name. ``number`` is the host's number, counted from 1, and ``public_ip`` its own
    address. ``circuits`` are the names of its interfaces to circuits. ``folder`` stands for ``/run/flannel``. ``store``
    is the address and the port of etcd. ``ttl_s`` is the term of a lease in seconds.
    """

    backend: str
    number: int
    public_ip: str
    circuits: tuple[str, ...]
    folder: Path
    store: tuple[str, int]
    ttl_s: int


class _LeaseLostError(Exception):
    """The store no longer has this host's lease."""


def run(settings: Settings) -> None:
    """Run the agent of the host whose network namespace the process is in, until SIGTERM.

    On SIGTERM, the agent removes its lease and its entries in the kernel, as an administrator takes a host out of
    service; flannel itself leaves both. After any other end of the process, both stay.

    Raises:
        EmulationError: the configuration in the store is unusable, or no subnet is free.
    """
    settings.folder.mkdir(parents=True, exist_ok=True)
    run_agent(partial(_Agent, settings))


class _Agent:
    """The state of an agent. The backend and the tables are None until the store's configuration has been read."""

    def __init__(self, settings: Settings, kernel: Handle, changes: Changes) -> None:
        self._settings = settings
        self._kernel = kernel
        self._changes = changes
        self._config: Config | None = None
        self._backend: Backend | None = None
        self._tables: Tables | None = None
        self._lease: Lease | None = None
        self._etcd_lease = 0
        """The identifier of etcd's lease, whose end deletes the key of the host's lease."""
        self._leases: dict[str, Lease] = {}
        self._renewal_s = 0.0

    def serve(self) -> None:
        """Keep the host's lease and follow the other hosts' leases without end. Retry while the store is away."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                with Client(*self._settings.store) as client:
                    config, backend, tables = self._set_up(client)
                    lease = self._take_lease(client, config, backend)
                    pause_s = _FIRST_PAUSE_S
                    self._follow(client, lease, tables)
            except _LeaseLostError:
                log("the lease was deleted")
            except StoreError as error:
                log(f"{error}; trying again in {pause_s:g} s")
                self._pause(pause_s)
                pause_s = min(2 * pause_s, _MAX_PAUSE_S)

    def leave(self) -> None:
        """Remove the lease, if the store is reachable, and what the agent has in the kernel and in its folder."""
        if self._lease is not None:
            try:
                with Client(*self._settings.store, deadline_s=_LEAVE_DEADLINE_S) as client:
                    # both: SIGTERM may have come before the agent knew of the etcd lease that the key has
                    client.delete(key_of(self._lease.subnet))
                    client.revoke(self._etcd_lease)
            except StoreError as error:
                log(f"{error}; the lease stays until its term ends")
        if self._tables is not None:
            self._tables.clear()
        for name in (PEERS_FILE, SUBNET_FILE):
            (self._settings.folder / name).unlink(missing_ok=True)

    def _set_up(self, client: Client) -> tuple[Config, Backend, Tables]:
        """Read the configuration, and make the backend with its device and the tables; only once."""
        if self._config is None or self._backend is None or self._tables is None:
            item = client.get(CONFIG_KEY)
            if item is None:
                raise StoreError(f"the store has no {CONFIG_KEY}")
            self._config = _parse_config(item, self._settings.backend)
            mtu_bytes = self._kernel.least_mtu_bytes(self._settings.circuits)
            host = LocalHost(self._settings.public_ip, mtu_bytes, self._config.network, self._settings.folder)
            self._backend = BACKENDS[self._config.backend](host, self._kernel)
            self._backend.ensure_device(read_here(), None)
            self._tables = Tables(self._backend, self._kernel, self._changes)
        return self._config, self._backend, self._tables

    def _take_lease(self, client: Client, config: Config, backend: Backend) -> Lease:
        """Lease the subnet that the store has for this host's address, or a free subnet."""
        for _ in range(_MAX_ATTEMPTS):
            leases = _parse_leases(client.list_keys(SUBNETS))
            own = next((it for it in leases.values() if it.public_ip == self._settings.public_ip), None)
            if own is not None and own.subnet not in config.subnets:
                client.delete(key_of(own.subnet))  # left from another configuration
                own = None
            if own is not None:
                subnet = own.subnet
            else:
                taken = [it.subnet for it in leases.values() if it.public_ip != self._settings.public_ip]
                subnet = choose_subnet(config, self._settings.number, taken, self._previous_subnet())
            lease = Lease(subnet, self._settings.public_ip, backend.lease_type, backend.lease_data())
            if self._put(client, lease, is_new=own is None):
                break
        else:
            raise StoreError("other hosts took each subnet first")
        self._lease = lease  # at once, because `leave` may be called from now on
        backend.ensure_device(read_here(), subnet)
        replace_text(self._settings.folder / SUBNET_FILE, format_subnet_file(config.network, subnet, backend.mtu_bytes))
        log(f"leased {subnet}")
        return lease

    def _put(self, client: Client, lease: Lease, *, is_new: bool) -> bool:
        """Write the lease with a new etcd lease, and return whether it is there.

        With ``is_new``, the key must not exist; if another host has taken it, return False.
        """
        etcd_lease = client.grant(self._settings.ttl_s)
        key, value = key_of(lease.subnet), lease_to_json(lease)
        if is_new:
            if not client.put_if(key, 0, value, etcd_lease):
                client.revoke(etcd_lease)
                return False
        else:
            client.put(key, value, etcd_lease)
        self._etcd_lease = etcd_lease
        self._renewal_s = time.monotonic() + self._settings.ttl_s * (1 - RENEWAL_MARGIN)
        return True

    def _previous_subnet(self) -> IPv4Network | None:
        try:
            return parse_subnet_file((self._settings.folder / SUBNET_FILE).read_text())
        except FileNotFoundError:
            return None

    def _follow(self, client: Client, own: Lease, tables: Tables) -> None:
        """Keep the kernel's tables equal to the leases, until the store breaks the watch."""
        listing = client.list_keys(SUBNETS)
        self._leases = _parse_leases(listing)
        self._update(own, tables)
        client.close()  # the next request connects again; an idle connection would cost keep-alive probes
        with client.watch(SUBNETS, listing.revision + 1) as watch:
            while True:
                until_s = min(self._renewal_s, tables.next_check_s)
                events = watch.events(max(0.0, until_s - time.monotonic()))
                if events:
                    for event in events:
                        self._apply(event, own)
                    self._update(own, tables)
                tables.check()
                if time.monotonic() >= self._renewal_s:
                    self._put(client, own, is_new=False)

    def _apply(self, event: Event, own: Lease) -> None:
        if event.kind == "delete":
            if event.item.key == key_of(own.subnet):
                raise _LeaseLostError
            self._leases.pop(event.item.key, None)
        elif (lease := _parse_lease(event.item)) is not None:
            self._leases[event.item.key] = lease

    def _update(self, own: Lease, tables: Tables) -> None:
        others = [lease for _, lease in sorted(self._leases.items()) if lease.public_ip != own.public_ip]
        # flannel's backend `udp` is the only one that takes leases of all backends
        peers = [lease for lease in others if not own.backend or lease.backend == own.backend]
        tables.update(own.subnet, peers)
        known = [{"PublicIP": lease.public_ip, "Subnet": str(lease.subnet)} for lease in peers]
        replace_text(self._settings.folder / PEERS_FILE, json.dumps(known))

    def _pause(self, seconds: float) -> None:
        """Sleep for ``seconds``, and check the kernel's tables each time that a check is due."""
        end_s = time.monotonic() + seconds
        while (remaining_s := end_s - time.monotonic()) > 0:
            if self._tables is not None:
                remaining_s = min(remaining_s, max(0.0, self._tables.next_check_s - time.monotonic()))
            time.sleep(remaining_s)
            if self._tables is not None:
                self._tables.check()


def _parse_config(item: KeyValue, backend: str) -> Config:
    try:
        config = config_from_json(item.value)
    except ValueError as error:
        raise EmulationError(f"{CONFIG_KEY}: {error}") from None
    if config.backend != backend:
        raise EmulationError(f"{CONFIG_KEY} demands the backend {config.backend!a}, not {backend}")
    return config


def _parse_leases(listing: Listing) -> dict[str, Lease]:
    leases = {item.key: _parse_lease(item) for item in listing.items}
    return {key: lease for key, lease in leases.items() if lease is not None}


def _parse_lease(item: KeyValue) -> Lease | None:
    try:
        return lease_from_json(item.key, item.value)
    except (ValueError, TypeError) as error:
        log(f"{item.key!a} is ignored: {error}")
        return None
