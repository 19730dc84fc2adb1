"""A plan's namespaces, circuits and processes, held together until exit."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from emulator.lab import cores
from emulator.lab.cgroups import limiting_groups
from emulator.lab.containers import Attachment, Container
from emulator.lab.hosts_file import names_of_hosts
from emulator.lab.namespace import own_interfaces, with_indexes_after
from emulator.lab.processes import Processes
from emulator.lab.underlay import Create, Underlay
from emulator.netlink import links
from emulator.netlink.connection import Netlink
from emulator.netlink.facilities import has_ipv6
from emulator.plan import Circuit, Plan
from emulator.system.closing import Closing
from emulator.system.errors import EmulationError
from gtsdsl.text import did_you_mean, printable


class Lab(Closing):
    """A plan's underlay and the processes in it, from entry to exit; a context manager.

    Raises, at entry:
        EmulationError: this machine lacks what the plan needs. Nothing is left behind.
    """

    def __init__(self, plan: Plan, creator: Callable[[Lab], Create] | None = None) -> None:
        """``creator`` returns, for this lab, the maker of the hosts' namespaces; None makes new, empty ones.

        The constructor asks the kernel for its own interfaces (`own_interfaces`), so the thread must be in the user
        namespace in which the lab is entered.
        """
        fitting = plan if has_ipv6() else plan.without_ipv6()
        self.plan = with_indexes_after(fitting, own_interfaces())
        """The plan; without IPv6, if this kernel lacks it, and with interface indexes that are free in this kernel."""
        self.underlay = Underlay(self.plan, None if creator is None else creator(self))
        self.processes = Processes(names_of_hosts(self.plan))
        self._adopted: list[int] = []

    def __enter__(self) -> Self:
        try:
            self.underlay.__enter__()
            self.processes.guard(self.underlay.descriptors)
            for name, namespace in self.underlay.namespaces.items():
                self.processes.name(namespace.descriptor, name)
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Kill all processes of the lab, and release its namespaces."""
        with contextlib.ExitStack() as stack:
            stack.callback(self.underlay.close)
            stack.callback(self._close_adopted)
            stack.callback(self.processes.close)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names of all hosts and of all containers."""
        return tuple(self.underlay.namespaces)

    def namespace(self, node: str) -> int:
        """Return the descriptor of the network namespace of a host, a container or a switch, by its name.

        Raises:
            KeyError: the lab has no such node.
        """
        return self.underlay.namespace(node).descriptor

    def circuit(self, circuit_id: str) -> Circuit:
        """Return a circuit by its id.

        Raises:
            EmulationError: the lab has no such circuit.
        """
        found = {circuit.id: circuit for circuit in self.underlay.circuits}
        if circuit_id not in found:
            near = did_you_mean(circuit_id[:80], list(found))
            raise EmulationError(f"unknown link {printable(circuit_id, 80)}{f'; {near}' if near else ''}")
        return found[circuit_id]

    @property
    def switches_namespace(self) -> int:
        """The descriptor of the network namespace that all switches share."""
        if self.underlay.switches is None:
            raise AssertionError("the plan has no switches")
        return self.underlay.switches.descriptor

    def netlink(self, node: str) -> contextlib.AbstractContextManager[Netlink]:
        """Open a netlink socket in the namespace of a host, a container or a switch, by its name."""
        return self.underlay.netlink(node)

    def hold(self, name: str, descriptor: int) -> None:
        """Adopt a namespace under a name: the lab closes its descriptor and kills its processes at exit.

        Raises:
            EmulationError: the lab has a node of that name.
        """
        self.underlay.hold(name, descriptor)
        self.processes.guard([descriptor])
        self.processes.name(descriptor, name)

    def adopt(self, descriptor: int) -> None:
        """Adopt a namespace that has no name, such as the namespace of a daemon for all hosts.

        As with `hold`, the lab closes the descriptor and kills the namespace's processes at exit.
        """
        self._adopted.append(descriptor)
        self.processes.guard([descriptor])

    def add_host(self, name: str, loopbacks: Sequence[str]) -> int:
        """Make one more host with its own addresses and no circuit; return its namespace's descriptor.

        Raises:
            EmulationError: the lab has a node of that name.
        """
        descriptor = self.underlay.add_host(name, loopbacks)
        self.processes.guard([descriptor])
        self.processes.name(descriptor, name)
        return descriptor

    def add_container(self, container: Container, attachment: Attachment) -> None:
        """Adopt a container's namespace, let its commands run in the container, and make its name known.

        Raises:
            EmulationError: the lab has a node of that name, or the container's limits cannot be set.
        """
        self.hold(container.name, attachment.namespace)
        self._settle(container, attachment)

    def replace_container(self, container: Container, attachment: Attachment) -> None:
        """Adopt the namespace of a container that was started again, in place of the one that it had before."""
        descriptor = self.namespace(container.name)
        # the number of the descriptor stays, because the lab's users have it; it leads to the new namespace
        os.dup2(attachment.namespace, descriptor, inheritable=False)
        os.close(attachment.namespace)
        self.processes.guard([descriptor])
        self._settle(container, replace(attachment, namespace=descriptor))

    def charge_containers(self, host: str, stages: Sequence[str], protocol: int | None, port: int | None) -> None:
        """Make a host pay for its containers' packets, if packets cost anything (`Cores.charge_containers`)."""
        if (made := self.underlay.cores) is not None:
            namespace = self.underlay.namespace(host)
            with self.netlink(host) as netlink:
                netlink.send(made.charge_containers(host, namespace, netlink, stages, protocol, port))

    def charge_container(self, host: str, address: str) -> None:
        """Make a host pay for the packets with a container's address, if packets cost anything."""
        if (made := self.underlay.cores) is not None:
            with self.netlink(host) as netlink:
                netlink.send(made.charge_container(host, address))

    def limit_container(self, container: str, addresses: Sequence[str]) -> None:
        """Hold the packets with a container's addresses to its limit of processors, if it has one.

        Raises:
            EmulationError: the kernel lacks what a limit needs.
        """
        if self.underlay.cores is not None:
            with self.netlink(container) as netlink:
                requests = self.underlay.cores.limit_container(container, addresses, links.all_links(netlink))
                cores.send(netlink, requests)

    @property
    def run_folder(self) -> Path:
        """The path of the run's folder, which is removed with the lab."""
        return self.processes.start().parent

    def _settle(self, container: Container, attachment: Attachment) -> None:
        if attachment.running is not None:
            self.processes.inhabit(attachment.namespace, attachment.running, attachment.hosts_file)
        elif container.has_limits:
            groups = limiting_groups(container.name, self.processes.groups, container.cpus, container.memory_bytes)
            self.processes.limit(attachment.namespace, groups)
        self.processes.set_addresses(container.name, attachment.addresses)
        if self.plan.cpu is not None and not self.plan.cpu.offload:
            with self.netlink(container.name) as netlink:
                netlink.send([links.without_offload(it.index, it.name) for it in links.all_links(netlink)])

    def _close_adopted(self) -> None:
        while self._adopted:
            os.close(self._adopted.pop())
