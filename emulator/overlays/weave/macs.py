"""The table of MAC addresses of a router: the peer behind which each is. It follows Weave's `mac_cache.go`."""

from __future__ import annotations

from emulator.overlays.weave.forwarder import Mac, PeerName

MAX_AGE_S = 600.0
"""The time after its last frame in which a MAC address is forgotten."""
_REFRESH_NS = int(MAX_AGE_S * 1e9) // 10
"""The time of an entry is only written anew when it is older than this."""


class MacTable:
    """A table of MAC addresses. Times are those of the loop, in ns."""

    def __init__(self) -> None:
        self._entries: dict[Mac, tuple[PeerName, int]] = {}

    def peer_of(self, mac: Mac) -> PeerName | None:
        """Return the peer behind which a MAC address is; None if it is unknown."""
        entry = self._entries.get(mac)
        return None if entry is None else entry[0]

    def learn(self, mac: Mac, peer: PeerName, now_ns: int, *, force: bool) -> tuple[bool, PeerName | None]:
        """Note that a frame of a MAC address has come from a peer.

        Return whether the address is new, and the other peer that has it in the table. That entry stays, unless
        ``force`` says that the address has moved.
        """
        entry = self._entries.get(mac)
        if entry is None:
            self._entries[mac] = peer, now_ns
            return True, None
        if entry[0] == peer:
            if now_ns - entry[1] > _REFRESH_NS:
                self._entries[mac] = peer, now_ns
            return False, None
        if force:
            self._entries[mac] = peer, now_ns
        return False, entry[0]

    def forget(self, peer: PeerName) -> None:
        """Forget all MAC addresses behind a peer."""
        self._entries = {mac: entry for mac, entry in self._entries.items() if entry[0] != peer}

    def expire(self, now_ns: int) -> list[Mac]:
        """Forget, and return, the MAC addresses that have sent nothing for `MAX_AGE_S`."""
        old = [mac for mac, (_, seen_ns) in self._entries.items() if now_ns - seen_ns > MAX_AGE_S * 1e9]
        for mac in old:
            del self._entries[mac]
        return old
