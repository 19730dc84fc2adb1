"""Switches of the plan to Open vSwitch bridges, in an Open vSwitch of the emulation's own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from emulator.lab.lab import Lab
from emulator.mininet.bridge import EmulatedSwitch
from emulator.netlink.connection import NETLINK_GENERIC, Netlink, NetlinkError
from emulator.netlink.messages import Request, text
from emulator.plan import Switch
from emulator.system.errors import EmulationError
from emulator.system.poll import wait_until
from emulator.system.programs import OPEN_VSWITCH, find_program

_SCHEMA_PLACES = ("/usr/share/openvswitch/vswitch.ovsschema", "/usr/local/share/openvswitch/vswitch.ovsschema")
_PATIENCE_S = 60.0
_LOOK_S = 0.2
_ROLES = frozenset({"Root", "Designated", "Alternate", "Backup", "Master", "Disabled"})
_QUIET = ("-vconsole:off", "-vsyslog:off", "-vfile:off")
_YOUNG_S = 10
"""In a younger clock, Open vSwitch 3.1 believes that it has counted the CPUs, finds none, and loses all upcalls."""
_GENL_ID_CTRL, _CTRL_CMD_GETFAMILY, _CTRL_ATTR_FAMILY_NAME = 16, 3, 2


class OpenVSwitch:
    """The daemons of Open vSwitch, in the switches' namespace, with sockets and database in the emulation's folder.

    The user's own Open vSwitch, if there is one, is in another namespace, with other sockets: neither sees the other.
    """

    def __init__(self, lab: Lab) -> None:
        """Raises EmulationError if Open vSwitch is not installed; nothing is started yet."""
        self._processes = lab.processes
        self._namespace = lab.switches_namespace
        self._programs = {name: find_program(name) for name in OPEN_VSWITCH}
        schema = next((place for place in _SCHEMA_PLACES if Path(place).exists()), None)
        missing = [name for name, place in self._programs.items() if place is None]
        if missing or schema is None:
            raise EmulationError(
                "Open vSwitch is not installed, which the topology's switches need: `apt-get install "
                "openvswitch-switch`, or ask for Linux bridges"
            )
        self._schema = schema
        if not has_kernel_datapath() and not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            raise EmulationError(
                "Open vSwitch needs /dev/net/tun, which you may not open: run it as root or in a guest kernel "
                "(`gtsdsl kernel build`), or ask for Linux bridges"
            )
        self._folder = Path()

    def start(self, switches: Sequence[OvsSwitch]) -> None:
        """Start the daemons, and make all bridges in one transaction.

        Raises:
            EmulationError: a daemon does not come up.
        """
        folder = self._processes.start() / "openvswitch"
        self._folder = folder
        # so that `ovs-vsctl show`, in a switch's or a host's shell, speaks to these daemons
        for name in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"):
            self._processes.variables[name] = str(folder)
        database, socket = folder / "conf.db", f"unix:{folder / 'db.sock'}"
        self._run("mkdir", "-p", str(folder))
        self._run("ovsdb-tool", "create", str(database), self._schema)
        self._daemon("ovsdb-server", str(database), f"--remote=p{socket}")
        self._vsctl("--no-wait", "init")
        self._daemon("ovs-vswitchd", socket, "--disable-system-route", before=_in_a_grown_clock())
        kind = "system" if has_kernel_datapath() else "netdev"
        transaction = ["--", "--id=@untouched", "create", "qos", "type=linux-noop"]
        for switch in switches:
            transaction += switch.transaction(kind)
        self._vsctl(*transaction[1:])
        self._wait_until_forwarding(switches)

    def _vsctl(self, *arguments: str) -> None:
        # it waits until ovs-vswitchd has done what the database now says
        self._run("ovs-vsctl", f"--timeout={_PATIENCE_S:.0f}", "--retry", "-vsyslog:off", *arguments)

    def ask(self, *arguments: str) -> str:
        """What `ovs-appctl` says."""
        return self._run("ovs-appctl", "-t", self._control("ovs-vswitchd"), *arguments)

    def control(self, switch: str, command: str, *arguments: str) -> str:
        """What `ovs-ofctl` says to a command for a switch: ``dump-flows``, ``add-flow``.

        Raises:
            EmulationError: it fails; why.
        """
        return self._run("ovs-ofctl", command, f"unix:{self._folder / f'{switch}.mgmt'}", *arguments)

    def _forwards(self, switch: OvsSwitch) -> bool:
        """Whether a switch learns, for want of a controller, or obeys one."""
        return "NORMAL" in self.ask("bridge/dump-flows", switch.name) or switch.connected()

    def is_connected(self, switch: str) -> bool:
        """Whether a controller of the switch answers."""
        known = self._run("ovs-vsctl", "get", "bridge", switch, "controller")
        rows = self._run("ovs-vsctl", "--bare", "--columns=_uuid", "find", "controller", "is_connected=true")
        return any(row in known for row in rows.split())

    def _daemon(self, name: str, *arguments: str, before: Sequence[str] = ()) -> None:
        # a socket by a name without the process id: `ovs-appctl` would look that up in a file that comes later
        line = [*before, self._program(name), *arguments, f"--unixctl={self._control(name)}", *_QUIET]
        self._processes.popen(
            self._namespace, line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, directory="/",
        )  # fmt: skip

    def _control(self, name: str) -> str:
        return str(self._folder / f"{name}.ctl")

    def _program(self, name: str) -> str:
        return self._programs.get(name) or name

    def _run(self, name: str, *arguments: str) -> str:
        process = self._processes.popen(
            self._namespace, [self._program(name), *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, directory="/",
        )  # fmt: skip
        output, _ = process.communicate()
        said = output.decode(errors="replace").strip()
        if process.returncode != 0:
            raise EmulationError(
                f"Open vSwitch: {name} failed: {said.splitlines()[-1][:200] if said else 'no reason given'}"
            )
        return said

    def _wait_until_forwarding(self, switches: Sequence[OvsSwitch]) -> None:
        """Wait until the spanning tree has decided about all ports and stays with it, and until every switch forwards.

        Raises:
            EmulationError: that takes too long.
        """
        before = ""

        def are_forwarding() -> bool:
            nonlocal before
            looped = [self.ask("rstp/show", switch.name) for switch in switches if switch.plan.spanning_tree]
            shown = "\n".join(looped)
            is_decided = not looped or (shown == before and _is_settled(shown))
            before = shown
            return is_decided and all(map(self._forwards, switches))

        if not wait_until(are_forwarding, _PATIENCE_S, _LOOK_S):
            raise EmulationError("Open vSwitch: the switches do not begin to forward")


class OvsSwitch(EmulatedSwitch):
    """An Open vSwitch bridge. It obeys its controllers; while none answers, it learns (fail mode `standalone`).

    All bridges are made together (`OpenVSwitch.start`).
    """

    def __init__(self, switch: Switch, lab: Lab, ovs: OpenVSwitch) -> None:
        super().__init__(switch, lab)
        self._ovs = ovs

    def transaction(self, datapath: str) -> list[str]:
        """What makes the bridge and its ports, as arguments of ovs-vsctl, each command with `--` before it."""
        words = ["--", "add-br", self.name, "--", "set", "bridge", self.name]
        words += [f"datapath_type={datapath}", f"other_config:datapath-id={self.dpid}", "fail_mode=standalone"]
        # its own MAC address, by which the spanning tree chooses its root: the same in every run
        mac = (0x06 << 40 | int(self.dpid, 16)).to_bytes(6, "big").hex(":")
        words.append(f'other_config:hwaddr="{mac}"')
        if self.plan.spanning_tree:
            words.append("rstp_enable=true")
        for name, _, number in self.bridged:
            words += ["--", "add-port", self.name, name, "--", "set", "interface", name, f"ofport_request={number}"]
            # Open vSwitch would take netem away from its ports, now and at each change, but for this type of QoS
            words += ["--", "set", "port", name, "qos=@untouched"]
            if name in self.edges:  # a host sends no frame back: its port need not wait to find out
                words += ["--", "set", "port", name, "other_config:rstp-port-admin-edge=true"]
        if self.plan.controllers:
            rows = [f"@c{self.dpid}_{number}" for number in range(len(self.plan.controllers))]
            for row, controller in zip(rows, self.plan.controllers, strict=True):
                target = f'target="tcp:{controller.address}:{controller.port}"'
                # in milliseconds: after three probes without an answer it learns, and it tries again each second
                words += [
                    "--",
                    f"--id={row}",
                    "create",
                    "controller",
                    target,
                    "inactivity_probe=1000",
                    "max_backoff=1000",
                ]
            words += ["--", "set", "bridge", self.name, f"controller=[{','.join(rows)}]"]
        return words

    def dpctl(self, *args: str) -> str:
        """What `ovs-ofctl` says to a command and what comes after the switch's name."""
        said = self._ovs.control(self.name, *args)
        return f"{said}\n" if said else ""

    def connected(self) -> bool:
        """Whether a controller answers."""
        return bool(self.plan.controllers) and self._ovs.is_connected(self.name)


def _is_settled(shown: str) -> bool:
    """Whether `rstp/show` names ports, and none that is still to become forwarding or blocked."""
    ports = [words for line in shown.splitlines() if len(words := line.split()) == 5 and words[1] in _ROLES]
    return bool(ports) and all(
        state == "Forwarding" or (state == "Discarding" and role in {"Alternate", "Backup"})
        for _, role, state, *_ in ports
    )


def _in_a_grown_clock() -> list[str]:
    """What has a command run in a clock that is older than `_YOUNG_S`: a guest's real one begins when it boots.

    A time namespace has another clock at once; where the kernel has none (Debian's guest kernel), we wait.
    """
    missing_s = _YOUNG_S - time.monotonic()
    if missing_s <= 0:
        return []
    if Path("/proc/self/ns/time").exists():
        return ["unshare", "--time", f"--monotonic={_YOUNG_S}", "--kill-child"]
    time.sleep(missing_s)
    return []


def has_kernel_datapath() -> bool:
    """Whether this kernel forwards for Open vSwitch itself."""
    with Netlink(NETLINK_GENERIC) as netlink:
        body = bytes((_CTRL_CMD_GETFAMILY, 1, 0, 0)) + text(_CTRL_ATTR_FAMILY_NAME, "ovs_datapath")
        try:
            return bool(netlink.get(Request(_GENL_ID_CTRL, 0, body, "ovs_datapath"), dump=False))
        except NetlinkError:
            return False
