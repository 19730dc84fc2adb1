"""A plan to a running network with Mininet's API: what is written for Mininet runs in it unchanged."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn, Self

from mininet.log import output
from mininet.net import Mininet

from emulator.docker.model import DockerHost
from emulator.lab.containers import Attachment, Container
from emulator.lab.lab import Lab
from emulator.lab.processes import Processes
from emulator.lab.underlay import Create, Underlay
from emulator.measure.captures import Captures
from emulator.mininet.bridge import BridgeSwitch, await_spanning_tree
from emulator.mininet.interfaces import EmulatedIntf, EmulatedLink
from emulator.mininet.node import EmulatedHost, EmulatedNode
from emulator.mininet.ovs import OpenVSwitch, OvsSwitch, has_kernel_datapath
from emulator.netlink import namespaces
from emulator.plan import Circuit, Interface, Plan
from emulator.system.closing import Closing
from emulator.system.errors import EmulationError
from emulator.system.text import one_line
from gtsdsl.topology.addresses import LOOPBACK_POOL

if TYPE_CHECKING:
    from emulator.overlays.deployment import Deployment

__all__ = ["EmulatedNetwork"]

_ANSWER_MS = 10_000


class EmulatedNetwork(Closing, Mininet):  # type: ignore[misc]
    """A network that runs from entry to exit; a context manager, and a `mininet.net.Mininet`.

    Beyond Mininet's API there are ``plan`` and ``underlay``, the namespaces. A host's address (`Host.IP()`) is its
    own, which its name stands for, and not that of an interface.

    Raises, at entry:
        EmulationError: the machine lacks what the plan needs. Nothing is left then.
    """

    built: bool

    def __init__(self, plan: Plan, machines: Sequence[DockerHost] = ()) -> None:
        """``machines`` are the hosts that are to be containers of Docker."""
        self.plan = plan
        self.lab = Lab(plan, (lambda lab: _machines(lab, machines)) if machines else None)
        self.containers: list[EmulatedHost] = []
        """Those of an overlay; they are nodes, but not among the ``hosts``, which `pingAll` goes over."""
        self.deployment: Deployment | None = None
        """The overlay on it, if there is one."""
        self.captures = Captures(self.lab)
        """What is being captured: ``net.captures.start("l1", "l1.pcap")``."""
        self._ovs: OpenVSwitch | None = None
        known = Mininet.inited
        Mininet.inited = True  # it would change the machine's limits and kernel parameters, none of which is wanted
        super().__init__(
            host=EmulatedHost,
            switch=None,
            controller=None,
            link=EmulatedLink,
            intf=EmulatedIntf,
            build=False,
        )
        Mininet.inited = known

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

    @property
    def underlay(self) -> Underlay:
        return self.lab.underlay

    @property
    def world(self) -> Processes:
        return self.lab.processes

    def hold(self, name: str, namespace: int) -> None:
        self.lab.hold(name, namespace)

    def build(self) -> None:
        """Make the network: namespaces, circuits, addresses, routes."""
        if self.built:
            return
        self.lab.__enter__()
        for host in self.plan.hosts:
            namespace = self.lab.namespace(host.name)
            self._add(EmulatedHost(host.name, namespace, self.lab.processes, host.loopback), self.hosts)
        if any(switch.kind == "ovs" for switch in self.plan.switches):
            self._ovs = OpenVSwitch(self.lab)
        for switch in self.plan.switches:
            if switch.kind == "ovs" and self._ovs is not None:
                self._add(OvsSwitch(switch, self.lab, self._ovs), self.switches)
            else:
                self._add(BridgeSwitch(switch, self.lab), self.switches)
        for circuit in self.plan.circuits:
            self._add_link(circuit)
        for host in self.plan.hosts:  # by its id too, if that is nobody's name
            self.nameToNode.setdefault(host.id, self.nameToNode[host.name])
        self.built = True

    def start(self) -> None:
        """Build the network if it is not yet there, and start its switches."""
        self.build()
        if self._ovs is not None:
            if not has_kernel_datapath():
                self.lab.underlay.finish_checksums()
            self._ovs.start([switch for switch in self.switches if isinstance(switch, OvsSwitch)])
        for switch in self.switches:
            if isinstance(switch, BridgeSwitch):
                switch.make()
        if any(switch.kind == "bridge" and switch.spanning_tree for switch in self.plan.switches):
            await_spanning_tree(self.lab)
        if self.waitConn:
            self.waitConnected()

    def stop(self) -> None:
        """End all processes of the network, and let go of it."""
        self.built = False
        with contextlib.ExitStack() as stack:  # what one step raises, a second Ctrl-C for example, keeps back no other
            stack.callback(self.lab.close)
            for node in (*self.hosts, *self.containers, *self.switches):
                stack.callback(node.close_terminal)
            stack.callback(self.captures.close)
            stack.callback(self.stopXterms)

    def stopXterms(self) -> None:
        """End the terminals that were opened on hosts; they are processes of the network as all others."""
        for term in self.terms:
            term.kill()
            term.wait()
        self.terms.clear()

    def iperf(
        self, hosts: Sequence[EmulatedHost] | None = None, l4Type: str = "TCP", udpBw: str = "10M",
        fmt: str | None = None, seconds: int = 5, port: int = 5001,
    ) -> list[str]:  # fmt: skip
        """Mininet's test with `iperf` between two hosts: what server and client saw; for UDP, what was asked first.

        Mininet's own waits for a report of its probe by `telnet`, which iperf 2.1 does not give, for ever.

        Raises:
            EmulationError: iperf is missing, or does not answer.
        """
        client, server = hosts or (self.hosts[0], self.hosts[-1])
        output(f"*** Iperf: testing {l4Type} bandwidth between {client} and {server}\n")
        command = f"iperf -p {port} {'-u ' if l4Type == 'UDP' else ''}{f'-f {fmt} ' if fmt else ''}"
        server.cmd("killall -9 iperf")
        server.sendCmd(f"{command} -s")
        said = _until("listening", server)
        target = f"-t {seconds} -c {server.IP()}" + (f" -b {udpBw}" if l4Type == "UDP" else "")
        sent = client.cmd(f"{command} {target}")
        said += _until("/sec", server)
        server.sendInt()
        said += server.waitOutput()
        result = [self._parseIperf(said), self._parseIperf(sent)]
        if l4Type == "UDP":
            result.insert(0, udpBw)
        output(f"*** Results: {result}\n")
        return result

    def add_container(self, container: Container, attachment: Attachment) -> EmulatedHost:
        """A container that runs in the network, as a node; its namespace's descriptor is the network's from now on.

        Raises:
            EmulationError: there is a node of that name.
        """
        name = container.name
        if name in self.nameToNode:
            raise EmulationError(f"there is a node {name!a} already")
        self.lab.add_container(container, attachment)
        node = EmulatedHost(name, attachment.namespace, self.lab.processes, attachment.address)
        self._add(node, self.containers)
        return node

    def reattach(self, name: str) -> None:
        """Attach an overlay's container again whose daemon has been started anew: with it, the container has ended.

        The node stays, with the namespace, the address and the processes that the container has now.

        Raises:
            EmulationError: there is no such container, or it cannot be started.
        """
        deployment = self.deployment
        found = {it.name: it for it in deployment.spec.containers} if deployment is not None else {}
        if deployment is None or name not in found:
            raise EmulationError(f"there is no container {name[:80]!a}")
        attachment = deployment.overlay.attach(found[name])
        node = self.nameToNode[name]
        node.close_terminal()
        self.lab.replace_container(found[name], attachment)
        deployment.addresses[name] = node.loopback = attachment.address

    def addHost(
        self, name: str, cls: type[EmulatedHost] | None = None, cpu: float | None = None, **params: object
    ) -> EmulatedHost:
        """One more host, beyond the plan; with an address of its own, but no circuit and no route yet.

        ``cpu`` is its part of all processors; see `EmulatedHost.setCPUFrac`.

        Raises:
            EmulationError: there is a node of that name.
        """
        if name in self.nameToNode:
            raise EmulationError(f"there is a node {name!a} already")
        namespaces.allow_descriptors(1)
        loopback = str(LOOPBACK_POOL[len(self.hosts) + 1])
        namespace = self.lab.add_host(name, loopback)
        host = (cls or EmulatedHost)(name, namespace, self.lab.processes, loopback, cpu, **params)
        self._add(host, self.hosts)
        return host

    def addSwitch(self, name: str, cls: object = None, **params: object) -> NoReturn:
        """Refused: which switches there are decides about addresses and routes, and these are the plan's.

        Raises:
            EmulationError: always.
        """
        raise EmulationError(f"{name:.40}: a running network gets no more switches: put it into the topology")

    def addController(self, name: str = "c0", controller: object = None, **params: object) -> NoReturn:
        """Refused: a controller is a program in one of the hosts.

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
        """One more circuit, beyond the plan, between two hosts; ``params1`` and ``params2`` may hold an ``ip``.

        Raises:
            EmulationError: a switch is named, or there is no such node.
        """
        first, second = self._host(node1), self._host(node2)
        numbers = (first.newPort() if port1 is None else port1, second.newPort() if port2 is None else port2)
        circuit = self.lab.underlay.add_circuit((first.name, numbers[0]), (second.name, numbers[1]))
        link = self._add_link(circuit)
        common = {key: value for key, value in params.items() if key in {"bw", "delay", "jitter", "loss"}}
        for interface, own in ((link.intf1, params.get("params1")), (link.intf2, params.get("params2"))):
            interface.config(**common, **(own if isinstance(own, dict) else {}))
        return link

    def _host(self, node: EmulatedNode | str) -> EmulatedHost:
        found = self.nameToNode.get(node) if isinstance(node, str) else node
        if not isinstance(found, EmulatedHost):
            raise EmulationError(f"{node!s:.40}: a circuit can be added between two hosts of the network only")
        return found

    def _add(self, node: EmulatedNode, nodes: list[EmulatedNode]) -> None:
        nodes.append(node)
        self.nameToNode[node.name] = node

    def _add_link(self, circuit: Circuit) -> EmulatedLink:
        ends: Sequence[EmulatedIntf] = [self._interface(end) for end in circuit.ends]
        link = EmulatedLink(circuit.id, ends[0], ends[1])
        self.links.append(link)
        return link

    def _interface(self, end: Interface) -> EmulatedIntf:
        return EmulatedIntf(self, self.nameToNode[end.node], end)


def _machines(lab: Lab, machines: Sequence[DockerHost]) -> Create:
    from emulator.docker.hosts import DockerHosts

    return DockerHosts(lab, machines).make


def _until(word: str, host: EmulatedHost) -> str:
    """A running command's output, up to a word.

    Raises:
        EmulationError: the command ended without it, or said nothing for too long.
    """
    said = ""
    while word not in said:
        more = host.monitor(timeoutms=_ANSWER_MS)
        said += more
        if word not in said and (not more or not host.waiting):
            raise EmulationError(f"{host.name}: iperf: {one_line(said)[-200:]!a} (`apt-get install iperf`)")
    return said
