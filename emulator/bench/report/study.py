"""The section beside the study of 2016: its table of latency, and our figures in its layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emulator.bench.report.groups import Group, measured
from emulator.bench.report.latency import histogram
from emulator.bench.report.model import Block, Code, Heading, Paragraph, Section, Table
from emulator.bench.report.numbers import fixed
from emulator.bench.results import Results
from gtsdsl.circuits import Measurement
from gtsdsl.circuits import measured as circuits

STUDY_OVERLAYS = {"libnetwork": "libnetwork:kv", "weave": "weave:fastdp", "flannel": "flannel:vxlan"}
"""The overlays of the study in its order, and the variants that it ran."""
_HEADINGS = ("min", "mean", "p99")
_DIGITS = 1


def study(results: Results) -> Section | None:
    """Return the section; None if no circuit of the study was measured with one of its overlays."""
    groups = [group for group in measured(results, "latency") if group.place.level == "containers"]
    rows = list(_rows(groups))
    if not rows:
        return None
    has_netperf = any("netperf.udp_rr.p99" in group.figures for group in groups)
    above = (Heading("", 2), *(Heading(name.capitalize(), 3) for name in STUDY_OVERLAYS))
    headings = ("circuit", "whose", *(_HEADINGS * len(STUDY_OVERLAYS)))
    caption = "Round trips between containers, in milliseconds, in the layout of the study's table"
    source = next(iter(circuits().values())).source
    missing = [name for name, variant in STUDY_OVERLAYS.items() if not any(it.overlay == variant for it in groups)]
    blocks: list[Block] = [
        Table(caption, headings, tuple(rows), heads=2, groups=above),
        Paragraph((f"Source of the study's figures: {source}.",), "note"),
    ]
    if missing:
        wanted = ",".join(STUDY_OVERLAYS[name] for name in missing)
        blocks.append(
            Paragraph((f"Not measured here: {', '.join(missing)}. Add ", Code(f"--overlays {wanted}"), "."), "note")
        )
    blocks.append(_as_measured() if "--as-measured" in results.command else _paths())
    blocks += _percentiles(has_netperf)
    return Section("study", "Beside the study of 2016", tuple(blocks))


def _rows(groups: Sequence[Group]) -> Iterator[tuple[str, ...]]:
    # the study's pairs had a network of their own, so these come before the same pairs in a whole topology
    ordered = sorted(groups, key=lambda group: group.place.network == "pair")
    found = {(frozenset(group.place.circuit.split("-")), group.overlay): group for group in ordered}
    for sites, circuit in circuits().items():
        theirs = {item.overlay: item for item in circuit.measurements}
        ours = {name: found.get((frozenset(sites), variant)) for name, variant in STUDY_OVERLAYS.items()}
        if not any(ours.values()):
            continue
        label = "–".join(sites)
        kinds = ["netperf", "samples"] if any(it and "netperf.udp_rr.p99" in it.figures for it in ours.values()) else []
        yield (label, "study", *(text for name in STUDY_OVERLAYS for text in _theirs(theirs.get(name))))
        for kind in kinds or ["samples"]:
            yield (label, f"here, {kind}", *(text for name in STUDY_OVERLAYS for text in _ours(ours[name], kind)))
        kind = (kinds or ["samples"])[0]
        yield (
            label,
            "difference",
            *(text for name in STUDY_OVERLAYS for text in _differences(theirs.get(name), ours[name], kind)),
        )


def _theirs(item: Measurement | None) -> Iterator[str]:
    yield from (fixed(value, _DIGITS) for value in _values(item))


def _values(item: Measurement | None) -> tuple[float | None, ...]:
    return (None, None, None) if item is None else (item.min_ms, item.mean_ms, item.p99_ms)


def _means(group: Group | None, kind: str) -> tuple[float | None, ...]:
    prefix = "netperf.udp_rr" if kind == "netperf" else "rtt"
    means = (None if group is None else group.mean(f"{prefix}.{name}") for name in _HEADINGS)
    return tuple(None if mean is None else mean / 1000 for mean in means)


def _ours(group: Group | None, kind: str) -> Iterator[str]:
    yield from (fixed(value, 2) for value in _means(group, kind))


def _differences(item: Measurement | None, group: Group | None, kind: str) -> Iterator[str]:
    for name, theirs, ours in zip(_HEADINGS, _values(item), _means(group, kind), strict=True):
        if theirs is None or ours is None or (name == "p99" and kind != "netperf"):
            yield fixed(None, 0)
        else:
            yield f"{100 * (ours - theirs) / theirs:+.1f} %".replace("-", "−")


def _paths() -> Paragraph:
    return Paragraph(
        (
            "Where min and mean differ, the paths differ, not the overlays. The study measured its overlays at "
            "different times, over paths that were not the same: Flannel's AMS–MIL took 42.5 ms and Weave's 36.2 ms. "
            "gtsdsl gives all overlays the same path, with the smallest minimum of the three as its delay. ",
            Code("gtsdsl bench --like seed-2016 --as-measured"),
            " gives each overlay its own delay of the study.",
        )
    )


def _as_measured() -> Paragraph:
    return Paragraph(
        (
            "Each of the three overlays had the delays that the study measured over it (",
            Code("--as-measured"),
            "): its minimum, its mean and the bucket of its p99. So this table shows how well these are repeated, and "
            "differences between overlays are the study's. All other overlays had the delay of the path. Without the "
            "option, all overlays have the same path.",
        )
    )


def _percentiles(has_netperf: bool) -> Iterator[Paragraph]:
    edges = "17 of the study's 18 p99 are whole milliseconds, the upper edge of such a bucket."
    explained = histogram()
    yield Paragraph((*explained.parts, f" {edges}"))
    if not has_netperf:
        yield Paragraph(
            (
                "netperf did not measure here, so the study's p99 has nothing like it to be compared with. "
                "The p99 of samples is the network's.",
            ),
            "note",
        )
