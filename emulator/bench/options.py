"""The options of a benchmark, from which the command line is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.bench.presets import presets
from emulator.options import Flag


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """The matrix of a benchmark, as a user chooses it."""

    overlays: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--overlays",
            "Overlays to compare, such as none,flannel,weave:sleeve; all is each variant of each overlay.  "
            "[default: none,flannel]",
            metavar="NAME[:VARIANT],…",
            type="names",
        ).metadata,
    )
    """Empty is ``none`` and ``flannel``."""
    workloads: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--workloads",
            "What to measure; all is each workload, and command if it has settings.  [default: latency,throughput]",
            metavar="NAME,…",
            type="names",
        ).metadata,
    )
    """Empty is ``latency`` and ``throughput``."""
    settings: Mapping[str, str] = field(
        default_factory=dict,
        metadata=Flag(
            "--setting",
            "Setting of a workload, such as throughput.congestion=bbr. Repeatable.",
            metavar="WORKLOAD.SETTING=VALUE",
            type="pairs",
            in_files=False,  # a file has a table for each workload
        ).metadata,
    )
    like: str | None = field(
        default=None,
        metadata=Flag(
            "--like",
            f"Measure as a study did, with its topologies and options, in place of FILE: {', '.join(presets())}.",
            metavar="STUDY",
            in_files=False,
        ).metadata,
    )
    parts: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--parts",
            "Measure only these parts of a benchmark of several parts, by their names.",
            metavar="NAME,…",
            type="names",
            in_files=False,
        ).metadata,
    )
    """Empty is all parts."""
    circuits: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--circuits",
            "Pairs of sites or of hosts to measure between, such as AMS-MIL,h1-h3.  [default: all]",
            metavar="A-B,…",
            type="names",
        ).metadata,
    )
    """Empty is all pairs that a circuit or switches join."""
    point_to_point: bool = field(
        default=False,
        metadata=Flag(
            "--point-to-point",
            "Measure each pair in a network of its own, which has only the two hosts and what joins them.",
        ).metadata,
    )
    as_measured: bool = field(
        default=False,
        metadata=Flag(
            "--as-measured",
            "Give libnetwork, weave and flannel the delays that the study of 2016 measured over them.",
        ).metadata,
    )
    each_cpus: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--each-cpus",
            "Measure with each of these numbers of processors a host, such as 1,0.5,0.25; with --cpu-model.",
            metavar="[HOST=]NUMBER,…",
            type="names",
        ).metadata,
    )
    """Empty is only ``--cpus``."""
    each_offload: tuple[str, ...] = field(
        default=(),
        metadata=Flag(
            "--each-offload",
            "Measure with each of these: on, off (segmentation offload of TCP); with --cpu-model.",
            metavar="on,off",
            type="names",
        ).metadata,
    )
    """Empty is only ``--offload``."""
    hosts: bool = field(
        default=False,
        metadata=Flag("--hosts-too", "Measure between the hosts too, beside their containers.").metadata,
    )
    repetitions: int = field(
        default=1,
        metadata=Flag(
            "--repetitions",
            "Measurements of each overlay, workload and pair, each with its own seed.",
            type="number",
            least=1,
            most=10_000,
        ).metadata,
    )
    duration_s: float = field(
        default=10.0,
        metadata=Flag(
            "--duration",
            "Duration of each measurement, in the clock of the network.",
            metavar="SECONDS",
            type="seconds",
            most=1_000_000,
        ).metadata,
    )
    workers: int | None = field(
        default=None,
        metadata=Flag(
            "--workers",
            "Cells that run at the same time.  [default: the number of processors, or the cluster's threads]",
            type="number",
            least=1,
            most=256,
        ).metadata,
    )
    """None is the number of this machine's processors, or of the threads of the cluster's workers."""
    scheduler: str | None = field(
        default=None,
        metadata=Flag(
            "--scheduler",
            "Run the cells on the workers of your own Dask cluster, such as tcp://10.0.0.1:8786; see "
            "docs/bench-cluster.md.",
            metavar="ADDRESS",
            in_files=False,  # the scheduler of a stranger could run code on this machine
        ).metadata,
    )
    """The address of the cluster's scheduler; None is this machine."""
    fail_fast: bool = field(
        default=False, metadata=Flag("--fail-fast", "End the benchmark at the first cell that fails.").metadata
    )
    allow_programs: bool = field(
        default=False,
        metadata=Flag(
            "--allow-programs",
            "Let a TOML file name programs and images, which the benchmark then runs.",
            in_files=False,
        ).metadata,
    )
