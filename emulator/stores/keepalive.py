"""TCP keep-alive for connections to a store."""

from __future__ import annotations

import socket

_IDLE_S = 2
_PROBE_S = 1
_PROBES = 3


def enable_keepalive(connection: socket.socket) -> None:
    """Enable TCP keep-alive, so that an idle connection breaks about five seconds after its peer has gone silent."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _PROBE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
    # the kernel would retransmit unacknowledged data for a quarter of an hour, and probes no connection meanwhile
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * (_IDLE_S + _PROBES * _PROBE_S))
