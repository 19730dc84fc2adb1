"""Flannel's agent: it leases a subnet in etcd for its host, and writes the other hosts' leases into the kernel.

The agent is a process in its host's network namespace and runs until SIGTERM. While the store or the agent is away, the
kernel keeps what it has. The agent sends the store the same requests in the same order as flannel 0.28, except those
for the remaining terms of the other hosts' leases.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
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
from emulator.overlays.model import Network
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
    is the address and the port of etcd. ``ttl_s`` is the term of a lease in seconds. ``public_ipv6`` is the host's own
    address of IPv6; None without IPv6.
    """

    backend: str
    number: int
    public_ip: str
    circuits: tuple[str, ...]
    folder: Path
    store: tuple[str, int]
    ttl_s: int
    public_ipv6: str | None = None

    @property
    def public_ips(self) -> tuple[str, ...]:
        """The host's own address of IPv4, and that of IPv6 if it has one."""
        return (self.public_ip,) if self.public_ipv6 is None else (self.public_ip, self.public_ipv6)


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
    """The state of an agent.

    The backends, one for each family, and the tables are missing until the store's configuration has been read.
    """

    def __init__(self, settings: Settings, kernel: Handle, changes: Changes) -> None:
        self._settings = settings
        self._kernel = kernel
        self._changes = changes
        self._config: Config | None = None
        self._backends: tuple[Backend, ...] = ()
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
                    config, tables = self._set_up(client)
                    lease = self._take_lease(client, config)
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
                    client.delete(key_of(*self._lease.subnets))
                    client.revoke(self._etcd_lease)
            except StoreError as error:
                log(f"{error}; the lease stays until its term ends")
        if self._tables is not None:
            self._tables.clear()
        for name in (PEERS_FILE, SUBNET_FILE):
            (self._settings.folder / name).unlink(missing_ok=True)

    def _set_up(self, client: Client) -> tuple[Config, Tables]:
        """Read the configuration, and make the backends with their devices and the tables; only once."""
        if self._config is None or self._tables is None:
            item = client.get(CONFIG_KEY)
            if item is None:
                raise StoreError(f"the store has no {CONFIG_KEY}")
            self._config = _parse_config(item, self._settings)
            interface_bytes = self._kernel.least_mtu_bytes(self._settings.circuits)
            mtu_bytes = self._config.circuit_mtu_bytes or interface_bytes
            self._backends = tuple(
                BACKENDS[self._config.backend](
                    LocalHost(public_ip, mtu_bytes, interface_bytes, it.network, self._settings.folder), self._kernel
                )
                for public_ip, it in zip(self._settings.public_ips, self._config.ranges, strict=False)
            )
            self._tables = Tables(self._backends, self._kernel, self._changes)
            self._tables.ensure_device(read_here())
        return self._config, self._tables

    def _take_lease(self, client: Client, config: Config) -> Lease:
        """Lease the subnet that the store has for this host's address, or a free subnet."""
        for _ in range(_MAX_ATTEMPTS):
            leases = _parse_leases(client.list_keys(SUBNETS))
            own = next((it for it in leases.values() if it.public_ip == self._settings.public_ip), None)
            if own is not None and not _fits(own.subnets, config):
                client.delete(key_of(*own.subnets))  # left from another configuration
                own = None
            if own is not None:
                subnets = own.subnets
            else:
                others = [it for it in leases.values() if it.public_ip != self._settings.public_ip]
                subnets = self._choose_subnets(config, [subnet for it in others for subnet in it.subnets])
            lease = self._lease_of(subnets)
            if self._put(client, lease, is_new=own is None):
                break
        else:
            raise StoreError("other hosts took each subnet first")
        self._lease = lease  # at once, because `leave` may be called from now on
        state = read_here()
        for backend, subnet in zip(self._backends, subnets, strict=True):
            backend.ensure_device(state, subnet)
        text = format_subnet_file(config, subnets, self._backends[0].mtu_bytes)
        replace_text(self._settings.folder / SUBNET_FILE, text)
        log(f"leased {' and '.join(map(str, subnets))}")
        return lease

    def _lease_of(self, subnets: Sequence[Network]) -> Lease:
        """Return the host's lease of its subnets, with what others must know of the backends' devices."""
        halves = [
            Lease(subnet, backend.host.public_ip, backend.lease_type, backend.lease_data())
            for backend, subnet in zip(self._backends, subnets, strict=True)
        ]
        return replace(halves[0], ipv6=halves[1] if halves[1:] else None)

    def _choose_subnets(self, config: Config, taken: Sequence[Network]) -> tuple[Network, ...]:
        """Return a subnet of each family for a host without a lease: the host's previous ones, if they are free."""
        previous = self._previous_subnets()
        before = previous if _fits(previous, config) else (None,) * len(config.ranges)
        number = self._settings.number
        return tuple(it.choose(number, taken, old) for it, old in zip(config.ranges, before, strict=True))

    def _put(self, client: Client, lease: Lease, *, is_new: bool) -> bool:
        """Write the lease with a new etcd lease, and return whether it is there.

        With ``is_new``, the key must not exist; if another host has taken it, return False.
        """
        etcd_lease = client.grant(self._settings.ttl_s)
        key, value = key_of(*lease.subnets), lease_to_json(lease)
        if is_new:
            if not client.put_if(key, 0, value, etcd_lease):
                client.revoke(etcd_lease)
                return False
        else:
            client.put(key, value, etcd_lease)
        self._etcd_lease = etcd_lease
        self._renewal_s = time.monotonic() + self._settings.ttl_s * (1 - RENEWAL_MARGIN)
        return True

    def _previous_subnets(self) -> tuple[Network, ...]:
        try:
            return parse_subnet_file((self._settings.folder / SUBNET_FILE).read_text())
        except FileNotFoundError:
            return ()

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
            if event.item.key == key_of(*own.subnets):
                raise _LeaseLostError
            self._leases.pop(event.item.key, None)
        elif (lease := _parse_lease(event.item)) is not None:
            self._leases[event.item.key] = lease

    def _update(self, own: Lease, tables: Tables) -> None:
        others = [lease for _, lease in sorted(self._leases.items()) if lease.public_ip != own.public_ip]
        # flannel's backend `udp` is the only one that takes leases of all backends
        peers = [lease for lease in others if not own.backend or lease.backend == own.backend]
        tables.update(own.subnets, peers)
        halves = [half for peer in peers for half in peer.halves[: len(self._backends)]]
        known = [{"PublicIP": half.public_ip, "Subnet": str(half.subnet)} for half in halves]
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


def _fits(subnets: Sequence[Network], config: Config) -> bool:
    """Return whether a configuration has such subnets to lease."""
    ranges = config.ranges
    return len(subnets) == len(ranges) and all(it in found for it, found in zip(subnets, ranges, strict=True))


def _parse_config(item: KeyValue, settings: Settings) -> Config:
    try:
        config = config_from_json(item.value)
    except ValueError as error:
        raise EmulationError(f"{CONFIG_KEY}: {error}") from None
    if config.backend != settings.backend:
        raise EmulationError(f"{CONFIG_KEY} demands the backend {config.backend!a}, not {settings.backend}")
    if config.ipv6_network is not None and settings.public_ipv6 is None:
        raise EmulationError(f"{CONFIG_KEY} demands IPv6: use --overlay-ipv6")
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
