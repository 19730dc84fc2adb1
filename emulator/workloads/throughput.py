"""The throughput of TCP, and of UDP at several rates; the receiver's figures count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emulator.cpu.model import OWN_STAGES
from emulator.measure.echo import ETHERNET_BYTES
from emulator.overlays.ways import way_of
from emulator.system.programs import find_program
from emulator.workloads import iperf, iperf3, netperf, sockets
from emulator.workloads.base import End, Stage, Workload
from emulator.workloads.model import Figure, Program, Series, WorkloadRequest, WorkloadResult
from emulator.workloads.programs import installed_version
from emulator.workloads.settings import parse, setting
from emulator.workloads.transfers import INTERVAL_S, Interval, Report, Tcp, TcpTransfer, Udp, UdpTransfer

_UDP_PARTS = (0.01, 0.1, 0.5, 0.9)
"""The rates of UDP as parts of the circuit's rate: 10, 100, 500 and 900 Mbit/s of 1 Gbit/s."""
_IP_BYTES, _IP_UDP_BYTES = 20, 28
_IP_TCP_BYTES = 20 + 20 + 12
"""The headers of TCP's segments, with time stamps, as Linux sends them."""
_LEAST_S = 1.0
_FULL_INTERVAL = 0.9
"""The part of a second from which on a line of a report is that of a whole second, and not of the rest at the end."""
_TCP: Mapping[str, Tcp] = {"iperf": iperf.tcp, "iperf3": iperf3.tcp, "netperf": netperf.tcp}
_UDP: Mapping[str, Udp] = {"iperf": iperf.udp, "iperf3": iperf3.udp, "netperf": iperf.udp}
_INSTALLED = {iperf.PROGRAM: (iperf.INSTALL, iperf.VERSION), iperf3.PROGRAM: (iperf3.INSTALL, iperf3.VERSION)}
"""The programs that Debian packages hold: how to install each, and the pattern of its version."""


@dataclass(frozen=True, slots=True)
class ThroughputSettings:
    """The settings of the workload."""

    protocols: tuple[Literal["tcp", "udp"], ...] = setting(("tcp", "udp"), "What is measured: tcp, udp.")
    tool: Literal["iperf", "netperf", "iperf3"] = setting(
        "iperf", "What measures: iperf (version 2), netperf (TCP only, UDP is by iperf), iperf3."
    )
    congestion: tuple[str, ...] = setting(
        (), "TCP's congestion controls, each measured by itself, such as cubic,bbr; the default is the kernel's."
    )
    window_bytes: int | None = setting(
        None,
        "Size of the sockets' buffers for TCP; by default, the kernel fits them to the path.",
        least=2048,
        most=2**30,
    )
    streams: int = setting(1, "Connections of TCP at the same time.", least=1, most=64)
    udp_rates_mbps: tuple[float, ...] = setting(
        (), "Rates of UDP in Mbit/s; the default is 1, 10, 50 and 90 % of the circuit's.", least=0.01, most=100_000
    )
    udp_duration_s: float = setting(2.0, "Seconds of each rate of UDP; at most --duration.", least=1, most=1_000_000)
    udp_payload_bytes: int | None = setting(
        None,
        "Payload of a UDP datagram; by default, what fits a packet. A larger one is sent in fragments.",
        least=64,
        most=65_507,
    )

    def __post_init__(self) -> None:
        if self.tool == "netperf" and self.streams > 1:
            raise ValueError("netperf has one connection: set tool to iperf or iperf3, or streams to 1")


class Throughput(Workload):
    """TCP for the duration with each congestion control, then UDP at each rate."""

    settings = ThroughputSettings

    def programs(self, request: WorkloadRequest) -> Iterator[Program]:
        """Yield the programs of netperf, if it measures."""
        if netperf.NAME in _tools(_settings(request)):
            yield from netperf.programs()

    def files(self, request: WorkloadRequest) -> Iterator[Path]:
        """Yield the programs that measure."""
        for name in _tools(_settings(request)):
            if (path := find_program(name) if name in _INSTALLED else None) is not None:
                yield Path(path)
        yield from (Path(program.path) for program in self.programs(request))

    def lacks(self, request: WorkloadRequest) -> Iterator[str]:
        """Yield a sentence for each tool that is missing, and if the duration is too short."""
        for name in _tools(_settings(request)):
            if name == netperf.NAME and netperf.used() is None:
                yield f"{name} is missing: {netperf.INSTALL}"
            elif name in _INSTALLED and find_program(name) is None:
                yield f"{name} is missing: {_INSTALLED[name][0]}"
        if request.duration_s < _LEAST_S:
            yield f"throughput needs a --duration of at least {_LEAST_S:g} s, because its tools report once a second"

    def run(self, stage: Stage, request: WorkloadRequest) -> WorkloadResult:
        """Measure TCP and UDP, one after the other.

        Raises:
            WorkloadError: a tool failed, or the kernel lacks a congestion control or has smaller buffers.
        """
        settings = _settings(request)
        versions = {
            name: installed_version(name, _INSTALLED[name][1]) if name in _INSTALLED else netperf.version(request)
            for name in _tools(settings)
        }
        found = _Measured()
        if "tcp" in settings.protocols:
            found += _tcp(stage, request, settings)
        if "udp" in settings.protocols:
            found += _udp(stage, request, settings)
        remarks = tuple(dict.fromkeys(found.remarks))
        return WorkloadResult(versions, found.figures, found.series, remarks)


@dataclass(frozen=True, slots=True)
class _Measured:
    """A part of a result."""

    figures: tuple[Figure, ...] = ()
    series: tuple[Series, ...] = ()
    remarks: tuple[str, ...] = ()

    def __add__(self, other: _Measured) -> _Measured:
        return _Measured(self.figures + other.figures, self.series + other.series, self.remarks + other.remarks)


def _settings(request: WorkloadRequest) -> ThroughputSettings:
    return parse(ThroughputSettings, request.settings, request.name)


def _tools(settings: ThroughputSettings) -> tuple[str, ...]:
    """Return the names of the tools that measure."""
    by_protocol = {"tcp": settings.tool, "udp": iperf.PROGRAM if settings.tool == netperf.NAME else settings.tool}
    return tuple(dict.fromkeys(by_protocol[protocol] for protocol in settings.protocols))


def _tcp(stage: Stage, request: WorkloadRequest, settings: ThroughputSettings) -> _Measured:
    """Measure TCP with each congestion control."""
    first, second = stage.ends(request)
    if settings.window_bytes is not None:
        sockets.require_window((first, second), settings.window_bytes)
    names = settings.congestion or (None,)
    controls = {sockets.congestion_of(first, name): name for name in names}
    found = _Measured()
    for control, wanted in controls.items():
        name = "tcp" if len(controls) == 1 else f"tcp.{control}"
        transfer = TcpTransfer(request.duration_s, wanted, settings.window_bytes, settings.streams)
        done = _TCP[settings.tool](stage, first, second, request, transfer)
        figures = (
            Figure(f"{name}.received", _mbps(done.received.whole), "Mbit/s"),
            Figure(f"{name}.retransmissions", done.sent.whole.retransmissions, "segments"),
        )
        began_s = None if done.began_ns is None else (done.began_ns - stage.zero_ns) / 1e9
        has_parts = bool(done.received.parts)
        rates = _rates(f"{name}.received", done.received, began_s) if has_parts else _sent(name, done.sent)
        remarks = [done.remark] if done.remark else []
        found += _Measured(figures, (rates, *_retransmissions(name, done.sent)), tuple(remarks))
    if len(controls) == 1:
        found += _Measured(remarks=(f"TCP's congestion control is {next(iter(controls))}",))
    mtu_bytes = sockets.mtu_bytes(first, second)
    limit = _limit(stage, request, "tcp.limit", mtu_bytes - _IP_TCP_BYTES, (mtu_bytes,))
    return found + limit + _tcp_knee(stage, request)


def _udp(stage: Stage, request: WorkloadRequest, settings: ThroughputSettings) -> _Measured:
    """Measure UDP at each rate, up to the circuit's."""
    first, second = stage.ends(request)
    payload_bytes = _payload_bytes(stage, request, settings)
    limit_bps = stage.rate_bps(request)
    duration_s = min(settings.udp_duration_s, request.duration_s)
    found = _Measured()
    packets_bytes = _packets_bytes(payload_bytes, sockets.mtu_bytes(first, second))
    if len(packets_bytes) > 1:
        sockets.make_room_for_fragments(second)
        fragments = f"a datagram of {payload_bytes:,} bytes is sent in {len(packets_bytes)} packets, because of the MTU"
        found += _Measured(remarks=(f"{fragments}; {second.name} keeps an incomplete one for 1 s, not 30 s",))
    rates_bps = [float(text) * 1e6 for text in dict.fromkeys(f"{it:g}" for it in settings.udp_rates_mbps)]
    for rate_bps in rates_bps or [part * (limit_bps or 0) for part in _UDP_PARTS]:
        if limit_bps is not None and rate_bps > limit_bps:
            left_out = (
                f"UDP at {rate_bps / 1e6:g} Mbit/s is left out, because the circuit has {limit_bps / 1e6:g} Mbit/s"
            )
            found += _Measured(remarks=(left_out,))
        elif rate_bps > 0:
            transfer = UdpTransfer(duration_s, rate_bps, payload_bytes, sockets.buffer_of_datagrams(second))
            found += _udp_at(stage, first, second, request, _UDP[settings.tool], transfer)
    if limit_bps is None and not rates_bps:
        found += _Measured(remarks=("UDP is left out, because the circuit has no rate: set udp_rates_mbps",))
    limit = _limit(stage, request, "udp.limit", payload_bytes, packets_bytes)
    return found + limit + _udp_knee(stage, request, payload_bytes, packets_bytes)


def _udp_at(
    stage: Stage, first: End, second: End, request: WorkloadRequest, udp: Udp, transfer: UdpTransfer
) -> _Measured:
    name = f"udp.{transfer.rate_bps / 1e6:g}M"
    done = udp(stage, first, second, request, transfer)
    whole, parts = done.received.whole, _full(done.received)
    figures = (
        Figure(f"{name}.received", _mbps(whole), "Mbit/s"),
        Figure(f"{name}.lost", whole.lost_percent, "%"),
        Figure(f"{name}.jitter", None if whole.jitter_ms is None else round(whole.jitter_ms, 3), "ms"),
    )
    losses = tuple(it.lost_percent for it in parts if it.lost_percent is not None)
    jitters = tuple(round(it.jitter_ms, 3) for it in parts if it.jitter_ms is not None)
    series = (
        _rates(f"{name}.received", done.received),
        Series(f"{name}.lost", "%", losses, INTERVAL_S),
        Series(f"{name}.jitter", "ms", jitters, INTERVAL_S),
    )
    return _Measured(figures, series, (done.remark,) if done.remark else ())


def _payload_bytes(stage: Stage, request: WorkloadRequest, settings: ThroughputSettings) -> int:
    """Return the payload of a datagram: the wanted one, or what fits a packet."""
    if settings.udp_payload_bytes is not None:
        return settings.udp_payload_bytes
    return sockets.mtu_bytes(*stage.ends(request)) - _IP_UDP_BYTES


def _packets_bytes(payload_bytes: int, mtu_bytes: int) -> tuple[int, ...]:
    """Return the bytes of the IP packets that carry a datagram: one, or fragments, cut at whole 8 bytes (RFC 791)."""
    if payload_bytes + _IP_UDP_BYTES <= mtu_bytes:
        return (payload_bytes + _IP_UDP_BYTES,)
    most_bytes = (mtu_bytes - _IP_BYTES) // 8 * 8
    full, rest = divmod(payload_bytes + _IP_UDP_BYTES - _IP_BYTES, most_bytes)
    return (*[most_bytes + _IP_BYTES] * full, *([rest + _IP_BYTES] if rest else []))


def _limit(
    stage: Stage, request: WorkloadRequest, name: str, payload_bytes: int, packets_bytes: Sequence[int]
) -> _Measured:
    """Return the rate that the circuit leaves for a payload which is carried in packets of these sizes."""
    if (limit_bps := stage.rate_bps(request)) is None:
        return _Measured()
    share = payload_bytes / sum(it + _around_bytes(stage, request) for it in packets_bytes)
    return _Measured((Figure(name, round(limit_bps * share / 1e6, 3), "Mbit/s"),))


def _around_bytes(stage: Stage, request: WorkloadRequest) -> int:
    """Return the bytes that a packet of an end's interface has more on the circuit."""
    return ETHERNET_BYTES + (stage.deployment.overlay.overhead_bytes if request.level == "containers" else 0)


def _udp_knee(stage: Stage, request: WorkloadRequest, payload_bytes: int, packets_bytes: Sequence[int]) -> _Measured:
    """Return the rate of UDP above which the processors lose packets: a datagram in each of its packets' times."""
    return _knee("udp.knee", payload_bytes, sum(_work_ns(stage, request, it) for it in packets_bytes))


def _tcp_knee(stage: Stage, request: WorkloadRequest) -> _Measured:
    """Return the rate of TCP that the processors allow without offload: two segments and their acknowledgement.

    With offload, a packet has up to 64 KB, and as many as TCP likes to send: no formula says how many.
    """
    cpu = stage.lab.plan.cpu
    if cpu is None or cpu.offload:
        return _Measured()
    mtu_bytes = sockets.mtu_bytes(*stage.ends(request))
    pair_ns = 2 * _work_ns(stage, request, mtu_bytes) + _work_ns(stage, request, _IP_TCP_BYTES)
    return _knee("tcp.knee", 2 * (mtu_bytes - _IP_TCP_BYTES), pair_ns)


def _work_ns(stage: Stage, request: WorkloadRequest, packet_bytes: int) -> float:
    """Return the time of a packet on the busier of both hosts; 0 if packets cost nothing."""
    cpu = stage.lab.plan.cpu
    if cpu is None:
        return 0.0
    stages = OWN_STAGES if request.level == "hosts" else way_of(stage.deployment.spec).stages
    frame_bytes = packet_bytes + _around_bytes(stage, request)
    return max(cpu.on(host, stages).of(frame_bytes) for host in request.hosts)


def _knee(name: str, payload_bytes: int, work_ns: float) -> _Measured:
    return _Measured((Figure(name, round(8000 * payload_bytes / work_ns, 3), "Mbit/s"),) if work_ns else ())


def _mbps(interval: Interval) -> float:
    return round(interval.rate_bps / 1e6, 6)


def _full(report: Report) -> Sequence[Interval]:
    """Return the parts that have a whole second."""
    return [part for part in report.parts if part.duration_s >= _FULL_INTERVAL * INTERVAL_S]


def _rates(name: str, report: Report, began_s: float | None = None) -> Series:
    rates_mbps = tuple(round(part.rate_bps / 1e6, 3) for part in _full(report))
    return Series(name, "Mbit/s", rates_mbps, INTERVAL_S, began_s)


def _sent(name: str, report: Report) -> Series:
    """Return the sender's rates, whose intervals are those in which it looked at its clock."""
    return Series(f"{name}.sent", "Mbit/s", tuple(_mbps(part) for part in report.parts))


def _retransmissions(name: str, report: Report) -> Iterator[Series]:
    counts = [part.retransmissions for part in _full(report)]
    if counts and None not in counts:
        values = tuple(float(count) for count in counts if count is not None)
        yield Series(f"{name}.retransmissions", "segments", values, INTERVAL_S)


WORKLOAD = Throughput()
"""The workload ``throughput``."""
