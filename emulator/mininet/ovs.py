"""Switches of a plan as Open vSwitch bridges, in an Open vSwitch that belongs to the lab."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from emulator.lab.lab import Lab
from emulator.mininet.bridge import EmulatedSwitch
from emulator.netlink import datapath
from emulator.plan import Switch
from emulator.system.errors import EmulationError
from emulator.system.poll import wait_until
from emulator.system.programs import OPEN_VSWITCH, find_program

_SCHEMA_PATHS = ("/usr/share/openvswitch/vswitch.ovsschema", "/usr/local/share/openvswitch/vswitch.ovsschema")
_PATIENCE_S = 60.0
_LOOK_S = 0.2
_ROLES = frozenset({"Root", "Designated", "Alternate", "Backup", "Master", "Disabled"})
_QUIET = ("-vconsole:off", "-vsyslog:off", "-vfile:off")
_YOUNG_S = 10
"""The least age of the clock, in seconds. In a younger clock, Open vSwitch 3.1 takes its count of the CPUs for current
though it has not counted yet, finds none, and loses all upcalls."""


class OpenVSwitch:
    """The daemons of Open vSwitch, in the switches' namespace, with sockets and a database in the lab's folder.

    They and an Open vSwitch of this machine do not see each other, because they have other namespaces and sockets.
    """

    def __init__(self, lab: Lab) -> None:
        """Find the programs; nothing is started yet.

        Raises:
            EmulationError: Open vSwitch is not installed, or the user may not open /dev/net/tun.
        """
        self._processes = lab.processes
        self._namespace = lab.switches_namespace
        self._programs = {name: find_program(name) for name in OPEN_VSWITCH}
        schema = next((path for path in _SCHEMA_PATHS if Path(path).exists()), None)
        missing = [name for name, path in self._programs.items() if path is None]
        if missing or schema is None:
            raise EmulationError(
                "Open vSwitch is not installed, which the topology's switches need: `apt-get install "
                "openvswitch-switch`, or use Linux bridges (`--switch bridge`)"
            )
        self._schema = schema
        if not datapath.is_supported() and not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            raise EmulationError(
                "Open vSwitch needs /dev/net/tun, which you may not open: run it as root or in a guest kernel "
                "(`gtsdsl kernel build`), or use Linux bridges (`--switch bridge`)"
            )
        self._folder = Path()

    def start(self, switches: Sequence[OvsSwitch]) -> None:
        """Start the daemons, make all bridges in one transaction, and wait until they forward.

        Raises:
            EmulationError: a daemon does not start, or the switches do not begin to forward.
        """
        folder = self._processes.start() / "openvswitch"
        self._folder = folder
        # so that `ovs-vsctl show` in a switch's or a host's shell connects to these daemons
        for name in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"):
            self._processes.variables[name] = str(folder)
        database, socket = folder / "conf.db", f"unix:{folder / 'db.sock'}"
        self._run("mkdir", "-p", str(folder))
        self._run("ovsdb-tool", "create", str(database), self._schema)
        self._daemon("ovsdb-server", str(database), f"--remote=p{socket}")
        self._vsctl("--no-wait", "init")
        self._daemon("ovs-vswitchd", socket, "--disable-system-route", before=_in_older_clock())
        kind = "system" if datapath.is_supported() else "netdev"
        transaction = ["--", "--id=@untouched", "create", "qos", "type=linux-noop"]
        for switch in switches:
            transaction += switch.transaction(kind)
        self._vsctl(*transaction[1:])
        self._wait_until_forwarding(switches)

    def _vsctl(self, *arguments: str) -> None:
        # ovs-vsctl waits until ovs-vswitchd has applied the database's changes
        self._run("ovs-vsctl", f"--timeout={_PATIENCE_S:.0f}", "--retry", "-vsyslog:off", *arguments)

    def ask(self, *arguments: str) -> str:
        """Run `ovs-appctl` on ovs-vswitchd, and return its output."""
        return self._run("ovs-appctl", "-t", self._control("ovs-vswitchd"), *arguments)

    def control(self, switch: str, command: str, *arguments: str) -> str:
        """Run a command of `ovs-ofctl` on a switch, such as ``dump-flows`` or ``add-flow``, and return its output.

        Raises:
            EmulationError: the command fails; the message has its last line of output.
        """
        return self._run("ovs-ofctl", command, f"unix:{self._folder / f'{switch}.mgmt'}", *arguments)

    def _forwards(self, switch: OvsSwitch) -> bool:
        """Return whether a switch forwards frames: it learns by itself, or is connected to its controller."""
        return "NORMAL" in self.ask("bridge/dump-flows", switch.name) or switch.connected()

    def is_connected(self, switch: str) -> bool:
        """Return whether a switch is connected to one of its controllers."""
        known = self._run("ovs-vsctl", "get", "bridge", switch, "controller")
        rows = self._run("ovs-vsctl", "--bare", "--columns=_uuid", "find", "controller", "is_connected=true")
        return any(row in known for row in rows.split())

    def _daemon(self, name: str, *arguments: str, before: Sequence[str] = ()) -> None:
        # a socket whose name has no process id, which `ovs-appctl` would look up in a file that is made later
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
        """Wait until the spanning tree has decided about all ports twice in a row, and every switch forwards.

        Raises:
            EmulationError: they do not after a minute.
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
    """An Open vSwitch bridge. It obeys its controllers; while it is connected to none, it learns (mode `standalone`).

    `OpenVSwitch.start` makes all bridges together.
    """

    def __init__(self, switch: Switch, lab: Lab, ovs: OpenVSwitch) -> None:
        super().__init__(switch, lab)
        self._ovs = ovs

    def transaction(self, datapath: str) -> list[str]:
        """Return the arguments of ovs-vsctl that make the bridge and its ports, with `--` before each command."""
        words = ["--", "add-br", self.name, "--", "set", "bridge", self.name]
        words += [f"datapath_type={datapath}", f"other_config:datapath-id={self.dpid}", "fail_mode=standalone"]
        # a MAC address that is the same in every run, because the spanning tree chooses its root by it
        mac = (0x06 << 40 | int(self.dpid, 16)).to_bytes(6, "big").hex(":")
        words.append(f'other_config:hwaddr="{mac}"')
        if self.plan.spanning_tree:
            words.append("rstp_enable=true")
        for name, _, number in self.bridged:
            words += ["--", "add-port", self.name, name, "--", "set", "interface", name, f"ofport_request={number}"]
            # with any other type of QoS, Open vSwitch would remove netem from its ports, now and at each change
            words += ["--", "set", "port", name, "qos=@untouched"]
            if name in self.edges:  # a host returns no frames, so its port need not wait for the spanning tree
                words += ["--", "set", "port", name, "other_config:rstp-port-admin-edge=true"]
        if self.plan.controllers:
            rows = [f"@c{self.dpid}_{number}" for number in range(len(self.plan.controllers))]
            for row, controller in zip(rows, self.plan.controllers, strict=True):
                target = f'target="tcp:{controller.address}:{controller.port}"'
                # in milliseconds: after three probes without a reply the switch learns, and it reconnects each second
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
        """Run a command of `ovs-ofctl` on the switch, with arguments, and return its output."""
        said = self._ovs.control(self.name, *args)
        return f"{said}\n" if said else ""

    def connected(self) -> bool:
        """Return whether the switch is connected to a controller."""
        return bool(self.plan.controllers) and self._ovs.is_connected(self.name)


def _is_settled(shown: str) -> bool:
    """Return whether the output of `rstp/show` has ports, and all of them are forwarding or blocked."""
    ports = [words for line in shown.splitlines() if len(words := line.split()) == 5 and words[1] in _ROLES]
    return bool(ports) and all(
        state == "Forwarding" or (state == "Discarding" and role in {"Alternate", "Backup"})
        for _, role, state, *_ in ports
    )


def _in_older_clock() -> list[str]:
    """Return the start of a command line that runs a command in a clock older than `_YOUNG_S`.

    In a guest, the real clock starts when the guest boots. A time namespace has an older clock at once. If the kernel
    has no time namespaces, as Debian's guest kernel, wait until the clock is old enough.
    """
    missing_s = _YOUNG_S - time.monotonic()
    if missing_s <= 0:
        return []
    if Path("/proc/self/ns/time").exists():
        return ["unshare", "--time", f"--monotonic={_YOUNG_S}", "--kill-child"]
    time.sleep(missing_s)
    return []
