"""Docker's overlay driver on the hosts of a lab, by real daemons with real containers."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Network
from typing import ClassVar

from emulator.cpu.model import CONTAINER_STAGES
from emulator.docker import programs
from emulator.docker.containers import container_image, open_namespace
from emulator.docker.daemon import Dockerd
from emulator.docker.model import RuncContainer
from emulator.lab.containers import Attachment, Container, Runtime
from emulator.lab.daemons import DaemonError
from emulator.lab.lab import Lab
from emulator.netlink import state
from emulator.netlink.state import KernelState
from emulator.overlays.base import Overlay
from emulator.overlays.libnetwork.variants import (
    INGRESS_POOL,
    NETWORK_NAME,
    DockerNetwork,
    KeyValueVariant,
    SwarmVariant,
    Variant,
    docker_network_id,
)
from emulator.overlays.model import UDP, About, OverlaySpec, PacketWay, Peer
from emulator.stores import etcd
from emulator.stores.etcd import Store
from gtsdsl.model.units import MTU_BYTES

_OVERHEAD_BYTES = 50  # Ethernet, IP, UDP and VXLAN: 14 + 20 + 8 + 8
LAST_WITH_STORE = 20
"""The last major version of Docker with an external key-value store: 20.10 deprecated it, and 23 removed it."""
_BRIDGE_POOL = "198.18.0.0/16"
"""The network that each host's bridge `docker_gwbridge` gets its addresses from; see `variants.INGRESS_POOL`."""
_NETNS_DIGITS = 10
_ATTEMPTS = 3
_VXLAN_PORT = 4789


class Libnetwork(Overlay):
    """An overlay network of Docker's library `libnetwork`: VXLAN in a hidden network namespace on each host."""

    variants = ("kv", "swarm")
    daemons = ("dockerd", "containerd", "runc")
    runtimes: ClassVar[tuple[Runtime, ...]] = ("docker",)
    reasons: ClassVar[Mapping[str, str]] = {
        "ipv6": "Docker's overlay driver carries no IPv6 between hosts (moby/moby#47125)"
    }

    def __init__(self, spec: OverlaySpec, lab: Lab, store: Store | None) -> None:
        super().__init__(spec, lab, store)
        self._loopbacks = {host.name: host.loopback for host in lab.plan.hosts}
        self._variant: Variant
        self._daemons: dict[str, Dockerd] = {}
        self._starts: dict[str, _BackgroundCall] = {}
        self._states_before: dict[str, KernelState] = {}
        self._image_is_loaded = threading.Event()
        """Set when the first host's daemon has loaded the containers' image, which the others take over."""
        self._docker_network_id = ""
        self._hidden: dict[str, int] = {}
        """The descriptors of the hosts' hidden namespaces; the lab does not know them."""

    @classmethod
    def about(cls, variant: str) -> About:
        """Return the description of a variant."""
        state = "gossip" if variant == "kv" else "swarm, gossip"
        return About("one Ethernet, in VXLAN", needs=("Docker",), agent="dockerd", state=state)

    @classmethod
    def way(cls, variant: str, *, is_encrypted: bool) -> PacketWay:  # noqa: ARG003 - the same for both
        """Return the way of a packet through the hidden bridge and VXLAN."""
        return PacketWay((*CONTAINER_STAGES, "bridge", "vxlan"), UDP, _VXLAN_PORT)

    @classmethod
    def needs_store(cls, variant: str) -> bool:
        """Return True for ``kv``; a swarm has its own store."""
        return variant == "kv"

    @classmethod
    def default_variant(cls) -> str:
        """Return ``swarm`` if this machine's Docker has no ``kv``."""
        return "swarm" if _is_without_store(programs.version()) else cls.variants[0]

    @classmethod
    def lacks(cls, spec: OverlaySpec) -> Iterator[str]:
        """Yield a sentence if this machine's Docker, or its etcd, does not have the variant."""
        version = programs.version()
        if spec.variant == "kv" and _is_without_store(version):
            yield (
                f"Docker {version} has no external key-value store any more: use `--overlay libnetwork:swarm`, or "
                "install Debian 12's docker.io (20.10)"
            )
        if spec.store is not None and spec.store.address is None:
            yield from cls.store_faults(spec, etcd.installed_version())

    @classmethod
    def store_faults(cls, spec: OverlaySpec, version: tuple[int, ...]) -> Iterator[str]:
        """Yield a sentence if the store's etcd has no version 2 of its API."""
        if version < etcd.FIRST_WITHOUT_V2:
            return
        name = f"etcd {'.'.join(map(str, version))}"
        if spec.store is not None and spec.store.address is not None:
            fault, remedy = f"and {spec.store} is {name}, which does not have it", "an etcd"
        else:
            fault, remedy = f"which {name} does not have", "install an etcd"
        yield (
            f"Docker speaks version 2 of etcd's API, {fault}: use `--overlay libnetwork:swarm`, or {remedy} before 3.6"
        )

    @classmethod
    def refuses(cls, spec: OverlaySpec) -> Iterator[str]:
        """Yield a sentence if the subnet pool overlaps networks of Docker or has too few addresses."""
        pool = IPv4Network(spec.subnet_pool)
        for other, user in ((_BRIDGE_POOL, "bridges"), (INGRESS_POOL, "ingress network")):
            if pool.overlaps(IPv4Network(other)):
                yield f"the containers' network {pool} overlaps {other}, which Docker's {user} will use"
        # the network and broadcast addresses and the gateway's; a swarm uses one more on each host
        reserved = 3 + (len(spec.hosts) if spec.variant == "swarm" else 0)
        if pool.num_addresses < len(spec.containers) + reserved:
            needed = f"{len(spec.containers)} containers and Docker need {len(spec.containers) + reserved} addresses"
            yield f"the containers' network {pool} is too small: {needed}"

    @classmethod
    def options(cls, variant: str) -> frozenset[str]:  # noqa: ARG003 - the same for both
        """Return the MTU."""
        return frozenset({"mtu_bytes"})

    @property
    def agent(self) -> str:
        """Docker's daemon with its version."""
        return f"dockerd {programs.version()}"

    @classmethod
    def added_bytes(cls, spec: OverlaySpec) -> int:  # noqa: ARG003 - the same for all
        """Return the size of VXLAN's headers."""
        return _OVERHEAD_BYTES

    @classmethod
    def container_mtu_bytes(cls, spec: OverlaySpec, host: str, circuit_mtu_bytes: Callable[[str], int]) -> int:  # noqa: ARG003 - one Ethernet
        """Return the MTU of all containers: Docker takes 1,500 bytes for the circuits', whatever these have."""
        return spec.mtu_bytes or MTU_BYTES - cls.added_bytes(spec)

    def prepare(self) -> None:
        """Describe the Docker network."""
        docker_network = DockerNetwork(
            self.spec.subnet_pool, self.spec.mtu_bytes and self.spec.mtu_bytes + _OVERHEAD_BYTES
        )
        if self.store is None:
            self._variant = SwarmVariant(docker_network)
        else:
            self._variant = KeyValueVariant(self.spec.hosts, docker_network, self.store.endpoint)

    def start(self, host: str) -> None:
        """Start a daemon and join it to the others, in the background. A stopped or dead daemon starts again."""
        if host not in self._daemons:
            address = self._loopbacks[host]
            options = ["--bridge=none", f"--default-address-pool=base={_BRIDGE_POOL},size=24"]
            self._daemons[host] = Dockerd(self.lab, host, [*options, *self._variant.options(host, address)])
            self.lab.processes.at_end(lambda: self._close_hidden(host))
            self._states_before[host] = state.read(self.namespace(host))
        self._starts[host] = _BackgroundCall(lambda: self._start_and_join(host))

    def is_ready(self, host: str) -> bool:
        """Return whether the host's daemon has joined the others, and has started its containers."""
        if not self._starts[host].is_done():
            return False
        self.agents[host].check()
        return True

    def attach(self, container: Container) -> Attachment:
        """Run a container, if it does not run yet. Docker's name server resolves its name in the other containers."""
        dockerd = self._daemons[container.host]
        running = self._run(container)
        self._hold_hidden(container.host)
        address, _ = dockerd.addresses(container.name, NETWORK_NAME)
        return Attachment(open_namespace(container.name, running), address, running)

    def peers(self, host: str) -> tuple[Peer, ...]:
        """Return a peer for each container on another host that the host has a tunnel to."""
        hidden = self._hidden_state(host)
        tunnel_ends = {entry.mac: entry.destination for entry in hidden.fdb}
        hosts = {address: name for name, address in self._loopbacks.items()}
        return tuple(
            Peer(hosts.get(tunnel_end, tunnel_end), tunnel_end, f"{neighbour.address}/32")
            for neighbour in hidden.neighbours
            if (tunnel_end := tunnel_ends.get(neighbour.mac)) is not None
        )

    def state(self, host: str) -> KernelState:
        """Return what is new in the host's namespace, and all that is in its hidden namespace."""
        visible = state.difference(state.read(self.namespace(host)), self._states_before[host])
        hidden = self._hidden_state(host)
        return KernelState(
            links=(*visible.links, *hidden.links),
            addresses=(*visible.addresses, *hidden.addresses),
            neighbours=(*visible.neighbours, *hidden.neighbours),
            fdb=(*visible.fdb, *hidden.fdb),
            routes=(*visible.routes, *hidden.routes),
        )

    def stop(self, host: str) -> None:
        """Remove the host's containers, so that the other daemons forget them, and stop the daemon."""
        dockerd = self._daemons[host]
        for container in self.spec.containers:
            if container.host == host:
                dockerd.remove(container.name)
        self._variant.leave(dockerd)
        dockerd.daemon.stop()
        self._close_hidden(host)

    def _start_and_join(self, host: str) -> None:
        """Start a daemon, join it to the others and run its containers; block until all is done.

        Each host has a thread for this, because a daemon that joins waits for answers of others.
        """
        dockerd, first = self._daemons[host], self._daemons[self.spec.hosts[0]]
        self._variant.await_turn(host)
        if dockerd is not first and dockerd.is_new:
            self._image_is_loaded.wait()  # without a deadline: if the first host fails, its own error is reported
            dockerd.take_images(first)
        dockerd.start()
        self.agents[host] = dockerd.daemon
        dockerd.await_ready()
        dockerd.load(container_image(self.spec.image))
        self._image_is_loaded.set()
        join = self._variant.create if host == self.spec.hosts[0] else self._variant.join
        join(dockerd, self._loopbacks[host])
        for container in self.spec.containers:
            if container.host == host:
                self._run(container)

    def _run(self, container: Container) -> RuncContainer:
        """Run a container; try again if the gossip about its host was late, see `variants`."""
        dockerd = self._daemons[container.host]
        image = container_image(self.spec.image)
        for _ in range(_ATTEMPTS - 1):
            try:
                return dockerd.run(container, image, NETWORK_NAME, self._loopbacks)
            except DaemonError as error:
                if "attaching to network failed" not in str(error):
                    raise
                dockerd.remove(container.name)
        return dockerd.run(container, image, NETWORK_NAME, self._loopbacks)

    def _hidden_state(self, host: str) -> KernelState:
        """Return the state of a host's hidden namespace; empty before the host's first container."""
        self._hold_hidden(host)
        held = self._hidden.get(host)
        return KernelState() if held is None else _without_loopback(state.read(held))

    def _hold_hidden(self, host: str) -> None:
        """Open a host's hidden namespace, if it exists, because its path vanishes with the daemon.

        The kernel forwards packets in it without the daemon, too.
        """
        dockerd = self._daemons[host]
        if not self._docker_network_id:
            # kept, because a daemon that has lost its store does not list the network any more
            self._docker_network_id = docker_network_id(dockerd)
        # the file's name begins with a number, which is another one after each start of the daemon
        paths = dockerd.hidden_namespaces(f"*-{self._docker_network_id[:_NETNS_DIGITS]}")
        if paths:
            descriptor = os.open(paths[-1], os.O_RDONLY | os.O_CLOEXEC)
            self._close_hidden(host)
            self._hidden[host] = descriptor

    def _close_hidden(self, host: str) -> None:
        if (held := self._hidden.pop(host, None)) is not None:
            os.close(held)


def _without_loopback(hidden: KernelState) -> KernelState:
    return replace(
        hidden,
        links=tuple(link for link in hidden.links if link.name != "lo"),
        addresses=tuple(address for address in hidden.addresses if address.interface != "lo"),
    )


class _BackgroundCall:
    """A call of a function in a thread, which ends with the process at the latest."""

    def __init__(self, body: Callable[[], None]) -> None:
        self._body = body
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def is_done(self) -> bool:
        """Return whether the function has returned.

        Raises:
            EmulationError: the function raised it.
        """
        if self._thread.is_alive():
            return False
        if self._error is not None:
            raise self._error
        return True

    def _run(self) -> None:
        try:
            self._body()
        except BaseException as error:
            self._error = error


def _is_without_store(version: str) -> bool:
    """Return whether a version of Docker has no external key-value store any more; it is empty without Docker."""
    return bool(version) and int(version.partition(".")[0]) > LAST_WITH_STORE
