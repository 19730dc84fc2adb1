"""Recordings of an interface's frames, in both directions, as pcap files with the kernel's time stamps in nanoseconds.

The format: https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from emulator.measure.echo import SO_TIMESTAMPNS

_MAGIC_NANOSECONDS = 0xA1B23C4D
_VERSION = (2, 4)
_FRAME_BYTES = 2**18
"""The longest frame that is kept, as in tcpdump: more than the kernel ever hands over at once."""
_ETHERNET = 1
_HEADER = struct.Struct("<IHHiIII")
_RECORD = struct.Struct("<IIII")

_ETH_P_ALL = 3
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_AUXDATA = 263, 6, 8
_SO_RCVBUFFORCE = 33
_QUEUE_BYTES = 2**24
_TIMESPEC = struct.Struct("=qq")
_AUXDATA = struct.Struct("=IIIHHHH")
_ANCILLARY_BYTES = 128
_VLAN_VALID, _TPID_VALID = 0x10, 0x40
_VLAN_TPID = 0x8100
_MACS_BYTES = 12

_ROUND = 1000
_FLUSH_BYTES = 2**20
_IDLE_MS = 50

_DRAIN_NS = 200_000_000
"""The time after SIGTERM whose frames count, too. The kernel turns its time stamps on a moment after a tap asks for
them; a frame from before that moment gets the time at which it is read."""


def header() -> bytes:
    """Return the header of a pcap file."""
    return _HEADER.pack(_MAGIC_NANOSECONDS, *_VERSION, 0, 0, _FRAME_BYTES, _ETHERNET)


def open_tap(interface: str) -> socket.socket:
    """Open a socket that receives all frames of an interface of the thread's namespace.

    Raises:
        OSError: the kernel refuses the socket, or the interface is missing.
    """
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # it receives nothing until it is bound to an interface
    try:
        try:
            tap.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _QUEUE_BYTES)
        except PermissionError:  # an ordinary user gets as long a queue as the kernel allows
            tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE_BYTES)
        tap.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        tap.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        tap.setblocking(False)
        tap.bind((interface, _ETH_P_ALL))
    except BaseException:
        tap.close()
        raise
    return tap


def record(tap: socket.socket, file: Path, limit_bytes: int | None) -> None:
    """Append a tap's frames to a file until SIGTERM; then print how many packets there were.

    ``limit_bytes`` is the largest size of the file; None is no limit. The caller blocks SIGTERM (`pthread_sigmask`), so
    that a signal before the handler is in place is not lost. The file is closed after each write, because a guest's
    kernel passes it on to this machine only then.

    Raises:
        OSError: the file cannot be written.
    """
    stop, stopped = os.pipe()
    signal.signal(signal.SIGTERM, lambda _number, _frame: os.write(stopped, b"."))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    poll = select.poll()
    poll.register(tap, select.POLLIN)
    poll.register(stop, select.POLLIN)
    left_bytes = None if limit_bytes is None else limit_bytes - file.stat().st_size
    pending = bytearray()
    kept = left_out = 0
    is_stopped = False
    while not is_stopped:
        ready = dict(poll.poll(_IDLE_MS if pending else None))
        is_stopped = stop in ready
        until_ns = time.time_ns() + _DRAIN_NS if is_stopped else None
        for stamp_ns, frame, length in frames(tap, until_ns):
            data = _RECORD.pack(*divmod(stamp_ns, 10**9), len(frame), length) + frame
            if left_bytes is not None and len(data) > left_bytes:
                left_bytes = 0  # leave out shorter ones too: the file then holds all packets up to a moment
                left_out += 1
                continue
            left_bytes = None if left_bytes is None else left_bytes - len(data)
            pending += data
            kept += 1
        if pending and (is_stopped or not ready or len(pending) >= _FLUSH_BYTES):
            with file.open("ab") as output:
                output.write(pending)
            pending.clear()
    _, dropped = struct.unpack("=II", tap.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
    lost = f", {dropped} lost: the buffer of the capture was full" if dropped else ""
    full = f", {left_out} left out: the file is full" if left_out else ""
    print(f"{kept} packets{lost}{full}", flush=True)


def frames(tap: socket.socket, until_ns: int | None = None) -> Iterator[tuple[int, bytes, int]]:
    """Yield the frames that wait in a tap: the kernel's time stamp, the bytes, and the length on the circuit.

    Stop after `_ROUND` frames; with ``until_ns``, after all frames that the kernel stamped by that time.
    """
    count = 0
    while count < _ROUND or until_ns is not None:
        try:
            frame, ancillary, _, _ = tap.recvmsg(_FRAME_BYTES, _ANCILLARY_BYTES)
        except BlockingIOError:
            return
        except OSError:  # the interface went down, which the kernel reports once, or was removed
            continue
        count += 1
        stamp_ns, length, tag = time.time_ns(), len(frame), b""
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanoseconds = _TIMESPEC.unpack(value)
                stamp_ns = seconds * 10**9 + nanoseconds
            elif (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA):
                status, length, _, _, _, tci, tpid = _AUXDATA.unpack(value)
                if status & _VLAN_VALID:  # the kernel keeps a VLAN tag beside the frame
                    tag = struct.pack("!HH", tpid if status & _TPID_VALID else _VLAN_TPID, tci)
        if until_ns is not None and stamp_ns > until_ns:
            return
        yield stamp_ns, frame[:_MACS_BYTES] + tag + frame[_MACS_BYTES:], length + len(tag)
