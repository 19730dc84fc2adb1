"""Calico's overlay: a route to each container, spread by BIRD or through tunnels, with Calico's data in etcd."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import ClassVar

from emulator import bird
from emulator.cpu.model import CONTAINER_STAGES
from emulator.docker.containers import ContainerDaemons
from emulator.docker.model import NO_NETWORK
from emulator.lab.containers import Attachment, Container
from emulator.lab.daemons import Daemon, DaemonError, start_function, start_program
from emulator.lab.lab import Lab
from emulator.lab.underlay import empty_namespace
from emulator.measure.probe import Family
from emulator.netlink import facilities, namespaces
from emulator.netlink.state import KernelState, difference, read
from emulator.overlays.base import IPV6_OPTIONS, Overlay
from emulator.overlays.calico import agent, confd, resources, workloads
from emulator.overlays.calico.ipam import Ipam, first_blocks
from emulator.overlays.calico.resources import BLOCK_ADDRESSES, BLOCK_BITS, Node, Workload
from emulator.overlays.calico.tunnels import IPV6_TUNNELS, PORT, TUNNELS
from emulator.overlays.model import IPIP, UDP, About, OverlaySpec, PacketWay, Peer
from emulator.overlays.policy import enforcer, verdict
from emulator.overlays.policy.compiler import selecting
from emulator.overlays.policy.model import NAMESPACE, PROFILE
from emulator.overlays.policy.sets import Endpoint
from emulator.overlays.subnets import host_number, pools
from emulator.plan import Plan
from emulator.stores.client import Client, StoreError
from emulator.stores.etcd import Store
from emulator.system.errors import EmulationError

_NETWORK = "gtsdsl"
"""The name of the network in the handles of containers' addresses; Calico's default is ``k8s-pod-network``."""
_CLUSTER_ID = "224.0.0.1"
"""The cluster of the route reflectors, as in Calico's documentation."""
_LINK_LOCAL = IPv4Network("169.254.0.0/16")
_OTHER_STORE = "use another etcd, or a store inside the topology (`--store h1`)"


class Calico(Overlay):
    """A BIRD and an agent on each host; `vxlan` has no BIRD."""

    variants = ("bgp", "rr", "ipip", "vxlan")
    daemons = ("bird",)
    reasons: ClassVar[Mapping[str, str]] = {"ipv6": "IPIP carries IPv4 only; calico:bgp, calico:rr and calico:vxlan do"}

    def __init__(self, spec: OverlaySpec, lab: Lab, store: Store | None) -> None:
        super().__init__(spec, lab, store)
        if store is None:
            raise AssertionError("all variants need a store")
        self.birds: dict[str, Daemon] = {}
        """The BIRDs by host; empty without BIRD."""
        self._store = store
        self._docker = ContainerDaemons(lab, spec.image)
        self._states_before: dict[str, KernelState] = {}
        self._keys_before: frozenset[str] = frozenset()
        self._ipams: dict[tuple[str, int], Ipam] = {}
        """The address management by host and family."""
        self._endpoints: dict[str, Endpoint] = {}
        """The containers as policies see them, by name."""

    @classmethod
    def about(cls, variant: str) -> About:
        """Return the description of a variant."""
        forwards = {
            "bgp": "routed; BGP between all hosts",
            "rr": "routed; BGP with route reflectors",
        }.get(variant, f"routed through {variant.upper()}")
        needs = (*(["bird"] if _has_bird(variant) else []), *([variant.upper()] if variant in TUNNELS else []))
        return About(forwards, needs, agent="BIRD, built-in Felix" if _has_bird(variant) else "built-in Felix")

    @classmethod
    def way(cls, variant: str, *, is_encrypted: bool) -> PacketWay:  # noqa: ARG003 - Calico has no password
        """Return the way of a packet, which is routed, through a tunnel in two of the variants."""
        routed = (*CONTAINER_STAGES, "forward")
        match variant:
            case "ipip":
                return PacketWay((*routed, "ipip"), IPIP)
            case "vxlan":
                return PacketWay((*routed, "vxlan"), UDP, PORT)
            case _:
                return PacketWay(routed)

    @classmethod
    def needs_store(cls, variant: str) -> bool:  # noqa: ARG003 - the same for all variants
        """Return True: Calico's data are in etcd."""
        return True

    @classmethod
    def options(cls, variant: str) -> frozenset[str]:
        """Return the options that a variant takes."""
        own = {"policy", "policy_engine", "labels", "mtu_bytes"}
        own |= {"reflectors"} if variant == "rr" else set()
        return frozenset(own) | (frozenset() if variant == "ipip" else IPV6_OPTIONS)

    @classmethod
    def lacks(cls, spec: OverlaySpec) -> Iterator[str]:
        """Yield a sentence for each thing that the variant needs and that is missing: BIRD, a kind of tunnel."""
        if _has_bird(spec.variant) and bird.version() is None:
            yield bird.MISSING
        if spec.policy is not None:
            yield from enforcer.lacks(spec.policy, spec.families)
        if spec.variant in TUNNELS:
            tunnel = TUNNELS[spec.variant]()
            yield from facilities.lacks(
                tunnel.kind.upper(),
                tunnel.kind,
                lambda kernel: tunnel.add_device(kernel, "192.0.2.1", tunnel.mac("try"), 1450),
            )

    @classmethod
    def refuses(cls, spec: OverlaySpec) -> Iterator[str]:
        """Yield a sentence if the subnet pool has too few blocks for the hosts, or no addresses for containers."""
        if not spec.containers:
            yield "Calico gives each container a route, and connects nothing without containers: omit --containers 0"
        own = 1 if spec.variant in TUNNELS else 0
        counts = [own + sum(it.host == host for it in spec.containers) for host in spec.hosts]
        needed = sum(max(1, -(-count // BLOCK_ADDRESSES)) for count in counts)
        for pool in pools(spec):
            if first_blocks(pool) < needed:
                demand = f"{len(spec.hosts)} hosts need {needed} blocks of /{BLOCK_BITS[pool.version]}"
                yield f"the containers' network {pool} is too small: {demand}"
        if IPv4Network(spec.subnet_pool).overlaps(_LINK_LOCAL):
            yield f"the containers' network {spec.subnet_pool} overlaps {_LINK_LOCAL}, where Calico has its gateway"

    @classmethod
    def misfits(cls, spec: OverlaySpec, plan: Plan) -> Iterator[str]:
        """Yield a sentence if the hosts' own BIRD would remove the routes of Calico's, and the other way round."""
        if plan.routing is not None and _has_bird(spec.variant):
            yield (
                f"--routing {plan.routing.protocol} runs BIRD on each host too, and two BIRDs remove each other's "
                "routes: use calico:vxlan, which has no BIRD, or --routing static"
            )

    @property
    def agent(self) -> str:
        """BIRD with its version, and the built-in part."""
        policy = self.spec.policy
        felix = "built-in Felix" if policy is None else f"built-in Felix, {enforcer.engine_version(policy)}"
        return f"BIRD {bird.version()}, {felix}" if _has_bird(self.spec.variant) else felix

    @classmethod
    def added_bytes(cls, spec: OverlaySpec) -> int:
        """Return the bytes of the tunnel's headers; 0 without a tunnel."""
        return TUNNELS[spec.variant].overhead_bytes if spec.variant in TUNNELS else 0

    @classmethod
    def ipv6_added_bytes(cls, spec: OverlaySpec) -> int:
        """Return the same for a packet of IPv6."""
        return IPV6_TUNNELS[spec.variant].overhead_bytes if spec.variant in IPV6_TUNNELS else 0

    @property
    def reflectors(self) -> tuple[str, ...]:
        """The hosts that reflect routes; empty without reflectors."""
        return (self.spec.reflectors or self.spec.hosts[:1]) if self.spec.variant == "rr" else ()

    def prepare(self) -> None:
        """Write the cluster's resources into the store, as Calico's installation does.

        Raises:
            EmulationError: the store has another Calico, or is unreachable.
        """
        kind = self.spec.variant if self.spec.variant in TUNNELS else None
        is_mesh = self.spec.variant != "rr"
        wanted = {
            f"{resources.POOLS}{resources.POOL_OF[pool.version]}": resources.pool_to_json(pool, tunnel_kind=kind)
            for pool in pools(self.spec)
        }
        wanted |= {
            f"{resources.PROFILES}{PROFILE}": resources.profile_to_json(),
            resources.BGP_KEY: resources.bgp_to_json(is_mesh=is_mesh),
            # the last one, because it tells the agents that the others are there
            resources.CLUSTER_KEY: resources.cluster_to_json(),
        }
        if not is_mesh:
            peering = {f"{resources.BGP_PEERS}peer-with-route-reflectors": resources.reflector_peering_to_json()}
            wanted = peering | wanted
        with self._store.client() as client:
            present = client.list_keys(resources.ROOT).items
            self._keys_before = frozenset(item.key for item in present)
            allowed = {*wanted, *(resources.node_key(host) for host in self.spec.hosts)}
            shared = (resources.POOLS, resources.NODES, resources.BGP_PEERS)
            foreign = [it.key for it in present if it.key.startswith(shared) and it.key not in allowed]
            foreign += [it.key for it in present if wanted.get(it.key, it.value) != it.value]
            if foreign:
                raise EmulationError(
                    f"{self._store.location} has data of another Calico, such as {foreign[0]}; {_OTHER_STORE}"
                )
            for key, value in wanted.items():
                client.put_if(key, 0, value)

    def start(self, host: str) -> None:
        """Start BIRD and the agent of a host, or the one of them that does not run."""
        folder = self.folder(host)
        if host not in self._states_before:
            self._states_before[host] = read(self.namespace(host))
            folder.mkdir(parents=True)
            bird.check_path(folder)
        addresses = [self.loopback(host), *([self.ipv6_loopback(host) or ""] if self.spec.ipv6_pool else [])]
        is_tunnelled = self.spec.variant in TUNNELS
        if _has_bird(self.spec.variant) and not _runs(self.birds.get(host)):
            path = folder / bird.CONFIG_FILE
            if not path.exists():
                alone = [
                    confd.Family(Node(host, address), (), (), pool)
                    for address, pool in zip(addresses, pools(self.spec), strict=True)
                ]
                path.write_text(confd.configuration(alone, is_tunnelled=is_tunnelled))
            self.birds[host] = start_program(self.lab, host, "bird", bird.command(folder, "-R"))
        if not _runs(self.agents.get(host)):
            settings = agent.Settings(
                host=host,
                number=host_number(self.spec, host),
                addresses=tuple(addresses),
                variant=self.spec.variant,
                has_bird=_has_bird(self.spec.variant),
                cluster_id=_CLUSTER_ID if host in self.reflectors else None,
                pools=pools(self.spec),
                circuits=self.circuits(host),
                folder=folder,
                store=self._store.endpoint(host),
                policy=self.spec.policy,
                mtu_bytes=self.spec.mtu_bytes,
            )
            self.agents[host] = start_function(self.lab, host, "felix", partial(agent.run, settings))

    def is_ready(self, host: str) -> bool:
        """Return whether the agent has registered its host and BIRD listens."""
        self.agents[host].check()
        if host in self.birds:
            self.birds[host].check()
        is_listening = host not in self.birds or (self.folder(host) / bird.SOCKET).exists()
        return is_listening and (self.folder(host) / agent.PEERS_FILE).exists()

    def attach(self, container: Container) -> Attachment:
        """Start a container with an address of its host's blocks."""
        if self.spec.runtime == "docker":
            attachment = self._docker.attach(container, NO_NETWORK, ["--bridge=none"])
        else:
            attachment = Attachment(empty_namespace(), "")
        try:
            address, ipv6_address = self._join(container, attachment.namespace)
            return replace(attachment, address=address, ipv6_address=ipv6_address)
        except BaseException:
            os.close(attachment.namespace)
            raise

    def peers(self, host: str) -> tuple[Peer, ...]:
        """Return the hosts whose blocks BIRD has learned, or without BIRD, those that the agent knows."""
        hosts = {address: it.name for it in self.lab.plan.hosts for address in (it.loopback, it.ipv6_loopback)}
        if host in self.birds:
            learned = confd.next_hops(self._ask(host, "show route all where source = RTS_BGP"))
            blocks = sorted(learned, key=lambda block: (block.version, int(block.network_address)))
            found = [(learned[block], str(block)) for block in blocks]
        else:
            path = self.folder(host) / agent.PEERS_FILE
            known = json.loads(path.read_text()) if path.exists() else []
            found = [(it["address"], it["subnet"]) for it in known]
        return tuple(Peer(hosts.get(address, ""), address, block) for address, block in found)

    def view(self, host: str) -> tuple[str, ...]:
        """Return the policies of the host's containers, and BIRD's protocols and routes, if it has BIRD."""
        policies = tuple(self._policies_of(host))
        if host not in self.birds:
            return policies
        lines = (*self._ask(host, "show protocols"), *self._ask(host, "show route"))
        return (*policies, *(line.expandtabs() for line in lines))

    def lets_through(self, near: str, far: str, family: Family = 4) -> bool:
        """Return whether the policies let an echo of a family pass from a container to another, by their names."""
        if self.spec.policy is None:
            return True
        ends = self._endpoints[near], self._endpoints[far]
        return verdict.lets_through(self.spec.policy, *ends, verdict.ECHOES[family], family)

    def state(self, host: str) -> KernelState:
        """Return what the kernel has and did not have before the overlay's start."""
        return difference(read(self.namespace(host)), self._states_before.get(host, KernelState()))

    def kill(self, host: str) -> None:
        """Kill BIRD and the agent of a host."""
        super().kill(host)
        if host in self.birds:
            self.birds[host].stop(signal.SIGKILL)

    def stop(self, host: str) -> None:
        """Stop BIRD and the agent, which removes its node and what both have in the kernel."""
        if host in self.birds:
            self.birds[host].stop()
        self.agents[host].stop()

    def leave(self) -> None:
        """Stop all agents, and remove from the store what it did not have before."""
        for host in self.agents:
            self.stop(host)
        # suppressed, because the store may be unreachable by now
        with contextlib.suppress(StoreError), self._store.client() as client:
            for item in client.list_keys(resources.ROOT).items:
                if item.key not in self._keys_before:
                    client.delete(item.key)

    def folder(self, host: str) -> Path:
        """Return the folder of a host's files: Calico's /var/run/calico and /etc/calico/confd."""
        # a number: a host's name may be too long for a socket's path
        return self.lab.run_folder / "calico" / str(host_number(self.spec, host))

    def _join(self, container: Container, namespace: int) -> tuple[str, str | None]:
        """Do what Calico's CNI plugin does for a container, and return its addresses; without IPv6, None for IPv6."""
        host = container.host
        owner = {"namespace": NAMESPACE, "container": container.name}
        with namespaces.entered(self.namespace(host)), Client(*self._store.endpoint(host)) as client:
            handle = f"{_NETWORK}.{container.name}"
            ipams = [self._ipam(host, family) for family in self.spec.families]
            address, *rest = (str(ipam.assign(client, handle, owner)) for ipam in ipams)
            ipv6_address = rest[0] if rest else None
            interface = workloads.interface_of(container)
            mac, labels = workloads.mac_of_container(address), self._labels(container.name)
            workload = Workload(container.name, host, address, mac, interface, labels, ipv6_address=ipv6_address)
            workloads.join(self.namespace(host), namespace, workload, self.mtu_bytes(host))
            client.put(resources.workload_key(host, container.name), resources.workload_to_json(workload))
            self._endpoints[container.name] = Endpoint(container.name, host, interface, address, labels, ipv6_address)
        return address, ipv6_address

    def _ipam(self, host: str, family: int) -> Ipam:
        if (host, family) not in self._ipams:
            pool = ip_network(self.spec.subnet_pool if family == 4 else self.spec.ipv6_pool or "")
            self._ipams[host, family] = Ipam(pool, host, host_number(self.spec, host))
        return self._ipams[host, family]

    def _labels(self, container: str) -> dict[str, str]:
        return {} if self.spec.policy is None else self.spec.policy.labels[container]

    def _policies_of(self, host: str) -> Iterator[str]:
        """Yield a line for each container of a host, with its policies in the order in which they apply."""
        policy = self.spec.policy
        for container in self.spec.containers:
            if policy is not None and container.host == host:
                labels = policy.labels[container.name]
                kinds = {kind: [it.name for it in selecting(policy, labels, kind)] for kind in ("Ingress", "Egress")}
                listed = "; ".join(f"{kind.lower()} {', '.join(names) or 'none'}" for kind, names in kinds.items())
                yield f"policies of {container.name}: {listed}"

    def _ask(self, host: str, question: str) -> tuple[str, ...]:
        try:
            return bird.ask(self.folder(host), question)
        except OSError as error:
            return (f"BIRD does not answer: {error.strerror or error}",)


def _has_bird(variant: str) -> bool:
    return variant != "vxlan"


def _runs(daemon: Daemon | None) -> bool:
    if daemon is None:
        return False
    try:
        daemon.check()
    except DaemonError:
        return False
    return True
