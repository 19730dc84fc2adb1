"""Linux bridges for the switches of a plan, and the base class of both kinds of switches."""

from __future__ import annotations

from mininet.node import Switch as MininetSwitch

from emulator.lab.lab import Lab
from emulator.mininet.node import EmulatedNode
from emulator.netlink import links
from emulator.plan import Interface, Switch
from emulator.system.errors import EmulationError
from emulator.system.poll import wait_until

_PATIENCE_S = 60.0
"""More than IEEE 802.1D's default times: a port listens for 15 s and learns for 15 s."""
_LOOK_S = 0.1


class EmulatedSwitch(EmulatedNode, MininetSwitch):  # type: ignore[misc]
    """A switch of either kind: a bridge in the namespace that all switches share, with the switch's name."""

    def __init__(self, switch: Switch, lab: Lab) -> None:
        self.plan = switch
        self.dpid = switch.datapath_id
        self.lab = lab
        # MininetSwitch's constructor sets this only for a switch in this machine's own namespace
        self.controlIntf = None
        self.listenPort = None
        self.opts = ""
        super().__init__(switch.name, lab.switches_namespace, lab.processes)

    @property
    def _ends(self) -> list[Interface]:
        return [end for end in self.lab.plan.ends if end.node == self.name]

    @property
    def bridged(self) -> list[tuple[str, int, int]]:
        """The ports between which the switch forwards: interface name, the kernel's index, OpenFlow's port number."""
        # the port to the controller has an address
        return [(end.name, end.index, end.number) for end in self._ends if end.address is None]

    @property
    def edges(self) -> frozenset[str]:
        """The names of the interfaces that lead to a host."""
        hosts = {host.name for host in self.lab.plan.hosts}
        circuits = self.lab.plan.circuits
        pairs = [pair for circuit in circuits for pair in (circuit.ends, circuit.ends[::-1])]
        return frozenset(near.name for near, far in pairs if near.node == self.name and far.node in hosts)

    def start(self, controllers: object) -> None:
        """Let the switch forward frames again after `stop`."""
        with self.lab.netlink(self.name) as netlink:
            netlink.send([links.up(end.index, end.name) for end in self._ends])
            links.settle(netlink, [end.name for end in self._ends])

    def stop(self, deleteIntfs: bool = True) -> None:
        """Let the switch neither forward frames nor reach its controller. Its ports stay until its network ends."""
        with self.lab.netlink(self.name) as netlink:
            netlink.send([links.down(end.index, end.name) for end in self._ends])


class BridgeSwitch(EmulatedSwitch):
    """A Linux bridge: it learns and has no controller. In a loop, the spanning tree of IEEE 802.1D blocks ports."""

    def make(self) -> None:
        """Make the bridge, and add its ports."""
        namespace = self.lab.underlay.namespace(self.name)
        with self.lab.netlink(self.name) as netlink:
            index = namespace.take_index(netlink)
            requests = [links.bridge(self.name, index, spanning_tree=self.plan.spanning_tree)]
            requests += [links.set_master(port, name, index) for name, port, _ in self.bridged]
            requests.append(links.up(index, self.name))
            netlink.send(requests)
            # the kernel opens a port when it notices the carrier; by itself, it notices about a hundred a second
            links.settle(netlink, [name for name, _, _ in self.bridged])

    def dpctl(self, *_args: str) -> str:
        """Refuse Mininet's command for a switch's flows, because a Linux bridge has none.

        Raises:
            EmulationError: always.
        """
        raise EmulationError(f"{self.name} is a Linux bridge, which has no flows: dpctl is for Open vSwitch")


def await_spanning_tree(lab: Lab) -> None:
    """Wait until the bridges' spanning tree has decided about all ports. Undecided ports do not forward.

    Raises:
        EmulationError: the spanning tree has not decided after a minute.
    """
    undecided = {links.LISTENING, links.LEARNING}
    with lab.netlink(lab.plan.switches[0].name) as netlink:
        if not wait_until(
            lambda: undecided.isdisjoint(links.bridge_port_states(netlink).values()), _PATIENCE_S, _LOOK_S
        ):
            raise EmulationError("the bridges' spanning tree does not settle: links go up and down meanwhile")
