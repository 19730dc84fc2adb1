"""Calico's resources in etcd: their keys, and their JSON to values and back.

They follow version 3 of Calico's API and of its data model in etcd: `libcalico-go/lib/apis` and `lib/backend/model`.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv6Interface, ip_interface, ip_network

from emulator.overlays.model import Network
from emulator.overlays.policy.model import NAMESPACE, ORCHESTRATOR, PROFILE

ROOT = "/calico/"
API = "projectcalico.org/v3"
_RESOURCES = f"{ROOT}resources/v3/projectcalico.org"
AFFINITIES = f"{ROOT}ipam/v2/host/"
FOLLOWED = (AFFINITIES, f"{_RESOURCES}/")
"""The prefixes of the keys that agents follow: all but those of the addresses in blocks."""
CLUSTER_KEY = f"{_RESOURCES}/clusterinformations/default"
POOLS, NODES = f"{_RESOURCES}/ippools/", f"{_RESOURCES}/nodes/"
BGP_KEY = f"{_RESOURCES}/bgpconfigurations/default"
BGP_PEERS = f"{_RESOURCES}/bgppeers/"
PROFILES, WORKLOADS = f"{_RESOURCES}/profiles/", f"{_RESOURCES}/workloadendpoints/"

AS_NUMBER = 64512
"""Calico's default AS number."""
BLOCK_BITS = {4: 26, 6: 122}
"""Calico's default prefix length of a block, by the family of its addresses: 64 addresses in each."""
BLOCK_ADDRESSES = 64
POOL_OF = {4: "default-ipv4-ippool", 6: "default-ipv6-ippool"}
"""The name of the pool of each family, as Calico's installation has it."""
REFLECTOR_LABEL = ("route-reflector", "true")
"""The label of a node that is a route reflector, as Calico's documentation has it."""
ENDPOINT = "eth0"
"""The name of a container's interface."""
_EPOCH = "2000-01-01T00:00:00Z"
"""The creation time in all resources, so that two runs write the same; nothing reads it."""
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Node:
    """A host. ``tunnel`` and ``tunnel_mac`` are the address and the MAC address of its tunnel, None without one.

    ``cluster_id`` is the cluster of a route reflector; None for other hosts. ``ipv6`` is the same host as IPv6 reaches
    it; None without IPv6.
    """

    name: str
    address: str
    tunnel: str | None = None
    tunnel_mac: str | None = None
    cluster_id: str | None = None
    ipv6: Node | None = None

    @property
    def families(self) -> tuple[Node, ...]:
        """The host as IPv4 reaches it, and as IPv6 does if it has IPv6."""
        return (self,) if self.ipv6 is None else (self, self.ipv6)


@dataclass(frozen=True, slots=True)
class Workload:
    """A container: its host, its address, its MAC address, the host's interface to it, and its labels.

    ``ipv6_address`` is None without IPv6.
    """

    name: str
    host: str
    address: str
    mac: str
    interface: str
    labels: Mapping[str, str] = field(default_factory=dict)
    profiles: tuple[str, ...] = (PROFILE,)
    ipv6_address: str | None = None

    @property
    def networks(self) -> tuple[str, ...]:
        """The addresses with their prefix lengths: that of IPv4 first."""
        ipv4 = f"{self.address}/32"
        return (ipv4,) if self.ipv6_address is None else (ipv4, f"{self.ipv6_address}/128")


def node_key(name: str) -> str:
    """Return the key of a host's node."""
    return f"{NODES}{name}"


def node_to_json(node: Node, *, tunnel_kind: str | None) -> str:
    """Return the value of a node; ``tunnel_kind`` is ``ipip``, ``vxlan`` or None."""
    bgp = {"ipv4Address": f"{node.address}/32"}
    spec: Json = {
        "bgp": bgp,
        "addresses": [
            {"address": f"{node.address}/32", "type": "CalicoNodeIP"},
            {"address": node.address, "type": "InternalIP"},
        ],
    }
    if node.tunnel is not None and tunnel_kind == "ipip":
        bgp["ipv4IPIPTunnelAddr"] = node.tunnel
    if node.tunnel is not None and tunnel_kind == "vxlan":
        spec |= {"ipv4VXLANTunnelAddr": node.tunnel, "vxlanTunnelMACAddr": node.tunnel_mac}
    if node.ipv6 is not None:
        bgp["ipv6Address"] = f"{node.ipv6.address}/128"
        spec["addresses"] = [
            *_list(spec["addresses"]),
            {"address": f"{node.ipv6.address}/128", "type": "CalicoNodeIP"},
            {"address": node.ipv6.address, "type": "InternalIP"},
        ]
        if node.ipv6.tunnel is not None:
            spec |= {"ipv6VXLANTunnelAddr": node.ipv6.tunnel, "vxlanTunnelMACAddrV6": node.ipv6.tunnel_mac}
    labels = {}
    if node.cluster_id is not None:
        bgp["routeReflectorClusterID"] = node.cluster_id
        labels = dict([REFLECTOR_LABEL])
    return resource("Node", node.name, spec, labels=labels)


def node_from_json(text: str) -> Node:
    """Parse the value of a node.

    Raises:
        ValueError: it is not a node, or has no address.
    """
    metadata, spec = _metadata_and_spec(text)
    bgp = _object(spec.get("bgp"))
    tunnel = _text(bgp.get("ipv4IPIPTunnelAddr")) or _text(spec.get("ipv4VXLANTunnelAddr"))
    name, cluster_id = _text(metadata.get("name")) or "", _text(bgp.get("routeReflectorClusterID"))
    ipv6, ipv6_address, ipv6_tunnel = None, _text(bgp.get("ipv6Address")), _text(spec.get("ipv6VXLANTunnelAddr"))
    if ipv6_address is not None:
        ipv6 = Node(
            name=name,
            address=str(IPv6Interface(ipv6_address).ip),
            tunnel=None if ipv6_tunnel is None else str(IPv6Interface(ipv6_tunnel).ip),
            tunnel_mac=_mac(spec.get("vxlanTunnelMACAddrV6")),
            cluster_id=cluster_id,
        )
    return Node(
        name=name,
        address=str(IPv4Interface(_text(bgp.get("ipv4Address")) or "").ip),
        tunnel=None if tunnel is None else str(IPv4Interface(tunnel).ip),
        tunnel_mac=_mac(spec.get("vxlanTunnelMACAddr")),
        cluster_id=cluster_id,
        ipv6=ipv6,
    )


def workloads_of(host: str) -> str:
    """Return the prefix of the keys of a host's workload endpoints."""
    return f"{WORKLOADS}{NAMESPACE}/{host.replace('-', '--')}-{ORCHESTRATOR}-"


def workload_key(host: str, container: str) -> str:
    """Return the key of a container's workload endpoint."""
    return f"{WORKLOADS}{NAMESPACE}/{_workload_name(host, container)}"


def workload_to_json(workload: Workload) -> str:
    """Return the value of a workload endpoint, as the CNI plugin writes it without Kubernetes."""
    spec: Json = {
        "orchestrator": ORCHESTRATOR,
        "node": workload.host,
        "containerID": workload.name,
        "endpoint": ENDPOINT,
        "ipNetworks": list(workload.networks),
        "profiles": list(workload.profiles),
        "interfaceName": workload.interface,
        "mac": workload.mac,
    }
    name = _workload_name(workload.host, workload.name)
    return resource("WorkloadEndpoint", name, spec, namespace=NAMESPACE, labels=workload.labels)


def workload_from_json(text: str) -> Workload:
    """Parse the value of a workload endpoint.

    Raises:
        ValueError: it is not an endpoint with one address of IPv4, and one or none of IPv6.
    """
    metadata, spec = _metadata_and_spec(text)
    networks = [ip_interface(str(it)) for it in _list(spec.get("ipNetworks"))]
    (ipv4,) = (str(it.ip) for it in networks if it.version == 4)
    ipv6 = [str(it.ip) for it in networks if it.version == 6]
    if ipv6[1:]:
        raise ValueError("an endpoint has several addresses of IPv6")
    fields = [_text(spec.get(name)) for name in ("containerID", "node", "mac", "interfaceName")]
    name, host, mac, interface = (it or "" for it in fields)
    labels = {key: str(value) for key, value in _object(metadata.get("labels")).items()}
    profiles = tuple(str(it) for it in _list(spec.get("profiles")))
    return Workload(name, host, ipv4, mac, interface, labels, profiles, ipv6[0] if ipv6 else None)


def affinities_of(host: str, family: int) -> str:
    """Return the prefix of the keys of a host's affinities to blocks of a family, 4 or 6."""
    return f"{AFFINITIES}{host}/ipv{family}/block/"


def affinity_key(host: str, block: Network) -> str:
    """Return the key of a host's affinity to a block."""
    return f"{affinities_of(host, block.version)}{dashed(block)}"


def affinity_to_json(state: str) -> str:
    """Return the value of an affinity; ``state`` is ``pending``, ``confirmed`` or ``pendingDeletion``."""
    return dump({"state": state, "deleted": False})


def affinity_from_item(key: str, text: str) -> tuple[str, Network, bool]:
    """Parse an affinity: its host, its block, and whether it is confirmed.

    Raises:
        ValueError: it is not an affinity.
    """
    host, _, rest = key.removeprefix(AFFINITIES).partition("/")
    family, _, block_text = rest.partition("/block/")
    block = ip_network(block_text.replace("-", "/"))
    if family != f"ipv{block.version}":
        raise ValueError("the block is of another family")
    return host, block, _object(load(text or "{}")).get("state", "confirmed") == "confirmed"


def cluster_to_json() -> str:
    """Return the value of `CLUSTER_KEY`, which says that the store is ready."""
    return resource("ClusterInformation", "default", {"clusterGUID": uid("cluster").hex, "datastoreReady": True})


def is_cluster_ready(text: str) -> bool:
    """Return whether the value of `CLUSTER_KEY` says that the store is ready.

    Raises:
        ValueError: it is malformed.
    """
    return _metadata_and_spec(text)[1].get("datastoreReady") is True


def pool_to_json(cidr: Network, *, tunnel_kind: str | None) -> str:
    """Return the value of the pool that containers get addresses from."""
    modes = {name: "Always" if tunnel_kind == name else "Never" for name in ("ipip", "vxlan")}
    spec: Json = {
        "cidr": str(cidr),
        "vxlanMode": modes["vxlan"],
        "ipipMode": modes["ipip"],
        "natOutgoing": False,
        "blockSize": BLOCK_BITS[cidr.version],
        "nodeSelector": "all()",
        "allowedUses": ["Workload", "Tunnel"],
    }
    return resource("IPPool", POOL_OF[cidr.version], spec)


def profile_to_json() -> str:
    """Return the value of the profile of all containers, which allows all packets where no policy applies."""
    allow = [{"action": "Allow", "source": {}, "destination": {}}]
    return resource("Profile", PROFILE, {"ingress": allow, "egress": allow, "labelsToApply": {PROFILE: ""}})


def bgp_to_json(*, is_mesh: bool) -> str:
    """Return the value of `BGP_KEY`."""
    spec: Json = {"asNumber": AS_NUMBER, "nodeToNodeMeshEnabled": is_mesh, "logSeverityScreen": "Info"}
    return resource("BGPConfiguration", "default", spec)


def is_mesh(text: str) -> bool:
    """Return whether the value of `BGP_KEY` asks for a full mesh.

    Raises:
        ValueError: it is malformed.
    """
    return _metadata_and_spec(text)[1].get("nodeToNodeMeshEnabled", True) is True


def reflector_peering_to_json() -> str:
    """Return the value of the peering of all nodes with the route reflectors."""
    key, value = REFLECTOR_LABEL
    spec: Json = {"nodeSelector": "all()", "peerSelector": f"{key} == '{value}'"}
    return resource("BGPPeer", "peer-with-route-reflectors", spec)


def resource(
    kind: str, name: str, spec: Json, *, namespace: str | None = None, labels: Mapping[str, str] | None = None
) -> str:
    """Return the JSON of a resource. Its UID follows from its kind and name, so that two runs write the same."""
    metadata: Json = {"name": name, "uid": str(uid(f"{kind}/{name}")), "creationTimestamp": _EPOCH}
    if namespace is not None:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    return dump({"kind": kind, "apiVersion": API, "metadata": metadata, "spec": spec})


def uid(name: str) -> uuid.UUID:
    """Return the UID of a name."""
    return uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.gtsdsl")


def dump(value: object) -> str:
    """Return JSON as Go writes it, without blanks."""
    return json.dumps(value, separators=(",", ":"))


def load(text: str) -> object:
    """Parse JSON.

    Raises:
        ValueError: it is malformed, or nested too deeply.
    """
    try:
        value: object = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def _metadata_and_spec(text: str) -> tuple[Json, Json]:
    fields = _object(load(text))
    return _object(fields.get("metadata")), _object(fields.get("spec"))


def _object(value: object) -> Json:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("an object is expected")
    return value


def _list(value: object) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError("a list is expected")
    return value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _mac(value: object) -> str | None:
    """Return a MAC address; None for anything else, which the kernel would refuse."""
    text = (_text(value) or "").lower()
    return text if _MAC.fullmatch(text) else None


def _workload_name(host: str, container: str) -> str:
    # a dash in a part is written twice, because a single one separates the parts
    return "-".join(part.replace("-", "--") for part in (host, ORCHESTRATOR, container, ENDPOINT))


def dashed(block: Network) -> str:
    """Return a block as keys have it: ``10.244.1.0-26``."""
    return str(block).replace("/", "-")
