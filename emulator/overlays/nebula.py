"""Nebula: an encrypted tunnel in user space between each two hosts, by the real `nebula` and its certificates.

The first host is the lighthouse, which tells the others where each host is. Containers are behind their host's
`unsafe_routes`: the host's certificate names their subnet, and each other host routes the subnet to the host.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path
from typing import ClassVar

from emulator.cpu.model import CONTAINER_STAGES
from emulator.lab.daemons import DaemonError, start_program
from emulator.netlink import tun
from emulator.netlink.state import read
from emulator.overlays.model import UDP, About, OverlaySpec, PacketWay, Peer
from emulator.overlays.subnets import SUBNET_BITS, SubnetOverlay, host_number, numbered_subnet
from emulator.overlays.text import columns
from emulator.system.decode import load
from emulator.system.errors import EmulationError
from emulator.system.programs import environment, find_program
from emulator.system.text import one_line

DEVICE = "nebula1"
PORT = 4242
_HEADERS_BYTES = 20 + 8 + 16 + 16  # IP, UDP, Nebula's header, and the authentication tag of AES-GCM
_SSH_PORT = 4243
_USER = "gtsdsl"
_PROGRAMS = {"nebula": "nebula", "nebula-cert": "nebula", "ssh": "openssh-client", "ssh-keygen": "openssh-client"}
_CENTURY = "876000h"  # a virtual clock can pass years in a run
_PATIENCE_S = 5


class Nebula(SubnetOverlay):
    """A `nebula` on each host, with a TUN interface."""

    variants = ("tun",)
    reasons: ClassVar[Mapping[str, str]] = {"ipv6": "Nebula 1.6 has IPv4 only inside its network"}
    daemons = ("nebula",)

    @classmethod
    def about(cls, variant: str) -> About:  # noqa: ARG003 - the only variant
        """Return the description."""
        return About(
            "routed to nebula, encrypted in UDP", needs=("nebula", "ssh", "TUN"), agent="nebula", state="lighthouse"
        )

    @classmethod
    def options(cls, variant: str) -> frozenset[str]:  # noqa: ARG003 - the only variant
        """Return the MTU, ``tun.mtu``."""
        return frozenset({"mtu_bytes"})

    @classmethod
    def way(cls, variant: str, *, is_encrypted: bool) -> PacketWay:  # noqa: ARG003 - the only variant
        """Return the way of a packet through the bridge, the TUN interface and nebula."""
        return PacketWay((*CONTAINER_STAGES, "bridge", "forward", "user-space"), UDP, PORT)

    @classmethod
    def lacks(cls, spec: OverlaySpec) -> Iterator[str]:  # noqa: ARG003 - the only variant
        """Yield a sentence for each missing program, and if the kernel has no TUN interfaces."""
        missing = [name for name in _PROGRAMS if find_program(name) is None]
        if missing:
            packages = " ".join(dict.fromkeys(_PROGRAMS[name] for name in missing))
            yield f"{', '.join(missing)} missing: `apt-get install {packages}`"
        yield from tun.lacks()

    @classmethod
    def refuses(cls, spec: OverlaySpec) -> Iterator[str]:
        """Yield a sentence if the subnet pool is too small, or if its first subnet has no address for each host."""
        yield from super().refuses(spec)
        most = 2 ** (32 - SUBNET_BITS) - 2
        if len(spec.hosts) > most:
            yield f"{len(spec.hosts)} hosts: Nebula's network of /{SUBNET_BITS} has addresses for {most}"

    @property
    def agent(self) -> str:
        """Nebula's program with its version."""
        return f"nebula {_version()}"

    @classmethod
    def added_bytes(cls, spec: OverlaySpec) -> int:  # noqa: ARG003 - the same for all
        """Return the bytes that Nebula adds to a packet."""
        return _HEADERS_BYTES

    def prepare(self) -> None:
        """Make the certificates and keys of all hosts, and the keys of their SSH servers."""
        (self._folder / "hosts").mkdir(mode=0o700, parents=True)
        ca = self._folder / "ca.crt", self._folder / "ca.key"
        _run("nebula-cert", "ca", "-name=gtsdsl", f"-duration={_CENTURY}", f"-out-crt={ca[0]}", f"-out-key={ca[1]}")
        for host in self.spec.hosts:
            key, public_key, certificate = (self._file(host, name) for name in ("key", "pub", "crt"))
            private = hashlib.sha256(f"nebula {self.lab.plan.seed} {host}".encode()).digest()
            key.write_text(_pem("NEBULA X25519 PRIVATE KEY", private))
            public_key.write_text(_pem("NEBULA X25519 PUBLIC KEY", _public_key(private)))
            _run(
                "nebula-cert", "sign", f"-name={host}", f"-ip={self._address(host)}", f"-subnets={self.subnet(host)}",
                f"-ca-crt={ca[0]}", f"-ca-key={ca[1]}", f"-in-pub={public_key}", f"-out-crt={certificate}",
            )  # fmt: skip
        for name in ("server", "client"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(self._folder / name))
        (self._folder / "known_hosts").write_text(f"{_USER} {(self._folder / 'server.pub').read_text()}")

    def bring_up(self, host: str) -> None:
        """Write the host's configuration and start its `nebula`."""
        path = self._file(host, "yml")
        path.write_text(json.dumps(self._configuration(host), indent=2))  # JSON is YAML
        command = ["nebula", "-config", str(path)]
        self.agents[host] = start_program(self.lab, host, "nebula", command)

    def is_ready(self, host: str) -> bool:
        """Return whether the host's TUN interface is up."""
        self.agents[host].check()
        return any(link.name == DEVICE and link.is_up for link in read(self.namespace(host)).links)

    def subnet(self, host: str) -> IPv4Network:
        """Return the subnet of the host's number."""
        return numbered_subnet(self.spec, host)

    def peers(self, host: str) -> tuple[Peer, ...]:
        """Return the hosts that the host has a tunnel to; none after the end of its `nebula`."""
        try:
            self.agents[host].check()
        except DaemonError:
            return ()
        remotes = [_endpoint(tunnel.get("currentRemote")) for tunnel in self._ask(host, "list-hostmap")]
        host_of = {f"{self.loopback(it)}:{PORT}": it for it in self.spec.hosts}
        known = [host_of[remote] for remote in remotes if remote in host_of]
        return tuple(Peer(it, self.loopback(it), str(self.subnet(it))) for it in known)

    def view(self, host: str) -> tuple[str, ...]:
        """Return a line for each tunnel of the host, each handshake that is under way, and each host of its host map.

        The host map is what the lighthouse was told, and what another host was told by the lighthouse.
        """
        host_of = {str(self._address(it).ip): it for it in self.spec.hosts}
        rows = []
        for tunnel in self._ask(host, "list-hostmap"):
            sent = f"{tunnel.get('messageCounter')} packets sent"
            rows.append(("tunnel", _address_in(tunnel), _endpoint(tunnel.get("currentRemote")), sent))
        for tunnel in self._ask(host, "list-pending-hostmap"):
            rows.append(("handshake", _address_in(tunnel), "", ""))
        for entry in self._ask(host, "list-lighthouse-addrmap"):
            rows.append(("host map", _address_in(entry), _reported(entry), ""))
        return tuple(columns([(kind, host_of.get(address, ""), address, *more) for kind, address, *more in rows]))

    def stop(self, host: str) -> None:
        """Stop the host's `nebula`, which tells the other ends of its tunnels."""
        self.agents[host].stop()

    def _configuration(self, host: str) -> dict[str, object]:
        lighthouse = self.spec.hosts[0]
        others = [it for it in self.spec.hosts if it != host]
        # without the last, rules of later versions are about the host's own address alone, not about its containers
        anything = [{"port": "any", "proto": "any", "host": "any", "local_cidr": "0.0.0.0/0"}]
        client_key = (self._folder / "client.pub").read_text().strip()
        return {
            "pki": {
                "ca": str(self._folder / "ca.crt"),
                "cert": str(self._file(host, "crt")),
                "key": str(self._file(host, "key")),
            },
            "static_host_map": {str(self._address(lighthouse).ip): [f"{self.loopback(lighthouse)}:{PORT}"]},
            "lighthouse": {
                "am_lighthouse": host == lighthouse,
                "interval": 10,
                "hosts": [] if host == lighthouse else [str(self._address(lighthouse).ip)],
                # not the circuits' and the containers' addresses: routes lead to a host's own address over all circuits
                "local_allow_list": {f"{self.loopback(host)}/32": True, "::/0": False},
            },
            "listen": {"host": self.loopback(host), "port": PORT},
            "punchy": {"punch": False},
            "tun": {
                "dev": DEVICE,
                "mtu": self.mtu_bytes(host),
                "unsafe_routes": [{"route": str(self.subnet(it)), "via": str(self._address(it).ip)} for it in others],
            },
            "sshd": {
                "enabled": True,
                "listen": f"127.0.0.1:{_SSH_PORT}",
                "host_key": str(self._folder / "server"),
                "authorized_users": [{"user": _USER, "keys": [client_key]}],
            },
            "logging": {"level": "info", "format": "text"},
            "firewall": {"outbound": anything, "inbound": anything},
        }

    def _address(self, host: str) -> IPv4Interface:
        """Return the host's address in Nebula's network, which is the first subnet of the pool."""
        pool = IPv4Network(self.spec.subnet_pool)
        return IPv4Interface((int(pool.network_address) + host_number(self.spec, host), SUBNET_BITS))

    def _ask(self, host: str, command: str) -> list[dict[str, object]]:
        """Return the answer of the host's `nebula` to a command for its SSH server; nothing else tells the tunnels.

        Raises:
            EmulationError: it does not answer.
        """
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": str(_PATIENCE_S),
            "HostKeyAlias": _USER,
            "IdentitiesOnly": "yes",
            "LogLevel": "ERROR",
            "ServerAliveInterval": str(_PATIENCE_S),
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(self._folder / "known_hosts"),
        }
        line = ["ssh", "-F", "none", "-i", str(self._folder / "client"), "-p", str(_SSH_PORT), "-l", _USER]
        line += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        self.agents[host].check()
        process = self.lab.processes.popen(
            self.namespace(host), [*line, "127.0.0.1", f"{command} -json"],
            subprocess.DEVNULL, subprocess.PIPE, subprocess.PIPE, directory="/",
        )  # fmt: skip
        output, errors = process.communicate()
        if process.returncode != 0:
            raise EmulationError(f"nebula on {host} does not answer: {one_line(errors.decode(errors='replace'))}")
        answer = load(output, f"the answer of nebula on {host}")
        return [item for item in answer if isinstance(item, dict)] if isinstance(answer, list) else []

    @property
    def _folder(self) -> Path:
        return self.lab.run_folder / "nebula"

    def _file(self, host: str, suffix: str) -> Path:
        return self._folder / "hosts" / f"{host}.{suffix}"


def _address_in(item: Mapping[str, object]) -> str:
    """Return the address, in Nebula's network, of a host in Nebula's JSON; from 1.10 on, a tunnel has several."""
    several = item.get("vpnAddrs")
    return str(several[0] if isinstance(several, list) and several else item.get("vpnIp") or item.get("vpnAddr") or "")


def _endpoint(value: object) -> str:
    """Return the address and port that a value in Nebula's JSON stands for; from 1.10 on, it is a text."""
    return f"{value.get('ip')}:{value.get('port')}" if isinstance(value, dict) else str(value or "")


def _reported(entry: Mapping[str, object]) -> str:
    """Return the addresses and ports of an entry of a host map, each once. Nebula lists them by who has told them."""
    sources = entry.get("addrs")
    found: list[str] = []
    for source in sources.values() if isinstance(sources, dict) else ():
        for kind in ("learned", "reported"):
            found += map(_endpoint, source.get(kind) or ())
    return " ".join(dict.fromkeys(found))


def _pem(kind: str, key: bytes) -> str:
    return f"-----BEGIN {kind}-----\n{base64.b64encode(key).decode()}\n-----END {kind}-----\n"


def _public_key(private: bytes) -> bytes:
    """Return the public key of a private key of X25519 (RFC 7748, section 5)."""
    prime = 2**255 - 19
    scalar = int.from_bytes(private, "little") & (2**254 - 8) | 2**254
    x1, x2, z2, x3, z3 = 9, 1, 0, 9, 1
    for position in range(254, -1, -1):
        bit = scalar >> position & 1
        if bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        x3, z3 = (d * a + c * b) ** 2 % prime, x1 * (d * a - c * b) ** 2 % prime
        x2, z2 = a * a * b * b % prime, (a * a - b * b) * (a * a + 121665 * (a * a - b * b)) % prime
        if bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
    return (x2 * pow(z2, -1, prime) % prime).to_bytes(32, "little")


@cache
def _version() -> str:
    match = re.search(r"Version: (\S+)", _run("nebula", "-version"))
    return match[1] if match else ""


def _run(program: str, *arguments: str) -> str:
    """Run a program to its end, and return its output.

    Raises:
        EmulationError: the program fails.
    """
    command = [find_program(program) or program, *arguments]
    done = subprocess.run(
        command, env=environment(os.environ), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="replace", check=False, cwd="/",
    )  # fmt: skip
    if done.returncode != 0:
        raise EmulationError(f"{program} {arguments[0]} failed: {one_line(done.stderr or done.stdout)}")
    return done.stdout


OVERLAY = Nebula
"""The class behind ``--overlay nebula``."""
