"""The kernel's limits for a socket at an end: the size of packets, buffers, congestion controls."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path

from emulator.netlink import namespaces
from emulator.workloads.base import End, WorkloadError
from gtsdsl.text import did_you_mean, printable

_IP_MTU = 14  # of the C library; Python's socket module has no name for it
_ANY_PORT = 9
_AVAILABLE = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")
_NAME_BYTES = 16  # TCP_CA_NAME_MAX
_DATAGRAMS_BYTES = 2**21
"""A buffer for the datagrams that arrive before a receiver reads them; Linux's default of 208 KB holds 92 full ones."""
_REASSEMBLY = {
    Path("/proc/sys/net/ipv4/ipfrag_high_thresh"): str(2**28),
    Path("/proc/sys/net/ipv4/ipfrag_time"): "1",
}
"""256 MB for datagrams of which fragments are missing: what 1 Gbit/s brings in the second for which they are kept."""


def mtu_bytes(first: End, second: End) -> int:
    """Return the largest packet that the kernel sends from one end to the other."""
    with namespaces.entered(first.namespace), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((second.address, _ANY_PORT))
        return probe.getsockopt(socket.IPPROTO_IP, _IP_MTU)


def congestion_of(end: End, name: str | None) -> str:
    """Return the name of the congestion control that a connection of an end has if it asks for ``name``, or for none.

    Raises:
        WorkloadError: the kernel has no such congestion control; the message names those that it has.
    """
    with namespaces.entered(end.namespace), socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if name is not None:
            with contextlib.suppress(OSError):
                probe.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())
        answer = probe.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, _NAME_BYTES)
        found = answer.partition(b"\0")[0].decode(errors="replace")
        if name in (None, found):
            return found
        available = _AVAILABLE.read_text().split()
        near = f"; {hint}" if (hint := did_you_mean(name, available)) else ""
        raise WorkloadError(
            f"this kernel has no congestion control {printable(name, 40)}; it has {', '.join(available)}{near}"
        )


def require_window(ends: Sequence[End], window_bytes: int) -> None:
    """Check that the kernel gives sockets buffers of a size.

    Raises:
        WorkloadError: it gives less.
    """
    options = (socket.SO_SNDBUF, socket.SO_RCVBUF)
    most = min(_granted_bytes(end, socket.SOCK_STREAM, option, window_bytes) for end in ends for option in options)
    if most < window_bytes:
        raise WorkloadError(
            f"a window of {window_bytes} bytes is more than this kernel allows: at most {most} (net.core.rmem_max, "
            "net.core.wmem_max)"
        )


def buffer_of_datagrams(end: End) -> int | None:
    """Return the buffer that a receiver of UDP must ask for; None if the kernel's default is large enough."""
    with namespaces.entered(end.namespace), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        default_bytes = probe.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    if default_bytes >= _DATAGRAMS_BYTES:
        return None
    return _granted_bytes(end, socket.SOCK_DGRAM, socket.SO_RCVBUF, _DATAGRAMS_BYTES)


def make_room_for_fragments(end: End) -> None:
    """Let a receiver remove datagrams of which fragments are missing, so that it has room for the next ones.

    Linux keeps fragments for 30 s, in 4 MB. When these 4 MB are full, Linux refuses all other fragments since 4.17.
    Older kernels removed the oldest.

    Raises:
        WorkloadError: the kernel does not let us.
    """
    with namespaces.entered(end.namespace):
        for path, value in _REASSEMBLY.items():
            try:
                path.write_text(value)
            except OSError as error:
                raise WorkloadError(f"{path} cannot be set to {value}: {error.strerror}") from None


def _granted_bytes(end: End, kind: int, option: int, wanted_bytes: int) -> int:
    """Return the size of a buffer that the kernel gives to a socket that asks for ``wanted_bytes``."""
    with namespaces.entered(end.namespace), socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, option, wanted_bytes)
        return probe.getsockopt(socket.SOL_SOCKET, option) // 2  # Linux doubles it, for its own needs
