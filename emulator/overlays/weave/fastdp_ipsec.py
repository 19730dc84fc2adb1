"""Encryption of the fast datapath by the kernel's IPsec, as Weave's `net/ipsec`: keys, associations, packet filters.

Each direction of a connection has an association. Its receiver chooses the SPI and a random number, derives the key
from them and from the connection's session key, and tells the sender both. Marks tie the tunnel's packets to the
associations: the mark lets packets out to IPsec, and packets in that came out of IPsec. What has no mark is dropped.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from emulator.lab.log import log
from emulator.netlink import facilities, xfrm
from emulator.netlink.connection import Netlink, NetlinkError
from emulator.netlink.messages import KernelRequest
from emulator.overlays.weave.fastdp_links import TUNNEL_UDP_PORT
from emulator.overlays.weave.forwarder import PeerName
from emulator.system.closing import Closing
from emulator.system.programs import environment, find_program

MARK = 0x20000
_MARK = f"{MARK:#x}/{MARK:#x}"
_IN, _IN_MARK, _OUT, _OUT_MARK = "WEAVE-IPSEC-IN", "WEAVE-IPSEC-IN-MARK", "WEAVE-IPSEC-OUT", "WEAVE-IPSEC-OUT-MARK"
_CHAINS = {"mangle": (_IN, _IN_MARK, _OUT, _OUT_MARK), "filter": (_IN,)}
_DROP_PLAIN = f"OUTPUT ! -p esp -m policy --dir out --pol none -m mark --mark {_MARK} -j DROP"
_MANGLE_JUMPS = (f"INPUT -j {_IN}", f"OUTPUT -j {_OUT}")
_FILTER_JUMPS = (f"INPUT -j {_IN}", _DROP_PLAIN)
_NONCE_BYTES = 32
_NAME_BYTES = 8
_MESSAGE = struct.Struct(f"!{_NONCE_BYTES}sI28x")
"""A random number and an SPI. Weave gives the SPI 32 bytes, of which it uses four."""
_RESTORE, _SAVE = "iptables-restore", "iptables-save"


@dataclass(frozen=True, slots=True)
class Ends:
    """The two ends of a connection: the names of the peers, the connection's id, the ends' IP addresses."""

    own: PeerName
    remote: PeerName
    uid: int
    own_address: str
    remote_address: str


class Ipsec(Closing):
    """The associations, policies and rules of one host, in the calling thread's namespace."""

    def __init__(self) -> None:
        """Write the rules that are the same for all peers; remove what an agent that was killed has left.

        Raises:
            NetlinkError: the kernel has no IPsec.
            OSError: the packet filter refuses the rules.
        """
        self._netlink = Netlink(xfrm.NETLINK_XFRM)
        self._inbound: dict[tuple[PeerName, int], int] = {}
        self._outbound: dict[tuple[PeerName, int], int] = {}
        self._delete_policies()
        _restore(_common_rules(_run(_SAVE)))

    def close(self) -> None:
        """Remove all policies, associations and rules."""
        self._delete_policies()
        spis = {*self._inbound.values(), *self._outbound.values()}
        self._send([xfrm.delete(it) for it in xfrm.associations(self._netlink) if it.spi in spis])
        try:
            _restore(_no_rules())
        except OSError as error:
            log(f"IPsec: {error}")
        self._netlink.close()

    def init_local(self, ends: Ends, session_key: bytes) -> bytes:
        """Prepare for the packets of a peer, and return the message that lets it encrypt them.

        Raises:
            NetlinkError: the kernel refuses.
            OSError: the packet filter refuses the rules.
        """
        nonce = os.urandom(_NONCE_BYTES)
        key = derive_key(session_key, nonce, ends.own)
        spi = xfrm.allocate_spi(self._netlink, ends.remote_address, ends.own_address)
        self._netlink.send([xfrm.update(xfrm.Association(ends.remote_address, ends.own_address, spi, key))])
        self._inbound[ends.remote, ends.uid] = spi
        _restore(_peer_rules(ends, spi, "-A"))
        return _MESSAGE.pack(nonce, spi)

    def init_remote(self, ends: Ends, session_key: bytes, message: bytes) -> None:
        """Encrypt the packets to a peer from now on, as its message says.

        Raises:
            ValueError: the message is malformed.
            NetlinkError: the kernel refuses.
        """
        if len(message) != _MESSAGE.size:
            raise ValueError(f"a message of {len(message)} bytes")
        nonce, spi = _MESSAGE.unpack(message)
        key = derive_key(session_key, nonce, ends.remote)
        policy = xfrm.Policy(ends.own_address, ends.remote_address, spi, MARK)
        association = xfrm.Association(ends.own_address, ends.remote_address, spi, key)
        self._netlink.send([xfrm.add(association), xfrm.put_policy(policy)])
        self._outbound[ends.remote, ends.uid] = spi

    def destroy(self, ends: Ends) -> None:
        """Remove what a connection has in the kernel; log what the kernel no longer has."""
        if (spi := self._inbound.pop((ends.remote, ends.uid), None)) is not None:
            self._send([xfrm.delete(xfrm.Association(ends.remote_address, ends.own_address, spi))])
            try:
                _restore(_peer_rules(ends, spi, "-D"))
            except OSError as error:
                log(f"IPsec: {error}")
        if (spi := self._outbound.pop((ends.remote, ends.uid), None)) is not None:
            policy = xfrm.Policy(ends.own_address, ends.remote_address, spi, MARK)
            # a newer connection to the same peer has replaced the policy by its own
            if policy in xfrm.policies(self._netlink):
                self._send([xfrm.delete_policy(policy)])
            self._send([xfrm.delete(xfrm.Association(ends.own_address, ends.remote_address, spi))])

    def _delete_policies(self) -> None:
        self._send([xfrm.delete_policy(it) for it in xfrm.policies(self._netlink) if it.mark == MARK])

    def _send(self, requests: Sequence[KernelRequest]) -> None:
        try:
            self._netlink.send(requests)
        except NetlinkError as error:
            log(f"IPsec: {error}")


def derive_key(session_key: bytes, nonce: bytes, receiver: PeerName) -> bytes:
    """Return the key of an association; ``receiver`` is the name of the peer that has chosen its SPI."""
    return hkdf(session_key, nonce, receiver.rjust(_NAME_BYTES, b"\0"), xfrm.KEY_BYTES)


def hkdf(secret: bytes, salt: bytes, purpose: bytes, length: int) -> bytes:
    """Return bytes that are derived from a secret by HKDF with SHA-256 (RFC 5869)."""
    key = hmac.digest(salt, secret, hashlib.sha256)
    found, block = b"", b""
    while len(found) < length:
        block = hmac.digest(key, block + purpose + bytes((len(found) // len(key) + 1,)), hashlib.sha256)
        found += block
    return found[:length]


def lacks() -> Iterator[str]:
    """Yield a sentence for each thing that this machine or its kernel lacks for encryption."""
    if any(find_program(name) is None for name in (_RESTORE, _SAVE)):
        yield "iptables is missing, which marks the packets to be encrypted: `apt-get install iptables`"
        return
    yield from facilities.lacks("IPsec with AES-GCM", "esp4", lambda _: _try_out())


def _try_out() -> None:
    """Encrypt the packets from one address to another in this thread's namespace.

    Raises:
        NetlinkError: the kernel lacks a part.
    """
    ends = Ends(b"own", b"remote", 0, "192.0.2.1", "192.0.2.2")
    try:
        with Ipsec() as ipsec:
            ipsec.init_local(ends, bytes(xfrm.KEY_BYTES))
            ipsec.init_remote(ends, bytes(xfrm.KEY_BYTES), bytes(_NONCE_BYTES) + b"\0\0\1\1" + bytes(28))
    except OSError as error:
        raise NetlinkError(str(error), errno.ENOENT, "") from None


def _common_rules(present: str) -> str:
    """Return the rules for all peers, in the format of `iptables-restore`; ``present`` are all rules that are there."""
    mangle = [f":{chain} - [0:0]" for chain in _CHAINS["mangle"]]
    mangle += [f"-A {rule}" for rule in _MANGLE_JUMPS if f"-A {rule}\n" not in present]
    mangle += [f"-A {chain} -j MARK --set-xmark {_MARK}" for chain in (_IN_MARK, _OUT_MARK)]
    filtering = [f":{_IN} - [0:0]"]
    filtering += [f"-A {rule}" for rule in _FILTER_JUMPS if f"-A {rule}\n" not in present]
    return _tables(mangle, filtering)


def _no_rules() -> str:
    """Return what removes all rules and chains."""
    mangle = [f":{chain} - [0:0]" for chain in _CHAINS["mangle"]]
    mangle += [f"-D {rule}" for rule in _MANGLE_JUMPS] + [f"-X {chain}" for chain in _CHAINS["mangle"]]
    return _tables(mangle, [f":{_IN} - [0:0]", *(f"-D {rule}" for rule in _FILTER_JUMPS), f"-X {_IN}"])


def _peer_rules(ends: Ends, spi: int, verb: str) -> str:
    """Return the rules for one connection, to be added (``-A``) or removed (``-D``).

    Weave matches the SPI by `-m esp`, which the guest kernel does not have. `u32` looks at the same four bytes, the
    first after the IP header.
    """
    inward, outward = (
        f"-s {ends.remote_address} -d {ends.own_address}",
        f"-s {ends.own_address} -d {ends.remote_address}",
    )
    mangle = [
        f'{verb} {_IN} {inward} -p esp -m u32 --u32 "0>>22&0x3C@0={spi:#x}" -j {_IN_MARK}',
        f"{verb} {_OUT} {outward} -p udp --dport {TUNNEL_UDP_PORT} -j {_OUT_MARK}",
    ]
    plain = f"{verb} {_IN} {inward} -p udp --dport {TUNNEL_UDP_PORT} -m mark ! --mark {_MARK} -j DROP"
    return _tables(mangle, [plain])


def _tables(mangle: Sequence[str], filtering: Sequence[str]) -> str:
    return "\n".join(("*mangle", *mangle, "COMMIT", "*filter", *filtering, "COMMIT", ""))


def _restore(rules: str) -> None:
    _run(_RESTORE, "--noflush", "--wait", rules=rules)


def _run(name: str, *options: str, rules: str = "") -> str:
    program = find_program(name)
    if program is None:
        raise OSError(f"{name} is missing")
    done = subprocess.run(
        [program, *options], env=environment(os.environ), input=rules, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        with suppress(IndexError):
            raise OSError(f"{name}: {done.stderr.strip().splitlines()[0][:200]}")
        raise OSError(f"{name}: exit status {done.returncode}")
    return done.stdout
