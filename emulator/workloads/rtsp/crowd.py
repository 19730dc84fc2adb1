"""Several clients that watch one video at once, started apart, and what each has seen."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from emulator.netlink import namespaces
from emulator.workloads.base import End, WorkloadError
from emulator.workloads.rtsp.client import Client

_FIRST_PORT = 20_000
"""The UDP port of the first client; each client has two. No overlay uses these ports."""
_DESCRIPTORS = 3
_RECEIVE_S = 0.1
"""The time between two looks at what has arrived. The kernel notes the times of arrival, so it need not be short."""
_SETTLE_S = 2.0
"""The wait, after the last client has left, for packets that are on their way."""


@dataclass(frozen=True, slots=True)
class View:
    """The stream as a client saw it: packets, the payload's bit rate, the jitter, the time to the first complete frame.

    ``sent`` are the packets that the server has sent, and ``lost_reports`` the packets of RTCP that were lost. A client
    without a stream has an ``error``, which says why, the bit rate 0, and no packets.
    """

    bitrate_kbps: float = 0.0
    sent: int = 0
    lost: int = 0
    lost_reports: int = 0
    reordered: int = 0
    jitter_ms: float | None = None
    first_frame_ms: float | None = None
    error: str | None = None


class Crowd(ExitStack):
    """Clients at an end, until exit."""

    def __init__(self, end: End, count: int) -> None:
        """Open the clients' sockets.

        Raises:
            EmulationError: they cannot be opened.
        """
        super().__init__()
        namespaces.allow_descriptors(_DESCRIPTORS * count)
        self._clients: list[Client] = []
        try:
            for number in range(count):
                self._clients.append(self.enter_context(Client(end, _FIRST_PORT + 2 * number)))
        except OSError as error:
            self.close()
            raise WorkloadError(f"{end.name} cannot receive streams: {error.strerror}") from None

    def watch(self, target: tuple[str, int], path: str, delays_s: Sequence[float], duration_s: float) -> None:
        """Let each client watch the video of a server for a duration, after its delay; return when all have left."""
        asyncio.run(self._watch(target, path, delays_s, duration_s))

    def views(self, sent: Mapping[int, int]) -> tuple[View, ...]:
        """Return what each client has seen. ``sent`` has the packets that the server has sent to each UDP port."""
        return tuple(_view(client, sent.get(client.port, 0), sent.get(client.port + 1, 0)) for client in self._clients)

    async def _watch(self, target: tuple[str, int], path: str, delays_s: Sequence[float], duration_s: float) -> None:
        receiving = asyncio.create_task(self._receive())
        watching = [
            client.watch(target, path, delay_s, duration_s)
            for client, delay_s in zip(self._clients, delays_s, strict=True)
        ]
        await asyncio.gather(*watching)
        await asyncio.sleep(_SETTLE_S)
        receiving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await receiving
        for client in self._clients:
            client.receive()

    async def _receive(self) -> None:
        while True:
            for client in self._clients:
                client.receive()
            await asyncio.sleep(_RECEIVE_S)


def delays_s(count: int, ramp_s: float, seed: int) -> tuple[float, ...]:
    """Return when each of some clients starts: one in each interval of ``ramp_s``, at a random time in it."""
    draw = random.Random(seed)  # noqa: S311 - the same times in each run
    return tuple(ramp_s * (number + draw.random()) for number in range(count))


def _view(client: Client, sent: int, sent_reports: int) -> View:
    found = client.reception
    if found is None:
        return View(error=client.error or "it got no stream")
    frame_ms = None if found.first_frame_ns is None else (found.first_frame_ns - client.began_ns) / 1e6
    return View(
        bitrate_kbps=found.bit_rate_bps() / 1000,
        sent=max(sent, found.expected),
        lost=found.lost(sent),
        lost_reports=max(0, sent_reports - client.reports),
        reordered=found.reordered,
        jitter_ms=None if found.jitter_ns is None else found.jitter_ns / 1e6,
        first_frame_ms=frame_ms,
    )
