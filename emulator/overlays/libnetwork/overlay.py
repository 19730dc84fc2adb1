"""Docker's overlay driver on the hosts of a network: real daemons, real containers, and what they tell the kernel."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, ClassVar

from emulator.docker import programs
from emulator.docker.containers import container_image, open_namespace
from emulator.docker.daemon import Dockerd
from emulator.docker.model import RuncContainer
from emulator.lab.containers import Attachment, Container
from emulator.lab.daemons import DaemonError
from emulator.lab.underlay import Namespace
from emulator.netlink import state
from emulator.netlink.state import KernelState
from emulator.overlays.base import Overlay
from emulator.overlays.libnetwork.variants import (
    INGRESS_POOL,
    NETWORK,
    KeyValueVariant,
    Network,
    SwarmVariant,
    Variant,
    network_id,
)
from emulator.overlays.model import OverlaySpec, Peer, Runtime

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork
    from emulator.stores.etcd import Store

_OVERHEAD_BYTES = 50  # Ethernet, IP, UDP and VXLAN: 14 + 20 + 8 + 8
LAST_WITH_STORE = 20
"""The last version of Docker with an external key-value store; it has been going since 20.10, and went with 23."""
_BRIDGE_POOL = "198.18.0.0/16"
"""Where each host's `docker_gwbridge` gets its addresses from: as `forms.INGRESS_POOL`."""
_PATIENCE_S = 120.0
_NETNS_DIGITS = 10
_ATTEMPTS = 3


class Libnetwork(Overlay):
    """Overlay networks of Docker's library `libnetwork`: VXLAN, in a namespace of its own for each network."""

    forms = ("kv", "swarm")
    runtimes: ClassVar[tuple[Runtime, ...]] = ("docker",)

    def __init__(self, spec: OverlaySpec, network: EmulatedNetwork, store: Store | None) -> None:
        super().__init__(spec, network, store)
        self._address = {host.name: host.loopback for host in network.plan.hosts}
        self._form: Variant
        wanted = Network(spec.network, self.least_mtu_bytes)
        if store is None:
            self._form = SwarmVariant(wanted)
        else:
            self._form = KeyValueVariant(spec.hosts, wanted, store.endpoint)
        self._daemons: dict[str, Dockerd] = {}
        self._preparations: dict[str, _Preparation] = {}
        self._before: dict[str, KernelState] = {}
        self._network_id = ""

    @classmethod
    def needs_store(cls, form: str) -> bool:
        """Swarm has its own."""
        return form == "kv"

    @classmethod
    def lacks(cls, spec: OverlaySpec) -> Iterator[str]:
        """A Docker that has the form."""
        version = programs.version()
        if spec.form == "kv" and version and int(version.partition(".")[0]) > LAST_WITH_STORE:
            yield (
                f"Docker {version} has no external key-value store any more: take Debian 12's docker.io (20.10), or "
                "`--overlay libnetwork:swarm`"
            )

    @classmethod
    def refuses(cls, spec: OverlaySpec) -> Iterator[str]:
        """A network that Docker's own networks are in, or without an address for each container and Docker's own."""
        pool = IPv4Network(spec.network)
        for other, what in ((_BRIDGE_POOL, "the bridges of Docker"), (INGRESS_POOL, "the ingress network of Docker")):
            if pool.overlaps(IPv4Network(other)):
                yield f"the containers' network {pool} overlaps {other}, which {what} are to have"
        # the first is the gateway's, that of the network and of broadcast are nobody's; swarm takes one more a host
        own = 3 + (len(spec.hosts) if spec.form == "swarm" else 0)
        if pool.num_addresses < len(spec.containers) + own:
            yield (
                f"the containers' network {pool} has no address for each of {len(spec.containers)} containers, and "
                f"{own} of Docker's own"
            )

    @property
    def agent(self) -> str:
        """The real daemon."""
        return f"dockerd {programs.version()}"

    @property
    def overhead_bytes(self) -> int:
        """VXLAN's."""
        return _OVERHEAD_BYTES

    @property
    def least_mtu_bytes(self) -> int:
        """The largest packet that passes all circuits: the containers are in one Ethernet, with one MTU."""
        return min(map(self.circuit_mtu_bytes, self.spec.hosts))

    def start(self, host: str) -> None:
        """Start a daemon, and what makes it a member, in the background; also again, after its end."""
        if host not in self._daemons:
            address = self._address[host]
            options = ["--bridge=none", f"--default-address-pool=base={_BRIDGE_POOL},size=24"]
            self._daemons[host] = Dockerd(self.network, host, [*options, *self._form.options(host, address)])
            self._before[host] = state.read(self.network.underlay.namespaces[host].descriptor)
        self._preparations[host] = _Preparation(lambda: self._prepare(host))

    def is_ready(self, host: str) -> bool:
        """Whether it is a member, with an image to make containers of."""
        if not self._preparations[host].is_done():
            return False
        self.agents[host].check()
        return True

    def attach(self, container: Container) -> Attachment:
        """Run a container, unless it runs already; its name resolves in the others by Docker's own name server."""
        daemon = self._daemons[container.host]
        running = self._run(container)
        self._hold_hidden(container.host)
        address = daemon.address(container.name, NETWORK)
        return Attachment(open_namespace(container.name, running), address, running)

    def peers(self, host: str) -> tuple[Peer, ...]:
        """The hosts to which it tunnels: one peer for each address of a container behind one."""
        found = self._hidden(host)
        machine_of = {entry.mac: entry.destination for entry in found.fdb}
        name_of = {address: name for name, address in self._address.items()}
        return tuple(
            Peer(name_of.get(machine, machine), machine, f"{neighbour.address}/32")
            for neighbour in found.neighbours
            if (machine := machine_of.get(neighbour.mac)) is not None
        )

    def state(self, host: str) -> KernelState:
        """What is new in the host's namespace, and all of the overlay network's hidden one."""
        visible = state.difference(state.read(self.network.underlay.namespaces[host].descriptor), self._before[host])
        hidden = self._hidden(host)
        return KernelState(
            links=(*visible.links, *hidden.links),
            addresses=(*visible.addresses, *hidden.addresses),
            neighbours=(*visible.neighbours, *hidden.neighbours),
            fdb=(*visible.fdb, *hidden.fdb),
            routes=(*visible.routes, *hidden.routes),
        )

    def stop(self, host: str) -> None:
        """Remove the containers, so that the others learn of it, and end the daemon."""
        daemon = self._daemons[host]
        for container in self.spec.containers:
            if container.host == host:
                daemon.remove(container.name)
        self._form.leave(daemon)
        daemon.daemon.stop()
        if (held := self.network.underlay.namespaces.pop(_hidden_key(host), None)) is not None:
            os.close(held.descriptor)

    def _prepare(self, host: str) -> None:
        """Start a daemon, make it a member, and run the host's containers. It runs beside other hosts', and blocks."""
        daemon = self._daemons[host]
        self._form.await_turn(host)
        daemon.start()
        self.agents[host] = daemon.daemon
        daemon.daemon.wait_until(daemon.is_ready, _PATIENCE_S)
        daemon.load(container_image(self.spec.image))
        act = self._form.found if host == self.spec.hosts[0] else self._form.join
        act(daemon, self._address[host])
        # at once, on all hosts side by side: whoever joins waits for others' answers
        for container in self.spec.containers:
            if container.host == host:
                self._run(container)

    def _run(self, container: Container) -> RuncContainer:
        """Run a container."""
        daemon = self._daemons[container.host]
        image = daemon.load(container_image(self.spec.image))
        for _ in range(_ATTEMPTS - 1):
            try:
                return daemon.run(container, image, NETWORK, self._address)
            except DaemonError as error:
                if "attaching to network failed" not in str(error):  # the gossip was late: see `forms`
                    raise
                daemon.remove(container.name)
        return daemon.run(container, image, NETWORK, self._address)

    def _hidden(self, host: str) -> KernelState:
        """What is in the namespace that libnetwork keeps for the overlay network, since a container has been in it."""
        self._hold_hidden(host)
        held = self.network.underlay.namespaces.get(_hidden_key(host))
        return KernelState() if held is None else _without_loopback(state.read(held.descriptor))

    def _hold_hidden(self, host: str) -> None:
        """Hold the hidden namespace, if it can be seen: its name goes with the daemon, but the kernel forwards on."""
        daemon = self._daemons[host]
        if not self._network_id:
            # once: a daemon whose store is gone knows of no network, though it has it
            self._network_id = network_id(daemon)
        # its name has a number, which is another after each of the daemon's starts
        paths = daemon.hidden_namespaces(f"*-{self._network_id[:_NETNS_DIGITS]}")
        if paths:
            new = os.open(paths[-1], os.O_RDONLY | os.O_CLOEXEC)
            namespaces = self.network.underlay.namespaces
            held = namespaces.pop(_hidden_key(host), None)
            namespaces[_hidden_key(host)] = Namespace(new, 0)
            if held is not None:
                os.close(held.descriptor)


def _hidden_key(host: str) -> str:
    """What a host's hidden namespace is called among the network's, which closes it; no host has such a name."""
    return f"({NETWORK} on {host})"


def _without_loopback(found: KernelState) -> KernelState:
    return replace(
        found,
        links=tuple(link for link in found.links if link.name != "lo"),
        addresses=tuple(address for address in found.addresses if address.interface != "lo"),
    )


class _Preparation:
    """Something that is done in the background, in a thread that ends with the process."""

    def __init__(self, body: Callable[[], None]) -> None:
        self._body = body
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def is_done(self) -> bool:
        """Whether it is over.

        Raises:
            EmulationError: it failed.
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
