"""The packet filter of a host in the kernel, kept as the policies want it; and what a machine needs for that."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from emulator.netlink import namespaces
from emulator.overlays.policy import nftables
from emulator.overlays.policy.chains import RuleSet
from emulator.overlays.policy.compiler import compile_host
from emulator.overlays.policy.iptables import iptables_tables, removal_text
from emulator.overlays.policy.model import PolicySpec
from emulator.overlays.policy.sets import Endpoint
from emulator.system.errors import EmulationError
from emulator.system.programs import environment, find_program, printed_version
from emulator.system.text import one_line
from gtsdsl.text import printable

_PROGRAMS = {"nftables": ("nft", "nft"), "iptables": ("iptables-restore", "ip6tables-restore")}
"""The programs that load the rules of IPv4 and of IPv6, by the engine; the engine's name is that of their package."""
_SAVE_PROGRAMS = {4: "iptables-save", 6: "ip6tables-save"}
_MAX_SET_ENTRIES = 2**20
_AF_OF = {4: socket.AF_INET, 6: socket.AF_INET6}
_LOG_SWITCH = Path("/proc/sys/net/netfilter/nf_log_all_netns")
"""Whether the kernel logs packets of all network namespaces, or only of the first."""


class EnforcementError(EmulationError):
    """The kernel, or the program that loads the rules, refuses the rules."""


class Enforcer:
    """The packet filter of one host in one family of addresses, for a process in the network namespace of the host."""

    def __init__(self, spec: PolicySpec, host: str, family: int = 4) -> None:
        """``family`` is 4 or 6."""
        self._spec = spec
        self._host = host
        self._family = family
        self._loaded: RuleSet | None = None
        self._sets: dict[str, tuple[str, ...]] = {}
        """The networks of each ipset that was made."""

    def apply(self, endpoints: Sequence[Endpoint]) -> bool:
        """Load the rules for the containers of all hosts, and return whether they have changed.

        New rules replace all old ones at once, and connections that were allowed go on. Where only addresses change,
        as with a container on another host, only addresses are loaded.

        Raises:
            EnforcementError: the rules cannot be loaded.
        """
        rules = compile_host(self._spec, endpoints, self._host, self._family)
        if rules == self._loaded:
            return False
        if self._spec.engine == "nftables":
            self._apply_nftables(rules)
        else:
            self._apply_iptables(rules)
        self._loaded = rules
        return True

    def remove(self) -> None:
        """Remove the rules from the kernel.

        Raises:
            EnforcementError: the rules cannot be removed.
        """
        if self._loaded is None:
            return
        if self._spec.engine == "nftables":
            self._run(["-f", "-"], nftables.removal_text(self._family))
        else:
            self._run(["--noflush", "--wait"], removal_text(self._loaded))
            self._change_sets({})
        self._loaded = None

    def _apply_nftables(self, rules: RuleSet) -> None:
        update = None if self._loaded is None else nftables.update_text(self._loaded, rules)
        if update is not None:
            with contextlib.suppress(EnforcementError):  # somebody has changed the table, which is then made anew
                self._run(["-f", "-"], update)
                return
        self._run(["-f", "-"], nftables.nft_text(rules))

    def _apply_iptables(self, rules: RuleSet) -> None:
        # a former process of this host's agent may have left its rules
        is_hooked = self._loaded is not None or "-j cali-FORWARD" in self._run(
            ["-t", "filter"], "", _SAVE_PROGRAMS[self._family]
        )
        tables = iptables_tables(rules, is_hooked=is_hooked)
        if self._loaded is not None and self._loaded.chains == rules.chains:
            self._change_sets(tables.sets)
            return
        # rules may name a set only while it is there: new sets come first, and old ones go last
        self._change_sets(self._sets | tables.sets)
        text = tables.text
        if self._loaded is not None:
            kept = {chain.name for chain in rules.chains}
            gone = [chain.name for chain in self._loaded.chains if chain.name not in kept]
            emptied = "".join(f":{name} - [0:0]\n" for name in gone)
            removed = "".join(f"-X {name}\n" for name in gone)
            text = text.replace("*filter\n", f"*filter\n{emptied}", 1).replace("COMMIT\n", f"{removed}COMMIT\n")
        self._run(["--noflush", "--wait"], text)
        self._change_sets(tables.sets)

    def _change_sets(self, wanted: dict[str, tuple[str, ...]]) -> None:
        """Give the kernel the wanted ipsets, with the wanted networks."""
        from pyroute2 import IPSet  # type: ignore[import-untyped]
        from pyroute2.netlink.exceptions import NetlinkError  # type: ignore[import-untyped]

        if wanted == self._sets:
            return
        try:
            with contextlib.closing(IPSet()) as kernel:
                for name, nets in wanted.items():
                    if name not in self._sets:
                        kernel.create(
                            name,
                            stype="hash:net",
                            family=_AF_OF[self._family],
                            maxelem=_MAX_SET_ENTRIES,
                            exclusive=False,
                        )
                        kernel.flush(name)
                    present = set(self._sets.get(name, ()))
                    for net in nets:
                        if net not in present:
                            kernel.add(name, net, family=_AF_OF[self._family], etype="net")
                    for net in present - set(nets):
                        kernel.delete(name, net, family=_AF_OF[self._family], etype="net")
                    self._sets[name] = nets
                for name in self._sets.keys() - wanted.keys():
                    kernel.destroy(name)
                    del self._sets[name]
        except NetlinkError as error:
            raise EnforcementError(f"{self._host}: the kernel refuses an ipset: {os.strerror(error.code)}") from None

    def _run(self, options: Sequence[str], text: str, program: str | None = None) -> str:
        """Run a program, by default the one that loads rules, with a text as its input; return its output."""
        program = program or _PROGRAMS[self._spec.engine][self._family == 6]
        path = find_program(program)
        if path is None:
            raise EnforcementError(_missing(self._spec, program))
        done = subprocess.run(
            [path, *options], input=text, env=environment({**os.environ, "LC_ALL": "C"}), cwd="/",
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        if done.returncode != 0:
            said = printable(one_line(done.stderr), 120) or f"exit status {done.returncode}"
            raise EnforcementError(f"{self._host}: {program} refuses the policy's rules: {said}")
        return done.stdout


def engine_version(spec: PolicySpec) -> str:
    """Return the engine with the version of its program: ``nftables 1.0.6``."""
    # `nftables v1.0.6 (Lester Gooch #5)`, and `iptables-restore v1.8.9 (nf_tables)`, whose addition says which iptables
    pattern = r" v([0-9.]+)( \((legacy|nf_tables)\))?"
    found = printed_version(_PROGRAMS[spec.engine][0], "--version", pattern)
    return f"{spec.engine} {found[1]}{found[2] or ''}" if found else spec.engine


def lacks(spec: PolicySpec, families: Sequence[int] = (4,)) -> Iterator[str]:
    """Yield a sentence for each thing that this machine lacks, with the command that adds it.

    The policies' own rules are tried out in a temporary network namespace, with an address of each of the families for
    each container.
    """
    for program in dict.fromkeys(_PROGRAMS[spec.engine][: len(families)]):
        if find_program(program) is None:
            yield _missing(spec, program)
            return
    endpoints = [
        Endpoint(name, "try", f"calitry{number}", f"192.0.2.{number % 256}", labels, f"2001:db8::{number:x}")
        for number, (name, labels) in enumerate(spec.labels.items())
    ]
    ((descriptor, _),) = namespaces.create(1, lambda _: None)
    try:
        with namespaces.entered(descriptor):
            for family in families:
                Enforcer(spec, "try", family).apply(endpoints)
    except EnforcementError as error:
        yield f"this kernel cannot enforce the policy ({str(error).removeprefix('try: ')}): use a guest kernel " \
              "(`gtsdsl kernel build`)"  # fmt: skip
    finally:
        os.close(descriptor)
    if _logs(spec) and not _is_logging():
        yield (
            "the policy has the action Log, and this kernel logs packets of its first network namespace only: "
            "`sysctl net.netfilter.nf_log_all_netns=1`, or use a guest kernel (`gtsdsl kernel build`)"
        )


def _missing(spec: PolicySpec, program: str) -> str:
    return f"{program} is missing: install {spec.engine} (`apt-get install {spec.engine}`)"


def _logs(spec: PolicySpec) -> bool:
    return any(rule.action == "Log" for policy in spec.policies for rule in (*policy.ingress, *policy.egress))


def _is_logging() -> bool:
    with contextlib.suppress(OSError):
        return _LOG_SWITCH.read_text().strip() == "1"
    return False
