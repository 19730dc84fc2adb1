"""Peers and their connections, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.overlays.weave.forwarder import NAME_BYTES, PeerName


@dataclass(slots=True)
class KnownConnection:
    """A peer's connection to another, ``remote``; ``address`` is the other's address and port."""

    remote: PeerName
    address: str
    is_outbound: bool
    is_established: bool


@dataclass(slots=True)
class Peer:
    """A peer. ``references`` counts this host's own connections to it, which keep it known."""

    name: PeerName
    nickname: str = ""
    uid: int = 0
    version: int = 0
    short_id: int | None = None
    connections: dict[PeerName, KnownConnection] = field(default_factory=dict)
    references: int = 0

    def __str__(self) -> str:
        return f"{name_text(self.name)}({self.nickname})"


def name_text(name: PeerName) -> str:
    """Return a peer's name as text, like a MAC address."""
    return name.hex(":")


def parse_name(text: str) -> PeerName:
    """Return the peer's name that a text stands for.

    Raises:
        ValueError: the text is no MAC address.
    """
    name = bytes.fromhex(text.replace(":", ""))
    if len(name) != NAME_BYTES:
        raise ValueError(f"{text!a} is no name of a peer")
    return name
