"""Calico's agent on a host: it registers its host in etcd, and does what Felix and confd do with what etcd has.

The agent is a process in its host's network namespace and runs until SIGTERM. As Felix, it writes the entries of the
kernel, and the packet filter if there are policies; as confd, it writes BIRD's configuration. While the store or the
agent is down, the kernel keeps what it has.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from emulator import bird
from emulator.lab.log import log
from emulator.netlink.changes import Changes
from emulator.netlink.handle import Handle
from emulator.overlays.agent_process import run_agent
from emulator.overlays.calico import confd
from emulator.overlays.calico.felix import Dataplane, entries, is_of
from emulator.overlays.calico.ipam import Ipam
from emulator.overlays.calico.resources import (
    CLUSTER_KEY,
    FOLLOWED,
    WORKLOADS,
    Node,
    is_cluster_ready,
    node_key,
    node_to_json,
    workloads_of,
)
from emulator.overlays.calico.snapshot import Snapshot
from emulator.overlays.calico.tunnels import IPV6_TUNNELS, TUNNELS
from emulator.overlays.model import Network
from emulator.overlays.policy.enforcer import Enforcer
from emulator.overlays.policy.model import PolicySpec
from emulator.overlays.policy.sets import Endpoint
from emulator.stores.client import Client, StoreError
from emulator.system.files import replace_text
from emulator.system.poll import readable

PEERS_FILE = "peers.json"
"""The hosts that the agent knows; it is there as soon as the host is ready for containers."""

_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.1, 5.0
"""The pauses between attempts to reach the store, which double each time."""
_BIRD_PAUSE_S = 1.0
"""The pause between attempts to reach BIRD, as that between two starts of a program by Calico's `runit`."""
_MAX_ATTEMPTS = 10
_LEAVE_DEADLINE_S = 1.0
_NOT_READY = "the store has no Calico that is ready"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of an agent.

    ``host`` is the host's name, ``number`` its number, counted from 1, and ``addresses`` its own addresses: that of
    IPv4, and that of IPv6 if containers have it. ``pools`` are the networks of all containers, one for each family.
    ``variant`` is the overlay's variant. ``has_bird`` says whether BIRD runs on the host. ``cluster_id`` is a route
    reflector's cluster, None for other hosts. ``circuits`` are the names of the interfaces to circuits. ``folder`` has
    the files of the host, and ``store`` is the address and the port of etcd. ``policy`` has the network policies; None
    lets all packets through. ``mtu_bytes`` is the MTU of the containers; None is what the circuits let through.
    """

    host: str
    number: int
    addresses: tuple[str, ...]
    variant: str
    has_bird: bool
    cluster_id: str | None
    pools: tuple[Network, ...]
    circuits: tuple[str, ...]
    folder: Path
    store: tuple[str, int]
    policy: PolicySpec | None = None
    mtu_bytes: int | None = None


class _NodeLostError(Exception):
    """The store no longer has this host's node."""


def run(settings: Settings) -> None:
    """Run the agent of the host whose network namespace the process is in, until SIGTERM.

    On SIGTERM, the agent removes its node and its entries in the kernel, as an administrator takes a host out of
    service. The host's blocks and its containers' addresses stay. After any other end of the process, all stay.

    Raises:
        EmulationError: the pool has no block for the host's tunnel.
    """
    run_agent(partial(_Agent, settings))


class _Agent:
    """The state of an agent."""

    def __init__(self, settings: Settings, kernel: Handle, changes: Changes) -> None:
        self._settings = settings
        self._kernel = kernel
        kinds = [it[settings.variant] for it in (TUNNELS, IPV6_TUNNELS) if settings.variant in it]
        self._tunnels = tuple(kind() for kind in kinds[: len(settings.pools)])
        self._dataplane = Dataplane(kernel, changes, self._tunnels)
        policy = settings.policy
        families = () if policy is None else tuple(pool.version for pool in settings.pools)
        self._enforcers = [Enforcer(policy, settings.host, family) for family in families if policy is not None]
        self._must_configure = False
        """Whether BIRD has not read its newest configuration yet."""
        self._configure_s = 0.0

    def serve(self) -> None:
        """Keep the host registered and follow the store without end. Retry while the store is away."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                with Client(*self._settings.store) as client:
                    _require_cluster(client)
                    own = self._register(client)
                    pause_s = _FIRST_PAUSE_S
                    self._follow(client, own)
            except _NodeLostError:
                log("the node was deleted")
            except StoreError as error:
                log(f"{error}; trying again in {pause_s:g} s")
                self._pause(pause_s)
                pause_s = min(2 * pause_s, _MAX_PAUSE_S)

    def leave(self) -> None:
        """Remove the node, if the store is reachable, and what the agent and BIRD have in the kernel."""
        try:
            with Client(*self._settings.store, deadline_s=_LEAVE_DEADLINE_S) as client:
                client.delete(node_key(self._settings.host))
        except StoreError as error:
            log(f"{error}; the node stays")
        self._dataplane.clear()
        for enforcer in self._enforcers:
            enforcer.remove()
        (self._settings.folder / PEERS_FILE).unlink(missing_ok=True)

    def _register(self, client: Client) -> Node:
        """Write the host's node, with the address of its tunnel, unless the store has it."""
        settings = self._settings
        halves = [self._half(client, number) for number in range(len(settings.pools))]
        own = replace(halves[0], ipv6=halves[1] if halves[1:] else None)
        key, value = node_key(own.name), node_to_json(own, tunnel_kind=settings.variant)
        for _ in range(_MAX_ATTEMPTS):
            stored = client.get(key)
            if stored is not None and stored.value == value:
                return own
            if client.put_if(key, 0 if stored is None else stored.mod_revision, value):
                log(f"registered {own.name}")
                return own
        raise StoreError(f"{key} changes too often")

    def _half(self, client: Client, number: int) -> Node:
        """Return the host as a family reaches it: ``number`` is 0 for IPv4, and 1 for IPv6."""
        settings = self._settings
        tunnel, mac = None, None
        if self._tunnels:
            kind = self._tunnels[number]
            ipam = Ipam(settings.pools[number], settings.host, settings.number)
            tunnel = str(ipam.assign(client, f"{kind.handle}-{settings.host}", {"type": kind.purpose}))
            mac = kind.mac(settings.host)
        return Node(settings.host, settings.addresses[number], tunnel, mac, settings.cluster_id)

    def _follow(self, client: Client, own: Node) -> None:
        """Keep the kernel and BIRD as the store demands, until the store breaks a watch."""
        listings = [client.list_keys(prefix) for prefix in FOLLOWED]
        snapshot = Snapshot.of(*listings)
        self._update(own, snapshot)
        client.close()  # an idle connection would cost keep-alive probes
        with ExitStack() as stack:
            watches = [
                stack.enter_context(client.watch(prefix, listing.revision + 1))
                for prefix, listing in zip(FOLLOWED, listings, strict=True)
            ]
            while True:
                readable([watch.fileno() for watch in watches], max(0.0, self._next_check_s - time.monotonic()))
                events = [event for watch in watches for event in watch.events()]
                for event in events:
                    snapshot.apply(event)
                if any(self._concerns(event.item.key) for event in events):
                    self._update(own, snapshot)
                self._check()

    def _concerns(self, key: str) -> bool:
        """Return whether a key can change anything on this host; containers of other hosts concern policies only."""
        own_workloads = workloads_of(self._settings.host)
        return bool(self._enforcers) or not key.startswith(WORKLOADS) or key.startswith(own_workloads)

    def _update(self, own: Node, snapshot: Snapshot) -> None:
        """Write the kernel's entries and BIRD's configuration, and name the hosts that are known.

        Raises:
            StoreError: the store has lost the cluster's information.
        """
        if not snapshot.is_ready:
            raise StoreError(_NOT_READY)
        if own.name not in snapshot.nodes:
            raise _NodeLostError
        settings = self._settings
        for enforcer in self._enforcers:
            if enforcer.apply(_endpoints(snapshot)):
                log("loaded the rules of the policies")
        circuit_mtu_bytes = self._kernel.least_mtu_bytes(settings.circuits)
        if settings.mtu_bytes is not None:
            circuit_mtu_bytes = settings.mtu_bytes + max((it.overhead_bytes for it in self._tunnels), default=0)
        self._dataplane.update(own, circuit_mtu_bytes, entries(snapshot, own, self._tunnels))
        if settings.has_bird:
            self._write_configuration(own, snapshot)
        known = [
            {"host": node.name, "address": half.address, "subnet": str(block)}
            for _, node in sorted(snapshot.nodes.items())
            if node.name != own.name
            for pool, half in zip(settings.pools, node.families, strict=False)
            for block in snapshot.blocks_of(node.name, pool.version)
        ]
        replace_text(settings.folder / PEERS_FILE, json.dumps(known))

    def _write_configuration(self, own: Node, snapshot: Snapshot) -> None:
        """Write BIRD's configuration, and let BIRD read it if it has changed."""
        settings = self._settings
        nodes = [half for _, node in sorted(snapshot.nodes.items()) for half in node.families]
        families = []
        for pool, half in zip(settings.pools, own.families, strict=True):
            near = [node for node in nodes if is_of(node, pool.version)]
            peers = confd.peers_of(half, near, is_mesh=snapshot.is_mesh)
            families.append(confd.Family(half, peers, snapshot.blocks_of(own.name, pool.version), pool))
        text = confd.configuration(families, is_tunnelled=bool(self._tunnels))
        path = settings.folder / bird.CONFIG_FILE
        if path.read_text() != text:
            replace_text(path, text)
            self._must_configure = True
            self._configure()

    def _configure(self) -> None:
        """Let BIRD read its configuration. A BIRD that does not run reads it when it starts."""
        self._configure_s = time.monotonic() + _BIRD_PAUSE_S
        try:
            said = bird.ask(self._settings.folder, "configure")
        except OSError as error:
            log(f"BIRD: {error.strerror or error}; trying again in {_BIRD_PAUSE_S:g} s")
            return
        self._must_configure = False
        log(f"BIRD: {' '.join(said)}")

    @property
    def _next_check_s(self) -> float:
        """The time at which `_check` has something to do."""
        check_s = self._dataplane.next_check_s
        return min(check_s, self._configure_s) if self._must_configure else check_s

    def _check(self) -> None:
        """Do what is due: look at the kernel's tables, or ask BIRD once more to read its configuration."""
        self._dataplane.check()
        if self._must_configure and time.monotonic() >= self._configure_s:
            self._configure()

    def _pause(self, seconds: float) -> None:
        """Sleep for ``seconds``, and do what is due meanwhile."""
        end_s = time.monotonic() + seconds
        while (remaining_s := end_s - time.monotonic()) > 0:
            time.sleep(min(remaining_s, max(0.0, self._next_check_s - time.monotonic())))
            self._check()


def _endpoints(snapshot: Snapshot) -> list[Endpoint]:
    """Return all containers as policies see them."""
    return [
        Endpoint(
            workload.name, workload.host, workload.interface, workload.address, workload.labels, workload.ipv6_address
        )
        for _, workload in sorted(snapshot.workloads.items())
    ]


def _require_cluster(client: Client) -> None:
    """Check that the store has the cluster's information, as Felix does before it takes anything from the store.

    Raises:
        StoreError: it has not, as after the loss of its data.
    """
    item = client.get(CLUSTER_KEY)
    try:
        is_ready = item is not None and is_cluster_ready(item.value)
    except ValueError as error:
        raise StoreError(f"{CLUSTER_KEY}: {error}") from None
    if not is_ready:
        raise StoreError(_NOT_READY)
