"""A video that several clients stream at once from one server: bit rate, loss, jitter, time to the first frame."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from emulator.measure.drops import CIRCUIT, DropCounter
from emulator.measure.mtu import path_mtu_bytes
from emulator.overlays.pairs import joined
from emulator.plan import Plan
from emulator.workloads.base import End, Stage, Workload, WorkloadError
from emulator.workloads.model import Figure, Series, Setting, WorkloadRequest, WorkloadResult
from emulator.workloads.rtsp import gst_server, video
from emulator.workloads.rtsp.crowd import Crowd, View, delays_s
from emulator.workloads.rtsp.gst_server import Parameters
from emulator.workloads.rtsp.installation import installation
from emulator.workloads.rtsp.mp4 import VideoError
from emulator.workloads.rtsp.server import PORT, RtspServer
from emulator.workloads.settings import parse, setting
from gtsdsl.text import printable, quantity

_NAME = "streaming"
_IP_UDP_BYTES = 28


@dataclass(frozen=True, slots=True)
class StreamingSettings:
    """The settings of the workload."""

    clients: tuple[int, ...] = setting(
        (1, 4, 16, 64), "Numbers of clients at once; each is measured by itself.", least=1, most=256
    )
    server: Literal["first", "second"] = setting(
        "first", "The host of the pair that serves, in the order of the topology; the clients are on the other."
    )
    ramp_ms: float = setting(61.0, "Mean time between the starts of two clients, in ms.", most=60_000)
    video: str = setting(
        "", "Your own video, an MP4 file with H.264. Empty is a test pattern, which ffmpeg encodes.", is_file=True
    )


class Streaming(Workload):
    """Clients of an RTSP server that each receive the same video by RTP over UDP."""

    settings = StreamingSettings

    def files(self, request: WorkloadRequest) -> Iterator[Path]:
        """Yield the files of the server, and the video."""
        yield from map(Path, installation().files)
        yield _video(request)

    def lacks(self, request: WorkloadRequest) -> Iterator[str]:
        """Yield a sentence if GStreamer or ffmpeg is missing, or if the video cannot be streamed."""
        if missing := installation().missing:
            yield f"the RTSP server of streaming is missing: apt-get install {' '.join(missing)}"
        try:
            video.require(_settings(request).video, request.duration_s)
        except VideoError as error:
            yield f"streaming: {error}"

    def prepare(self, request: WorkloadRequest) -> WorkloadRequest:
        """Encode the test pattern unless it is there, and return the request with the path of the video."""
        if not _settings(request).video:
            video.encode(request.duration_s)
        others = tuple(item for item in request.settings if item.name != "video")
        return replace(request, settings=(*others, Setting("video", str(_video(request)))))

    def run(self, stage: Stage, request: WorkloadRequest) -> WorkloadResult:
        """Measure each number of clients, one after the other, each with a server of its own."""
        settings = _settings(request)
        _require_readable(settings.video)
        from_server = request if settings.server == "first" else replace(request, hosts=request.hosts[::-1])
        server, receiver = stage.ends(from_server)
        queues = _queues(stage.lab.plan, *from_server.hosts)
        names = (_name(stage, *it) for it in zip((server, receiver), from_server.hosts, strict=True))
        figures: list[Figure] = []
        series: list[Series] = []
        remarks = ["{} serves, {} receives".format(*names), *_about_jitter(stage, request)]
        version = ""
        counter = DropCounter(stage.lab)
        mtu_bytes = path_mtu_bytes(server.namespace, receiver.address) - _IP_UDP_BYTES
        for count in settings.clients:
            before = _drops(counter, queues)
            parameters = Parameters(server.address, PORT, settings.video, mtu_bytes, count, request.seed)
            with RtspServer(stage.lab, server, parameters) as process, Crowd(receiver, count) as crowd:
                delays = delays_s(count, settings.ramp_ms / 1000, request.seed)
                crowd.watch((server.address, PORT), gst_server.PATH, delays, request.duration_s)
                views, version = crowd.views(process.sent()), process.version
            if all(view.error is not None for view in views):
                raise WorkloadError(f"none of {quantity(count, 'client')} got a stream: {views[0].error}")
            drops = _drops(counter, queues) - before if queues else None
            name = f"clients.{count}"
            figures += _figures(name, views, drops)
            series += _series(name, views)
            remarks += _remarks(count, views, drops)
        return WorkloadResult({"GStreamer": version}, tuple(figures), tuple(series), tuple(remarks))


_Queues = frozenset[tuple[str, str]]
"""Queues of circuits: the circuit's id, and the name of the host or switch that sends from the queue."""


def _queues(plan: Plan, server: str, receiver: str) -> _Queues:
    """Return the queues on the way from one host to another; none if several ways lead there."""
    paths = joined(plan)
    path = paths.get((server, receiver)) or (paths.get((receiver, server)) or ())[::-1]
    found = []
    node = server
    for circuit in path:
        found.append((circuit.id, node))
        node = next(end.node for end in circuit.ends if end.node != node)
    return frozenset(found)


def _drops(counter: DropCounter, queues: _Queues) -> int:
    found = (it for it in counter.count() if it.place == CIRCUIT)
    return sum(it.packets for it in found if (it.circuit, it.node) in queues)


def _figures(name: str, views: Sequence[View], drops: int | None) -> Iterator[Figure]:
    rates = [view.bitrate_kbps for view in views]
    jitters = [view.jitter_ms for view in views if view.jitter_ms is not None]
    first_frames = [view.first_frame_ms for view in views if view.first_frame_ms is not None]
    sent, lost = sum(view.sent for view in views), sum(view.lost for view in views)
    values: dict[str, tuple[float | None, str]] = {
        "bitrate": (statistics.fmean(rates), "kbit/s"),
        "bitrate_min": (min(rates), "kbit/s"),
        "lost": (100 * lost / sent if sent else None, "%"),
        "jitter": (statistics.fmean(jitters) if jitters else None, "ms"),
        "jitter_max": (max(jitters, default=None), "ms"),
        "first_frame": (statistics.fmean(first_frames) if first_frames else None, "ms"),
        "packets_sent": (sent, "packets"),
        "packets_lost": (lost, "packets"),
        "queue_drops": (drops, "packets"),
        "failed": (sum(view.error is not None for view in views), "clients"),
    }
    for key, (value, unit) in values.items():
        yield Figure(f"{name}.{key}", None if value is None else round(value, 4), unit)


def _series(name: str, views: Sequence[View]) -> Iterator[Series]:
    yield Series(f"{name}.bitrate", "kbit/s", tuple(round(view.bitrate_kbps, 3) for view in views))
    jitters = (view.jitter_ms for view in views)
    yield Series(f"{name}.jitter", "ms", tuple(round(jitter, 4) for jitter in jitters if jitter is not None))


def _remarks(count: int, views: Sequence[View], drops: int | None) -> Iterator[str]:
    if errors := [view.error for view in views if view.error is not None]:
        yield f"{len(errors)} of {quantity(count, 'client')} got no stream: {errors[0]}"
    if reordered := sum(view.reordered for view in views):
        yield f"with {quantity(count, 'client')}, {quantity(reordered, 'packet')} came after a later one"
    lost, reports = sum(view.lost for view in views), sum(view.lost_reports for view in views)
    if drops is not None and drops != lost:
        others = drops - lost - reports
        yield (
            f"with {quantity(count, 'client')}, the queues on the way dropped {quantity(drops, 'packet')}, and the "
            f"clients miss {lost:,} of the video and {reports:,} of RTCP"
            + (f": {others:,} were of RTSP or the overlay" if others > 0 else "")
            + (f": {-others:,} were lost elsewhere" if others < 0 else "")
        )


def _name(stage: Stage, end: End, host: str) -> str:
    site = next((it.site for it in stage.lab.plan.hosts if it.name == host), None)
    return f"{end.name} in {site}" if site else end.name


def _about_jitter(stage: Stage, request: WorkloadRequest) -> Iterator[str]:
    if (rate_bps := stage.rate_bps(request)) is not None:
        yield (
            "the packets of a frame leave the server at once, so the jitter is mostly the time that the circuit of "
            f"{rate_bps / 1e6:g} Mbit/s takes for them"
        )


def _require_readable(path: str) -> None:
    """Check that the server can read the video: a guest has folders of its own in place of some of this machine's."""
    try:
        with Path(path).open("rb"):
            return
    except OSError as error:
        name = printable(path, 300)
        raise WorkloadError(
            f"{name} cannot be read in the network: {error.strerror}; copy it to your home folder"
        ) from None


def _settings(request: WorkloadRequest) -> StreamingSettings:
    return parse(StreamingSettings, request.settings, _NAME)


def _video(request: WorkloadRequest) -> Path:
    own = _settings(request).video
    return Path(own).absolute() if own else video.pattern(request.duration_s)


WORKLOAD = Streaming()
"""The workload ``streaming``."""
