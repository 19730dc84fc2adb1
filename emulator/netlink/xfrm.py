"""IPsec in the kernel: security associations, which encrypt packets between two addresses, and IPsec policies for them.

An association here is ESP in transport mode with AES-GCM (RFC 4106), with 64-bit sequence numbers (RFC 4304).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from socket import inet_aton, inet_ntoa

from emulator.netlink.connection import Netlink
from emulator.netlink.messages import NEW, KernelRequest, attribute, attributes

NETLINK_XFRM = 6
KEY_BYTES = 36
"""The length of an association's key: 32 bytes for AES, and a salt of 4."""

_NEW_STATE, _DELETE_STATE, _GET_STATE = 16, 17, 18
_DELETE_POLICY, _GET_POLICY = 20, 21
_ALLOCATE_SPI, _UPDATE_POLICY, _UPDATE_STATE = 22, 25, 26
_TEMPLATE, _AEAD, _MARK, _REPLAY = 5, 18, 21, 23
_AF_INET, _ESP, _UDP, _TRANSPORT, _OUT = 2, 50, 17, 0, 1
_ESN = 128
_WINDOW_PACKETS = 256
_AEAD_NAME = b"rfc4106(gcm(aes))"
_ICV_BITS = 128
_LEAST_SPI, _GREATEST_SPI = 0x100, 0xFFFFFFFF
_ANY = bytes(16)
_LIFETIME = struct.pack("=8Q", *(2**64 - 1,) * 4, 0, 0, 0, 0) + bytes(32)
"""No limit of bytes or packets, no time of expiry, and counts of zero."""

_SELECTOR = struct.Struct("=16s16s8xHBBB3x8x")
_STATE = struct.Struct("=56s16sIB3x16s96s12xIIHBBB7x")
_STATE_ID = struct.Struct("=16sIHBx")
_POLICY = struct.Struct("=56s96sIIBBBB4x")
_POLICY_ID = struct.Struct("=56sIB3x")
_TEMPLATE_BODY = struct.Struct("=16sIB3xH2x16sIBBBxIII")
_AEAD_HEADER = struct.Struct("=64sII")
_ESN_STATE = struct.Struct("=6I")
_SPI_RANGE = struct.Struct("=II")
_VALUE_AND_MASK = struct.Struct("=II")


@dataclass(frozen=True, slots=True)
class Association:
    """A security association for the packets from one address to another; the receiver has chosen its ``spi``."""

    source: str
    destination: str
    spi: int
    key: bytes = field(default=b"", repr=False)

    @property
    def name(self) -> str:
        """The name of the association in errors."""
        return f"IPsec from {self.source} to {self.destination}, SPI {self.spi:#x}"


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule that UDP packets with a mark, from one address to another, leave by the association with ``spi``."""

    source: str
    destination: str
    spi: int
    mark: int


def allocate_spi(netlink: Netlink, source: str, destination: str) -> int:
    """Let the kernel choose an SPI that no association with this destination has, and return it.

    The kernel reserves it for 30 s, within which `update` must follow.

    Raises:
        NetlinkError: the kernel has no IPsec, or refuses.
    """
    association = Association(source, destination, 0)
    body = _state(association, flags=0) + _SPI_RANGE.pack(_LEAST_SPI, _GREATEST_SPI)
    ((_, answer),) = netlink.get(KernelRequest(_ALLOCATE_SPI, 0, body, association.name), dump=False)
    return _parse_state(answer).spi


def update(association: Association) -> KernelRequest:
    """Return the request that gives an association whose SPI was allocated its key."""
    return KernelRequest(_UPDATE_STATE, 0, _whole_state(association), association.name)


def add(association: Association) -> KernelRequest:
    """Return the request that makes an association whose SPI the receiver has allocated."""
    return KernelRequest(_NEW_STATE, NEW, _whole_state(association), association.name)


def delete(association: Association) -> KernelRequest:
    """Return the request that removes an association."""
    body = _STATE_ID.pack(_address(association.destination), _big(association.spi), _AF_INET, _ESP)
    return KernelRequest(_DELETE_STATE, 0, body, association.name)


def put_policy(policy: Policy) -> KernelRequest:
    """Return the request that writes a policy; it replaces one with the same addresses and mark."""
    template = _TEMPLATE_BODY.pack(
        _address(policy.destination), _big(policy.spi), _ESP, _AF_INET, _address(policy.source), 0, _TRANSPORT,
        0, 0, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF,
    )  # fmt: skip
    body = _POLICY.pack(_selector(policy), _LIFETIME, 0, 0, _OUT, 0, 0, 0) + attribute(_TEMPLATE, template)
    return KernelRequest(_UPDATE_POLICY, NEW, body + _mark(policy), _policy_name(policy))


def delete_policy(policy: Policy) -> KernelRequest:
    """Return the request that removes a policy."""
    body = _POLICY_ID.pack(_selector(policy), 0, _OUT) + _mark(policy)
    return KernelRequest(_DELETE_POLICY, 0, body, _policy_name(policy))


def associations(netlink: Netlink) -> tuple[Association, ...]:
    """Return the associations of a namespace, with their keys."""
    return tuple(
        _parse_state(body)
        for kind, body in netlink.get(KernelRequest(_GET_STATE, 0, b"", "the list of associations"))
        if kind == _NEW_STATE and len(body) >= _STATE.size
    )


def policies(netlink: Netlink) -> tuple[Policy, ...]:
    """Return the policies of a namespace that have a mark and lead to an association."""
    return tuple(_policies(netlink))


def _policies(netlink: Netlink) -> Iterator[Policy]:
    for _, body in netlink.get(KernelRequest(_GET_POLICY, 0, b"", "the list of policies")):
        values = dict(attributes(body, _POLICY.size))
        if _MARK in values and len(template := values.get(_TEMPLATE, b"")) >= _TEMPLATE_BODY.size:
            destination, source, *_ = _SELECTOR.unpack_from(body)
            _, spi, *_ = _TEMPLATE_BODY.unpack_from(template)
            mark, _ = _VALUE_AND_MASK.unpack(values[_MARK])
            yield Policy(inet_ntoa(source[:4]), inet_ntoa(destination[:4]), _big(spi), mark)


def _whole_state(association: Association) -> bytes:
    if len(association.key) != KEY_BYTES:
        raise AssertionError(f"a key of {len(association.key)} bytes")
    aead = _AEAD_HEADER.pack(_AEAD_NAME, 8 * KEY_BYTES, _ICV_BITS) + association.key
    words = _WINDOW_PACKETS // 32
    replay = _ESN_STATE.pack(words, 0, 0, 0, 0, _WINDOW_PACKETS) + bytes(4 * words)
    return _state(association, flags=_ESN) + attribute(_AEAD, aead) + attribute(_REPLAY, replay)


def _state(association: Association, *, flags: int) -> bytes:
    return _STATE.pack(
        bytes(56), _address(association.destination), _big(association.spi), _ESP, _address(association.source),
        _LIFETIME, 0, 0, _AF_INET, _TRANSPORT, 0, flags,
    )  # fmt: skip


def _parse_state(body: bytes) -> Association:
    _, destination, spi, _, source, *_ = _STATE.unpack_from(body)
    aead = dict(attributes(body, _STATE.size)).get(_AEAD, b"")
    key = aead[_AEAD_HEADER.size : _AEAD_HEADER.size + KEY_BYTES]
    return Association(inet_ntoa(source[:4]), inet_ntoa(destination[:4]), _big(spi), key)


def _selector(policy: Policy) -> bytes:
    return _SELECTOR.pack(_address(policy.destination), _address(policy.source), _AF_INET, 32, 32, _UDP)


def _mark(policy: Policy) -> bytes:
    return attribute(_MARK, _VALUE_AND_MASK.pack(policy.mark, policy.mark))


def _policy_name(policy: Policy) -> str:
    return f"IPsec policy from {policy.source} to {policy.destination}"


def _address(address: str) -> bytes:
    return inet_aton(address) + _ANY[4:]


def _big(value: int) -> int:
    """Return the number whose bytes in memory are those of ``value`` in network order, and the other way round."""
    found: int = struct.unpack("=I", struct.pack("!I", value))[0]
    return found
