"""The study's anomaly in figures with a cost table: UDP loses what TCP does not; offload helps TCP only.

Each sentence follows from the figures, and says the opposite if they do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emulator.bench.report.cases import (
    LOST_PERCENT,
    Case,
    Setup,
    main_cases,
    setups,
    span,
    under,
)
from emulator.bench.report.model import Bullets, Paragraph
from emulator.bench.report.numbers import listed, number, signed
from gtsdsl.text import quantity

_HELPS = 1.05
"""How many times as fast TCP is with offload, from which on it counts as helped."""
_NEAR = 0.9
"""A formula's rate counts as reached if it is below this part of what the circuit or the sender allows."""


def answer(cases: Sequence[Case]) -> Paragraph:
    """Return the answer: under which setups the anomaly shows, and under which it does not."""
    shown, absent = [], []
    for setup in setups(cases):
        found = [case.overlay for case in main_cases(cases, setup) if case.has_anomaly]
        if found:
            shown.append(f"{setup.label} (over {listed(found)})")
        else:
            absent.append(setup.label)
    question = (
        "The study of 2016 saw UDP lose over overlays what TCP did not, and its authors suspected the processors. "
    )
    if not shown:
        return Paragraph((f"{question}By this cost table, that does not happen with {_either(absent)}.",), "lead")
    text = f"{question}By this cost table, that happens with {_either(shown)}"
    return Paragraph((f"{text}{f', and not with {_either(absent)}' if absent else ''}.",), "lead")


def findings(cases: Sequence[Case]) -> Iterator[Bullets]:
    """Yield what was found under each setup, by offload, by neighbours, and beside the formulas."""
    every = setups(cases)
    yield Bullets(tuple((_of_setup(setup, main_cases(cases, setup)),) for setup in every))
    sentences = [*_offload(cases, every), *_neighbours(cases, every), *_formulas(cases), *_thresholds(cases)]
    if sentences:
        yield Bullets(tuple((sentence,) for sentence in sentences))


def _either(labels: Sequence[str]) -> str:
    return "; with ".join(labels)


def _of_setup(setup: Setup, cases: Sequence[Case]) -> str:
    tcp = f"TCP {'with' if cases[0].has_offload else 'without'} offload"
    lossy = [case for case in cases if case.is_lossy]
    quiet = [case.overlay for case in cases if case.lost and not case.is_lossy]
    head = f"{setup.label[0].upper()}{setup.label[1:]}: "
    shares = [share for case in cases if (share := case.tcp_percent) is not None]
    if not lossy:
        nothing = f"{_at_most(cases)} loses less than {LOST_PERCENT:g} % over {listed(quiet)}. " if quiet else ""
        reached = f"{tcp} reaches {span(shares)} % of what the circuit allows." if shares else ""
        return f"{head}{nothing}{reached}".rstrip()
    losses = listed([f"{number(case.lost[max(case.lost)], 1)} % over {case.overlay}" for case in lossy])
    udp = f"{_at_most(cases)} loses {losses}"
    if quiet:
        udp += f", and less than {LOST_PERCENT:g} % over {listed(quiet)}"
    kept = [case for case in lossy if case.has_anomaly]
    slow = [case for case in lossy if case.tcp_percent is not None and not case.has_anomaly]
    parts = []
    for found, verdict in (
        (kept, "so UDP loses what TCP does not"),
        (slow, "so TCP is slow there, too"),
    ):
        if found:
            percents = span(share for case in found if (share := case.tcp_percent) is not None)
            names = listed([case.overlay for case in found])
            parts.append(f"{tcp} reaches {percents} % of what the circuit allows over {names}, {verdict}.")
    return " ".join((f"{head}{udp}.", *parts))


def _at_most(cases: Sequence[Case]) -> str:
    rates = {max(case.lost) for case in cases if case.lost}
    return f"UDP at {span(rates)} Mbit/s"


def _offload(cases: Sequence[Case], every: Sequence[Setup]) -> Iterator[str]:
    """Yield what offload does under each setup that was measured with and without it."""
    for setup in every:
        off = {case.overlay: case for case in under(cases, setup, has_offload=False)}
        pairs = [(case, off[case.overlay]) for case in under(cases, setup, has_offload=True) if case.overlay in off]
        ratios = {
            one.overlay: one.tcp / other.tcp for one, other in pairs if one.tcp is not None and other.tcp is not None
            and other.tcp > 0
        }  # fmt: skip
        saved = {
            one.overlay: other.lost[max(other.lost)] - one.lost[max(other.lost)]
            for one, other in pairs
            if other.lost and max(other.lost) in one.lost
        }
        if not ratios or not saved:
            continue
        helped_tcp = [name for name, ratio in ratios.items() if ratio >= _HELPS]
        helped_udp = [name for name, points in saved.items() if points >= LOST_PERCENT]
        most = max(map(abs, saved.values()))
        times = span(ratios.values(), 2)
        yield (
            f"Offload, {setup.label}: TCP is {'' if times == '1' else f'{times} times '}as fast with it as without. "
            f"The lost part of UDP differs by at most {number(most, 2)} percentage points. "
            f"{_helps(helped_tcp, helped_udp, [*ratios])}"
        )


def _helps(tcp: Sequence[str], udp: Sequence[str], every: Sequence[str]) -> str:
    def over(names: Sequence[str]) -> str:
        return "" if len(names) == len(every) else f" over {listed([*names])}"

    if tcp and udp:
        return f"So it helps TCP{over(tcp)}, and UDP{over(udp)}."
    if tcp:
        return f"So it helps TCP{over(tcp)}, and not UDP."
    if udp:
        return f"So it helps UDP{over(udp)}, and not TCP."
    return "So it helps neither."


def _neighbours(cases: Sequence[Case], every: Sequence[Setup]) -> Iterator[str]:
    """Yield what neighbours change beside the same processors without neighbours."""
    for setup in every:
        alone = Setup(setup.cpus, "", setup.place)
        if not setup.neighbours or alone not in every:
            continue
        before = {case.overlay: case for case in main_cases(cases, alone)}
        pairs = [(before[case.overlay], case) for case in main_cases(cases, setup) if case.overlay in before]
        newly = [after.overlay for first, after in pairs if after.is_lossy and not first.is_lossy]
        ratios = [
            after.tcp / first.tcp
            for first, after in pairs
            if first.tcp is not None and after.tcp is not None and first.tcp > 0
        ]
        text = f"The neighbours ({setup.neighbours}) beside {alone.label} without them: "
        text += f"UDP loses over {listed(newly)}, where it did not" if newly else "UDP loses over no further overlay"
        yield text + (f"; TCP has {span((100 * it for it in ratios), 0)} % of its rate." if ratios else ".")


def _formulas(cases: Sequence[Case]) -> Iterator[str]:
    """Yield by how much what was measured differs from the formulas, where the processors are the bottleneck."""
    alone = [case for case in cases if not case.setup.neighbours]
    udp = []
    for case in alone:
        knee, arrived = case.group.mean("udp.knee"), case.received
        if knee is not None and arrived and knee < _NEAR * max(arrived):
            udp.append(100 * (arrived[max(arrived)] / knee - 1))
    if udp:
        yield (
            f"The formula of UDP's knee: in {len(udp)} of {quantity(len(alone), 'case')}, the knee is below "
            f"{100 * _NEAR:g} % of the highest rate that was sent. What arrives there differs from the formula by "
            f"{_percents(udp, 2)}."
        )
    tcp = []
    for case in alone:
        knee, limit, received = case.group.mean("tcp.knee"), case.group.mean("tcp.limit"), case.tcp
        if knee is not None and received is not None and limit is not None and knee < _NEAR * limit:
            tcp.append(100 * (received / knee - 1))
    if tcp:
        yield (
            f"The formula of TCP without offload: in {quantity(len(tcp), 'case')}, the processors allow less than "
            f"{100 * _NEAR:g} % of the circuit. What arrives there differs from the formula by {_percents(tcp, 1)}. "
            "A short measurement has less, because TCP's window has to grow first."
        )


def _percents(values: Sequence[float], digits: int) -> str:
    """Return the range of some differences: ``−0.3 to +0.02 %``."""
    texts = dict.fromkeys(signed(value, digits) for value in (min(values), max(values)))
    return f"{' to '.join(texts)} %"


def _thresholds(cases: Sequence[Case]) -> Iterator[str]:
    """Yield the processors below which UDP loses at the highest rate: the knee grows with the processors."""
    found: dict[str, float] = {}
    for case in cases:
        knee, received = case.group.mean("udp.knee"), case.received
        if knee and received and not case.setup.neighbours and case.setup.cpus <= 1:
            found.setdefault(case.overlay, case.setup.cpus * max(received) / knee)
    parts = [f"{number(cores, 2)} over {name}" for name, cores in found.items() if cores <= 1]
    if parts:
        text = f"By the formula, UDP at the highest rate loses with fewer cores than these: {listed(parts)}. "
        text += "Between two of these numbers, one overlay loses and the other does not. " if len(parts) > 1 else ""
        yield f"{text}Costs that are twice as high make a number twice as high, up to one: one flow is on one core."
    if slow := [name for name, cores in found.items() if cores > 1]:
        yield f"By the formula, UDP at the highest rate loses over {listed(slow)} with any number of cores."
