"""A connection to one that notices when its other end has gone without a word."""

from __future__ import annotations

import socket

_IDLE_S = 2
_PROBE_S = 1
_PROBES = 3


def notice_a_cut(connection: socket.socket) -> None:
    """Let a connection break when its other end is silent: an idle one would stay open for ever."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _PROBE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
    # for what was sent and not acknowledged, of which the kernel would go on sending copies for a quarter of an hour
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * (_IDLE_S + _PROBES * _PROBE_S))
