"""A network with Mininet's API, made of a plan: scripts that were written for Mininet run on it unchanged."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn, Self

from mininet.log import output
from mininet.net import Mininet

from emulator.docker.model import DockerHost
from emulator.lab.lab import Lab
from emulator.lab.underlay import Create
from emulator.measure.captures import Captures
from emulator.mininet.bridge import BridgeSwitch, await_spanning_tree
from emulator.mininet.interfaces import EmulatedIntf, EmulatedLink
from emulator.mininet.node import EmulatedHost, EmulatedNode
from emulator.mininet.ovs import OpenVSwitch, OvsSwitch
from emulator.netlink import datapath, namespaces
from emulator.plan import Circuit, Plan
from emulator.system.closing import Closing
from emulator.system.errors import EmulationError
from emulator.system.text import one_line
from gtsdsl.topology.addresses import IPV6_LOOPBACK_POOL, LOOPBACK_POOL

if TYPE_CHECKING:
    from emulator.overlays.deployment import Deployment
    from emulator.overlays.model import OverlaySpec
    from emulator.routing.routers import Routers
    from emulator.stores.relay import Relay

__all__ = ["EmulatedNetwork"]

_ANSWER_MS = 10_000


class EmulatedNetwork(Closing, Mininet):  # type: ignore[misc]
    """A network that runs from entry to exit: a context manager, and a `mininet.net.Mininet`.

    It adds to Mininet's API the ``plan``, the ``lab`` that it stands on, ``captures``, and overlays (`deploy`). A
    host's address (`Host.IP()`) is the host's own address, which the host's name stands for, and no interface's.

    Raises, at entry:
        EmulationError: this machine lacks what the plan needs. Nothing is left behind.
    """

    built: bool

    def __init__(self, plan: Plan, docker_hosts: Sequence[DockerHost] = ()) -> None:
        """Prepare a network of a plan. ``docker_hosts`` become containers of Docker.

        Construct the network in the user namespace in which you enter it: the constructor asks the kernel for its own
        interfaces, in a namespace that exists only meanwhile. It makes nothing else.
        """
        self.lab = Lab(plan, (lambda lab: _docker_creator(lab, docker_hosts)) if docker_hosts else None)
        self.plan = self.lab.plan
        self.containers: list[EmulatedHost] = []
        """The containers of the overlay. They are nodes, but not among the ``hosts`` that `pingAll` uses."""
        self.deployment: Deployment | None = None
        """The overlay that runs on the network; None without one."""
        self.captures = Captures(self.lab)
        """The captures of circuits: ``net.captures.start("l1", "l1.pcap")``."""
        self.routers: Routers | None = None
        """The BIRDs of the hosts; None without a routing protocol."""
        self._ovs: OpenVSwitch | None = None
        self._overlays = contextlib.ExitStack()
        before = Mininet.inited
        Mininet.inited = True  # else Mininet's constructor would change this machine's limits and kernel parameters
        super().__init__(
            host=EmulatedHost,
            switch=None,
            controller=None,
            link=EmulatedLink,
            intf=EmulatedIntf,
            build=False,
        )
        Mininet.inited = before

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def close(self) -> None:
        """Stop the network; see `stop`."""
        self.stop()

    def build(self) -> None:
        """Make the namespaces, circuits, addresses and routes of the network."""
        if self.built:
            return
        self.lab.__enter__()
        for host in self.plan.hosts:
            self._add_host(host.name, host.loopback)
        if any(switch.kind == "ovs" for switch in self.plan.switches):
            self._ovs = OpenVSwitch(self.lab)
        for switch in self.plan.switches:
            if switch.kind == "ovs" and self._ovs is not None:
                self._add(OvsSwitch(switch, self.lab, self._ovs), self.switches)
            else:
                self._add(BridgeSwitch(switch, self.lab), self.switches)
        for circuit in self.plan.circuits:
            self._add_link(circuit)
        for host in self.plan.hosts:  # by its id too, unless another node has that name
            self.nameToNode.setdefault(host.id, self.nameToNode[host.name])
        self.built = True

    def start(self) -> None:
        """Build the network unless it is built, and start its switches and its routing protocol."""
        self.build()
        if self.plan.has_unequal_switch or (self._ovs is not None and not datapath.is_supported()):
            self.lab.underlay.finish_checksums()
        if self._ovs is not None:
            self._ovs.start([switch for switch in self.switches if isinstance(switch, OvsSwitch)])
        for switch in self.switches:
            if isinstance(switch, BridgeSwitch):
                switch.make()
        if any(switch.kind == "bridge" and switch.spanning_tree for switch in self.plan.switches):
            await_spanning_tree(self.lab)
        if self.waitConn:
            self.waitConnected()
        if self.plan.routing is not None:
            from emulator.routing.routers import Routers

            self.routers = Routers(self.lab, self.plan.routing)
            self.routers.start()

    def stop(self) -> None:
        """End the overlay and all processes of the network, and release its namespaces."""
        self.built = False
        with contextlib.ExitStack() as stack:  # every step runs, even if one raises, as at a second Ctrl-C
            stack.callback(self.lab.close)
            for node in (*self.hosts, *self.containers, *self.switches):
                stack.callback(node.close_terminal)
            stack.callback(self.captures.close)
            stack.callback(self.stopXterms)
            stack.callback(self._overlays.close)

    def stopXterms(self) -> None:
        """Kill the terminals that were opened on hosts."""
        for term in self.terms:
            term.kill()
            term.wait()
        self.terms.clear()

    def iperf(
        self, hosts: Sequence[EmulatedHost] | None = None, l4Type: str = "TCP", udpBw: str = "10M",
        fmt: str | None = None, seconds: int = 5, port: int = 5001,
    ) -> list[str]:  # fmt: skip
        """Run Mininet's test with `iperf` between two hosts, by default the first and the last.

        Return the rates that the server and the client measured, after the requested rate for UDP. Mininet's own
        method waits without end for a report that iperf 2.1 does not write about Mininet's `telnet` probe.

        Raises:
            EmulationError: iperf is missing, or does not answer.
        """
        client, server = hosts or (self.hosts[0], self.hosts[-1])
        output(f"*** Iperf: testing {l4Type} bandwidth between {client} and {server}\n")
        command = f"iperf -p {port} {'-u ' if l4Type == 'UDP' else ''}{f'-f {fmt} ' if fmt else ''}"
        server.cmd("killall -9 iperf")
        server.sendCmd(f"{command} -s")
        report = _output_until("listening", server)
        target = f"-t {seconds} -c {server.IP()}" + (f" -b {udpBw}" if l4Type == "UDP" else "")
        sent = client.cmd(f"{command} {target}")
        report += _output_until("/sec", server)
        server.sendInt()
        report += server.waitOutput()
        result = [self._parseIperf(report), self._parseIperf(sent)]
        if l4Type == "UDP":
            result.insert(0, udpBw)
        output(f"*** Results: {result}\n")
        return result

    def deploy(self, spec: OverlaySpec, relay: Relay | None, progress: Callable[[str], None]) -> None:
        """Run an overlay on the network until the network stops, and add its containers as nodes.

        ``relay`` leads to the overlay's store if that is at an address; ``progress`` shows the user what happens now.

        Raises:
            EmulationError: a part of the overlay cannot be started or does not become ready.
        """
        from emulator.overlays.deployment import deploy

        self.deployment = self._overlays.enter_context(deploy(self.lab, spec, relay, progress))
        for container in spec.containers:
            address, namespace = self.deployment.addresses[container.name], self.lab.namespace(container.name)
            self._add(EmulatedHost(container.name, namespace, self.lab.processes, address), self.containers)

    def reattach(self, name: str) -> None:
        """Attach a container of the overlay again after its daemon was started again; it had ended with the daemon.

        The node stays; its namespace, address and processes are the new container's.

        Raises:
            EmulationError: there is no such container, or it cannot be started.
        """
        if self.deployment is None:
            raise EmulationError(f"there is no container {name[:80]!a}: the network has no overlay")
        address = self.deployment.reattach(name)
        node = self.nameToNode[name]
        node.close_terminal()
        node.loopback = address

    def addHost(
        self, name: str, cls: type[EmulatedHost] | None = None, cpu: float | None = None, **params: object
    ) -> EmulatedHost:
        """Add a host that is not in the plan. It has an address of its own, but no circuit and no route.

        ``cpu`` is its share of all processors; see `EmulatedHost.setCPUFrac`.

        Raises:
            EmulationError: the network has a node of that name.
        """
        if name in self.nameToNode:
            raise EmulationError(f"there is a node {name!a} already")
        namespaces.allow_descriptors(1)
        number = len(self.hosts) + 1
        loopback = str(LOOPBACK_POOL[number])
        self.lab.add_host(name, [loopback, *([str(IPV6_LOOPBACK_POOL[number])] if self.plan.has_ipv6 else [])])
        return self._add_host(name, loopback, cls, cpu, **params)

    def addSwitch(self, name: str, cls: object = None, **params: object) -> NoReturn:
        """Refuse a switch, because the plan's addresses and routes depend on the switches.

        Raises:
            EmulationError: always.
        """
        raise EmulationError(f"{name:.40}: a running network gets no more switches: put it into the topology")

    def addController(self, name: str = "c0", controller: object = None, **params: object) -> NoReturn:
        """Refuse a controller, because a controller is a program in a host.

        Raises:
            EmulationError: always.
        """
        raise EmulationError(
            f"{name:.40}: a controller is a program in a host, whose address the topology gives its switches"
        )

    def addLink(
        self, node1: EmulatedNode | str, node2: EmulatedNode | str, port1: int | None = None, port2: int | None = None,
        cls: object = None, **params: object,
    ) -> EmulatedLink:  # fmt: skip
        """Add a circuit that is not in the plan, between two hosts.

        ``bw``, ``delay``, ``jitter`` and ``loss`` impair both directions, as in Mininet's `TCLink`. ``params1`` and
        ``params2`` are for one interface each, and may have its address as ``ip``.

        Raises:
            EmulationError: a node is a switch or does not exist.
        """
        first, second = self._host(node1), self._host(node2)
        numbers = (first.newPort() if port1 is None else port1, second.newPort() if port2 is None else port2)
        circuit = self.lab.underlay.add_circuit((first.name, numbers[0]), (second.name, numbers[1]))
        link = self._add_link(circuit)
        common = {key: value for key, value in params.items() if key in {"bw", "delay", "jitter", "loss"}}
        for interface, special in ((link.intf1, params.get("params1")), (link.intf2, params.get("params2"))):
            interface.config(**common, **(special if isinstance(special, dict) else {}))
        return link

    def delLink(self, link: EmulatedLink) -> None:
        """Remove a circuit and its two interfaces."""
        self.lab.underlay.circuits.remove(self.lab.circuit(link.id))
        super().delLink(link)

    def _host(self, node: EmulatedNode | str) -> EmulatedHost:
        found = self.nameToNode.get(node) if isinstance(node, str) else node
        if not isinstance(found, EmulatedHost):
            raise EmulationError(f"{node!s:.40}: a circuit can be added between two hosts of the network only")
        return found

    def _add_host(
        self, name: str, loopback: str, cls: type[EmulatedHost] | None = None, cpu: float | None = None,
        **params: object,
    ) -> EmulatedHost:  # fmt: skip
        """Add the node of a host that the lab has."""
        namespace = self.lab.namespace(name)
        host = (cls or EmulatedHost)(name, namespace, self.lab.processes, loopback, cpu, **params)
        self._add(host, self.hosts)
        return host

    def _add(self, node: EmulatedNode, nodes: list[EmulatedNode]) -> None:
        nodes.append(node)
        self.nameToNode[node.name] = node

    def _add_link(self, circuit: Circuit) -> EmulatedLink:
        ends: Sequence[EmulatedIntf] = [
            EmulatedIntf(self.lab, self.nameToNode[end.node], end, circuit) for end in circuit.ends
        ]
        link = EmulatedLink(circuit.id, ends[0], ends[1])
        self.links.append(link)
        return link


def _docker_creator(lab: Lab, docker_hosts: Sequence[DockerHost]) -> Create:
    from emulator.docker.hosts import DockerHosts

    return DockerHosts(lab, docker_hosts).make


def _output_until(word: str, host: EmulatedHost) -> str:
    """Read the output of a host's command until it contains a word, and return it.

    Raises:
        EmulationError: the command ended without the word, or wrote nothing for 10 s.
    """
    text = ""
    while word not in text:
        more = host.monitor(timeoutms=_ANSWER_MS)
        text += more
        if word not in text and (not more or not host.waiting):
            raise EmulationError(f"{host.name}: iperf: {one_line(text)[-200:]!a} (`apt-get install iperf`)")
    return text
