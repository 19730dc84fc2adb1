"""Switches of the plan to Open vSwitch bridges, in an Open vSwitch of the emulation's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from emulator.errors import EmulationError
from emulator.hosts.world import World
from emulator.netlink.connection import NETLINK_GENERIC, Netlink, NetlinkError
from emulator.netlink.messages import Request, text
from emulator.plan import Switch
from emulator.switches.bridge import EmulatedSwitch
from emulator.underlay import Underlay

_PROGRAMS = ("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-appctl")
_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")  # not in an ordinary user's path
_SCHEMA_PLACES = ("/usr/share/openvswitch/vswitch.ovsschema", "/usr/local/share/openvswitch/vswitch.ovsschema")
_PATIENCE_S = 30.0
_GENL_ID_CTRL, _CTRL_CMD_GETFAMILY, _CTRL_ATTR_FAMILY_NAME = 16, 3, 2


class OpenVSwitch:
    """The daemons of Open vSwitch, in the switches' namespace, with sockets and database in the emulation's folder.

    The user's own Open vSwitch, if there is one, is in another namespace, with other sockets: neither sees the other.
    """

    def __init__(self, world: World, namespace: int) -> None:
        """Raises EmulationError if Open vSwitch is not installed; nothing is started yet."""
        self._world = world
        self._namespace = namespace
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS])
        self._programs = {name: shutil.which(name, path=path) for name in _PROGRAMS}
        schema = next((place for place in _SCHEMA_PLACES if Path(place).exists()), None)
        missing = [name for name, place in self._programs.items() if place is None]
        if missing or schema is None:
            raise EmulationError(
                "Open vSwitch is not installed, which the topology's switches need: `apt-get install "
                "openvswitch-switch`, or ask for Linux bridges"
            )
        self._schema = schema
        self.environment: dict[str, str] = {}

    def start(self, switches: Sequence[OvsSwitch]) -> None:
        """Start the daemons, and make all bridges in one transaction.

        Raises:
            EmulationError: a daemon does not come up.
        """
        folder = self._world.start() / "openvswitch"
        self.environment = {name: str(folder) for name in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")}
        database, socket = folder / "conf.db", f"unix:{folder / 'db.sock'}"
        self._run("mkdir", "-p", str(folder))
        self._run("ovsdb-tool", "create", str(database), self._schema)
        quiet = ("-vconsole:off", "-vsyslog:off", "-vfile:off")
        self._daemon("ovsdb-server", str(database), f"--remote=p{socket}", *quiet)
        self._vsctl("--no-wait", "init")
        self._daemon("ovs-vswitchd", socket, "--disable-system-route", *quiet)
        kind = "system" if has_kernel_datapath() else "netdev"
        transaction: list[str] = []
        for switch in switches:
            transaction += switch.transaction(kind)
        if transaction:
            self._vsctl(*transaction[1:])

    def _vsctl(self, *arguments: str) -> None:
        # it waits until ovs-vswitchd has done what the database now says
        self._run("ovs-vsctl", f"--timeout={_PATIENCE_S:.0f}", "--retry", "-vsyslog:off", *arguments)

    def ask(self, *arguments: str) -> str:
        """What `ovs-appctl` says."""
        return self._run("ovs-appctl", *arguments)

    def _daemon(self, name: str, *arguments: str) -> None:
        process = self._world.popen(
            self._namespace, [self._program(name), *arguments], self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._daemons = [*getattr(self, "_daemons", []), (name, process)]

    def _program(self, name: str) -> str:
        return self._programs.get(name) or name

    def _run(self, name: str, *arguments: str) -> str:
        process = self._world.popen(
            self._namespace, [self._program(name), *arguments], self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        output, _ = process.communicate()
        said = output.decode(errors="replace").strip()
        if process.returncode != 0:
            raise EmulationError(
                f"Open vSwitch: {name} failed: {said.splitlines()[-1][:200] if said else 'no reason given'}"
            )
        return said

    def wait_forwarding(self, switches: Sequence[OvsSwitch]) -> None:
        """Wait until the spanning tree has decided about all ports.

        Raises:
            EmulationError: it does not come to a decision.
        """
        deadline = time.monotonic() + _PATIENCE_S
        for switch in switches:
            while switch.plan.spanning_tree and not _is_settled(self.ask("rstp/show", switch.name)):
                if time.monotonic() > deadline:
                    raise EmulationError(f"{switch.name}: the spanning tree does not settle")
                time.sleep(0.1)


class OvsSwitch(EmulatedSwitch):
    """An Open vSwitch bridge. It obeys its controllers; while none answers, it learns (fail mode `standalone`)."""

    def __init__(self, switch: Switch, underlay: Underlay, world: World, ovs: OpenVSwitch) -> None:
        super().__init__(switch, underlay, world)
        self.dpid = switch.datapath_id
        self._ovs = ovs

    def transaction(self, datapath: str) -> list[str]:
        """What makes the bridge and its ports, as arguments of ovs-vsctl, each command with `--` before it."""
        words = ["--", "add-br", self.name, "--", "set", "bridge", self.name]
        words += [f"datapath_type={datapath}", f"other_config:datapath-id={self.dpid}", "fail_mode=standalone"]
        if self.plan.spanning_tree:
            words.append("rstp_enable=true")
        for name, _, number in self.bridged:
            words += ["--", "add-port", self.name, name, "--", "set", "interface", name, f"ofport_request={number}"]
        if self.plan.controllers:
            targets = [f"tcp:{controller.address}:{controller.port}" for controller in self.plan.controllers]
            words += ["--", "set-controller", self.name, *targets]
        return words

    def start(self, controllers: object) -> None:
        """Wait until it forwards; the bridge itself was made with all others (`OpenVSwitch.start`)."""
        self._ovs.wait_forwarding([self])

    def connected(self) -> bool:
        """Whether a controller answers; true where there is none to answer."""
        return not self.plan.controllers or "is_connected" in self._ovs.ask("fdb/stats-show", self.name)


def _is_settled(shown: str) -> bool:
    """Whether `rstp/show` names no port that is still to become forwarding or blocked."""
    states = [line.split() for line in shown.splitlines()]
    return not any("Learning" in words or ("Designated" in words and "Discarding" in words) for words in states)


def has_kernel_datapath() -> bool:
    """Whether this kernel forwards for Open vSwitch itself; a guest's (UML) drops what it cannot look up there."""
    if os.uname().machine == "um" or Path("/proc/exitcode").exists():
        return False
    with Netlink(NETLINK_GENERIC) as netlink:
        body = bytes((_CTRL_CMD_GETFAMILY, 1, 0, 0)) + text(_CTRL_ATTR_FAMILY_NAME, "ovs_datapath")
        try:
            return bool(netlink.get(Request(_GENL_ID_CTRL, 0, body, "ovs_datapath"), dump=False))
        except NetlinkError:
            return False
