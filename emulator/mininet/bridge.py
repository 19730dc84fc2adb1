"""A switch of the plan to a Linux bridge."""

from __future__ import annotations

from mininet.node import Switch as MininetSwitch

from emulator.lab.lab import Lab
from emulator.mininet.node import EmulatedNode
from emulator.netlink import links
from emulator.plan import Interface, Switch
from emulator.system.errors import EmulationError
from emulator.system.poll import wait_until

_PATIENCE_S = 60.0
"""More than 802.1D's own figures need: a port listens for 15 s, and learns for 15 more."""
_LOOK_S = 0.1


class EmulatedSwitch(EmulatedNode, MininetSwitch):  # type: ignore[misc]
    """A switch of either kind. All share one network namespace, in which each is a bridge of its own name."""

    def __init__(self, switch: Switch, lab: Lab) -> None:
        self.plan = switch
        self.dpid = switch.datapath_id
        self.lab = lab
        # MininetSwitch's constructor would set this only for a switch in the machine's own namespace
        self.controlIntf = None
        self.listenPort = None
        self.opts = ""
        super().__init__(switch.name, lab.switches_namespace, lab.processes)

    @property
    def _ends(self) -> list[Interface]:
        return [end for end in self.lab.plan.ends if end.node == self.name]

    @property
    def bridged(self) -> list[tuple[str, int, int]]:
        """The ports between which it forwards: interface name, kernel's index, OpenFlow's number."""
        # a port with an address is the one to the controller
        return [(end.name, end.index, end.number) for end in self._ends if end.address is None]

    @property
    def edges(self) -> frozenset[str]:
        """The names of its interfaces that lead to a host."""
        hosts = {host.name for host in self.lab.plan.hosts}
        circuits = self.lab.plan.circuits
        pairs = [pair for circuit in circuits for pair in (circuit.ends, circuit.ends[::-1])]
        return frozenset(near.name for near, far in pairs if near.node == self.name and far.node in hosts)

    def start(self, controllers: object) -> None:
        """Have it pass frames on again, after `stop`."""
        with self.lab.netlink(self.name) as netlink:
            netlink.send([links.up(end.index, end.name) for end in self._ends])
            links.settle(netlink, [end.name for end in self._ends])

    def stop(self, deleteIntfs: bool = True) -> None:
        """Have it pass nothing on, nor hear its controller; its ports stay, for a switch ends with its network."""
        with self.lab.netlink(self.name) as netlink:
            netlink.send([links.down(end.index, end.name) for end in self._ends])


class BridgeSwitch(EmulatedSwitch):
    """A Linux bridge: it learns, and obeys no controller. In a loop, 802.1D keeps frames from going round."""

    def make(self) -> None:
        """Make the bridge, and its ports its own."""
        namespace = self.lab.underlay.namespace(self.name)
        index = namespace.next_index
        namespace.next_index += 1
        requests = [links.bridge(self.name, index, spanning_tree=self.plan.spanning_tree)]
        requests += [links.set_master(port, name, index) for name, port, _ in self.bridged]
        requests.append(links.up(index, self.name))
        with self.lab.netlink(self.name) as netlink:
            netlink.send(requests)
            # the kernel opens a port when it notices the carrier: by itself, a hundred a second
            links.settle(netlink, [name for name, _, _ in self.bridged])

    def dpctl(self, *_args: str) -> str:
        """Mininet's way to a switch's flows.

        Raises:
            EmulationError: it has none.
        """
        raise EmulationError(f"{self.name} is a Linux bridge, which has no flows: dpctl is for Open vSwitch")


def await_spanning_tree(lab: Lab) -> None:
    """Wait until the bridges' spanning tree has decided about all ports: none forwards before.

    Raises:
        EmulationError: that takes too long.
    """
    undecided = {links.LISTENING, links.LEARNING}
    with lab.netlink(lab.plan.switches[0].name) as netlink:
        if not wait_until(
            lambda: undecided.isdisjoint(links.bridge_port_states(netlink).values()), _PATIENCE_S, _LOOK_S
        ):
            raise EmulationError("the bridges' spanning tree does not settle: links go up and down meanwhile")
