"""TCP keep-alive for connections to a store."""

from __future__ import annotations

import socket

from emulator.stores.keepalive import enable_keepalive


def test_a_connection_whose_peer_is_silent_breaks_after_five_seconds() -> None:
    with socket.socket() as connection:
        enable_keepalive(connection)
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        idle, interval, probes, timeout_ms = (
            connection.getsockopt(socket.IPPROTO_TCP, option)
            for option in (
                socket.TCP_KEEPIDLE,
                socket.TCP_KEEPINTVL,
                socket.TCP_KEEPCNT,
                socket.TCP_USER_TIMEOUT,
            )
        )
        assert idle + interval * probes == 5
        assert timeout_ms == 5000
