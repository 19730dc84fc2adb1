"""The fast datapath as a way to peers: VXLAN by the kernel, with heartbeats that prove that it passes.

It follows Weave's `fastdp.go`. A heartbeat is a frame of zeros of the largest size, with the connection's id and its
own length. The receiver acknowledges the first one over the control connection. If none has come for a minute, the
forwarder is not healthy until one does.
"""

from __future__ import annotations

import struct

from emulator.lab.log import log
from emulator.netlink.connection import NetlinkError
from emulator.netlink.flows import Action, Output, SetTunnel, Tunnel
from emulator.overlays.weave.fastdp import FastBridge, TunnelForwarder, tunnel_number
from emulator.overlays.weave.fastdp_ipsec import Ends, Ipsec
from emulator.overlays.weave.fastdp_links import MTU_BYTES
from emulator.overlays.weave.forwarder import (
    ETHERNET_BYTES,
    FAST_HEARTBEAT_S,
    HEARTBEAT_TIMEOUT_S,
    SLOW_HEARTBEAT_S,
    ConnectionParameters,
    Events,
    Method,
    PeerName,
    Switch,
)
from emulator.overlays.weave.loop import Loop, Timer

NAME = "fastdp"
_ACKNOWLEDGE, _INIT_REMOTE = 0, 1
_TTL = 64
_HEARTBEAT = struct.Struct(f"!{ETHERNET_BYTES}xQH")


class FastForwarder(TunnelForwarder):
    """The tunnel to one peer."""

    method = NAME

    def __init__(self, fast: FastMethod, parameters: ConnectionParameters, events: Events) -> None:
        super().__init__(parameters.remote, events)
        self._fast = fast
        self._uid = parameters.uid
        self._local_address = parameters.local_address
        self._remote_address = parameters.remote_address
        self._key = parameters.session_key if fast.ipsec is not None else None
        self._interval_s = FAST_HEARTBEAT_S
        self._beat: Timer | None = None
        self._deadline: Timer | None = None
        self._is_confirmed = False
        self._is_encrypted = False
        self._has_acknowledged = False
        self._is_established = False
        self._is_healthy = True
        self._is_stopped = False

    @property
    def mtu_bytes(self) -> int:
        """The MTU of the datapath."""
        return self._fast.mtu_bytes

    @property
    def ends(self) -> Ends:
        """The two ends of the connection, as IPsec names them."""
        return Ends(self._fast.own_name, self.remote, self._uid, self._local_address, self._remote_address)

    def confirm(self) -> None:
        """Begin heartbeats; with a key, only when the peer has said how to encrypt for it."""
        if self._is_confirmed or self._is_stopped:
            return
        self._is_confirmed = True
        self._fast.add(self)
        self._deadline = self._fast.loop.call_later(HEARTBEAT_TIMEOUT_S, self._time_out)
        if self._key is not None and self._fast.ipsec is not None:
            try:
                message = self._fast.ipsec.init_local(self.ends, self._key)
            except (NetlinkError, OSError) as error:
                self._fail(f"IPsec for packets from {self._remote_address}: {error}")
                return
            self.events.send_control(_INIT_REMOTE, message)
        if self._may_beat:
            self._send_heartbeat()

    def accepts(self, source: PeerName, destination: PeerName) -> bool:
        """Return whether both peers have a short id, which the VNI consists of."""
        switch = self._fast.switch
        return switch.short_id(source) is not None and switch.short_id(destination) is not None

    def actions(self, source: PeerName, destination: PeerName) -> tuple[Action, ...]:
        """Return the actions that wrap a frame and send it to the peer."""
        switch = self._fast.switch
        first, second = switch.short_id(source), switch.short_id(destination)
        if first is None or second is None or self._is_stopped:
            return ()
        number = tunnel_number(first, second)
        tunnel = Tunnel(number, self._local_address, self._remote_address, _TTL, dont_fragment=True)
        return SetTunnel(tunnel), Output(self._fast.bridge.tunnel_port)

    def send(self, source: PeerName, destination: PeerName, frame: bytes, *, is_broadcast: bool) -> None:  # noqa: ARG002
        """Send a frame of somebody else's, such as one that came by sleeve and goes on from here."""
        if actions := self.actions(source, destination):
            self._fast.bridge.execute(frame, actions)

    def control(self, tag: int, message: bytes) -> None:
        """Take an acknowledgement, or what the peer says about the packets that it wants encrypted."""
        if self._is_stopped:
            return
        if tag == _ACKNOWLEDGE:
            self._acknowledged()
        elif tag == _INIT_REMOTE and self._key is not None and self._fast.ipsec is not None:
            try:
                self._fast.ipsec.init_remote(self.ends, self._key, message)
            except (NetlinkError, OSError, ValueError) as error:
                self._fail(f"IPsec for packets to {self._remote_address}: {error}")
                return
            self._is_encrypted = True
            if self._is_confirmed:
                self._send_heartbeat()

    def special(self, frame: bytes, address: str) -> None:
        """Take a heartbeat of the peer, which came from an IP address."""
        if len(frame) < _HEARTBEAT.size or self._is_stopped:
            return
        uid, length = _HEARTBEAT.unpack_from(frame)
        if uid != self._uid or length != len(frame):
            return
        if address != self._remote_address:
            log(f"fastdp: {self._remote_address} has moved to {address}")
            self._remote_address = address
        if not self._has_acknowledged:
            self._has_acknowledged = True
            self.events.send_control(_ACKNOWLEDGE, b"")
        if self._deadline is not None:  # a heartbeat may come before `confirm`
            self._deadline.cancel()
            self._deadline = self._fast.loop.call_later(HEARTBEAT_TIMEOUT_S, self._time_out)
            if not self._is_healthy:
                self._is_healthy = True
                self.events.healthy(True)

    def stop(self) -> None:
        """End heartbeats, and remove the connection's IPsec. Flows to the peer stay until the router forgets them."""
        if self._is_stopped:
            return
        self._is_stopped = True
        self._fast.remove(self)
        for timer in (self._beat, self._deadline):
            if timer is not None:
                timer.cancel()
        if self._key is not None and self._fast.ipsec is not None:
            self._fast.ipsec.destroy(self.ends)

    @property
    def _may_beat(self) -> bool:
        return self._key is None or self._is_encrypted

    def _send_heartbeat(self) -> None:
        frame_bytes = ETHERNET_BYTES + self.mtu_bytes
        frame = _HEARTBEAT.pack(self._uid, frame_bytes).ljust(frame_bytes, b"\0")
        self.send(self._fast.own_name, self.remote, frame, is_broadcast=False)
        self._beat_in(self._interval_s)

    def _beat_in(self, delay_s: float) -> None:
        if self._beat is not None:
            self._beat.cancel()
        self._beat = self._fast.loop.call_later(delay_s, self._send_heartbeat)

    def _acknowledged(self) -> None:
        self._slow_down()
        if not self._is_established:
            self._is_established = True
            self.events.established()

    def _slow_down(self) -> None:
        if self._interval_s != SLOW_HEARTBEAT_S:
            self._interval_s = SLOW_HEARTBEAT_S
            if self._beat is not None:
                self._beat_in(self._interval_s)

    def _time_out(self) -> None:
        self._slow_down()
        self._is_healthy = False
        self.events.healthy(False)

    def _fail(self, reason: str) -> None:
        self.events.failed(reason)


class FastMethod(Method):
    """The fast datapath of one host: forwarders over its datapath's tunnel, and IPsec if there is a password."""

    name = NAME

    def __init__(
        self, loop: Loop, bridge: FastBridge, ipsec: Ipsec | None = None, *, mtu_bytes: int = MTU_BYTES
    ) -> None:
        self.loop = loop
        self.mtu_bytes = mtu_bytes
        self.bridge = bridge
        self.ipsec = ipsec
        self._switch: Switch | None = None
        self._forwarders: dict[PeerName, FastForwarder] = {}

    @property
    def switch(self) -> Switch:
        """The router, which is there after `start`."""
        if self._switch is None:
            raise AssertionError("the method has not been started")
        return self._switch

    @property
    def own_name(self) -> PeerName:
        """The name of this host's peer."""
        return self.switch.name

    def start(self, switch: Switch) -> None:
        """Begin to take heartbeats; the bridge answers the frames of peers."""
        self._switch = switch
        self.bridge.on_special = self._special

    def prepare(self, parameters: ConnectionParameters, events: Events) -> FastForwarder:
        """Return a forwarder for a connection."""
        return FastForwarder(self, parameters, events)

    def add(self, forwarder: FastForwarder) -> None:
        """Let a forwarder get the heartbeats of its peer."""
        self._forwarders[forwarder.remote] = forwarder

    def remove(self, forwarder: FastForwarder) -> None:
        """Let a forwarder get no more heartbeats."""
        if self._forwarders.get(forwarder.remote) is forwarder:
            del self._forwarders[forwarder.remote]

    def invalidate(self) -> None:
        """Remove all flows."""
        self.bridge.invalidate()

    def close(self) -> None:
        """Remove what IPsec has in the kernel."""
        if self.ipsec is not None:
            self.ipsec.close()

    def _special(self, sender: PeerName, frame: bytes, address: str) -> None:
        if (forwarder := self._forwarders.get(sender)) is not None:
            forwarder.special(frame, address)
