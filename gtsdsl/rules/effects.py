"""Rules about what a link does to packets: effects that exclude each other, or that do nothing (GTS038, GTS045)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from gtsdsl.diagnostics import Diagnostic
from gtsdsl.model.jitter import parse_jitter, parse_order
from gtsdsl.model.losses import Loss, parse_loss
from gtsdsl.model.shares import Share, parse_reorder, parse_share
from gtsdsl.model.testbed import Resource
from gtsdsl.model.units import each_direction, parse_duration_us
from gtsdsl.model.values import Value
from gtsdsl.rules.index import Index, place_of, shown
from gtsdsl.topology.impairments import JITTERED_DUPLICATES

_Parsed = TypeVar("_Parsed")


def check_effects(index: Index, link: Resource) -> Iterator[Diagnostic]:
    """Yield all findings about effects that do not go together. Another rule reports values that are wrong."""
    if "jitter" in link.attributes:
        yield from _jitter(index, link)
    if "reorder" in link.attributes:
        yield from _reorder(index, link)
    for name in _SHARES:
        if name in link.attributes:
            yield from _correlation_of_nothing(index, link, name)


def _jitter(index: Index, link: Resource) -> Iterator[Diagnostic]:
    jitters = _directions(link, "jitter", parse_jitter)
    delays_us = _directions(link, "delay", parse_duration_us)
    shares = _directions(link, "duplicate", parse_share)
    orders = _directions(link, "order", parse_order) or ("free", "free")
    if jitters is None:
        return
    if delays_us and any(-jitter.least_us > delay_us for jitter, delay_us in zip(jitters, delays_us, strict=True)):
        yield _pair(
            index,
            "GTS045",
            link,
            ("jitter", "delay"),
            " has more jitter than delay: packets that would arrive before they were sent are not delayed at all",
        )
    if any(jitter.correlation_percent for jitter in jitters):
        yield index.finding(
            "GTS045",
            f"link {shown(link.id)}: the correlation of `jitter` does nothing, because netem takes the lowest digits "
            "of the correlated numbers",
            place_of(link, "jitter"),
        )
    if shares and any(
        share.percent and jitter.us and order != "kept"
        for share, jitter, order in zip(shares, jitters, orders, strict=True)
    ):
        yield _pair(index, "GTS038", link, ("duplicate", "jitter"), f": {JITTERED_DUPLICATES}")


def _reorder(index: Index, link: Resource) -> Iterator[Diagnostic]:
    shares = _directions(link, "reorder", parse_reorder)
    delays_us = _directions(link, "delay", parse_duration_us)
    orders = _directions(link, "order", parse_order)
    if shares is None:
        return
    if delays_us and any(share.percent and not delay_us for share, delay_us in zip(shares, delays_us, strict=True)):
        yield _pair(
            index,
            "GTS045",
            link,
            ("reorder", "delay"),
            " reorders packets that no delay holds back: `reorder` needs a delay in the same direction",
        )
    if orders and any(share.percent and order == "kept" for share, order in zip(shares, orders, strict=True)):
        yield _pair(index, "GTS038", link, ("order", "reorder"), " keeps the order of packets, and reorders them")


_SHARES: Mapping[str, Callable[[Value], Loss | Share]] = {
    "loss": parse_loss, "corrupt": parse_share, "duplicate": parse_share, "reorder": parse_reorder,
}  # fmt: skip


def _correlation_of_nothing(index: Index, link: Resource, name: str) -> Iterator[Diagnostic]:
    shares = _directions(link, name, _SHARES[name])
    if shares and any(share.correlation_percent and share.percent in {0, 100} for share in shares):
        yield index.finding(
            "GTS045",
            f"link {shown(link.id)}: the correlation of {shown(name)} does nothing, because no packet or every packet "
            "is affected",
            place_of(link, name),
        )


def _directions(link: Resource, name: str, parse: Callable[[Value], _Parsed]) -> tuple[_Parsed, _Parsed] | None:
    """Return an attribute's values in both directions; None if it is missing, or wrong, which another rule reports."""
    if name not in link.attributes:
        return None
    try:
        return each_direction(parse, link.attributes[name])
    except ValueError:
        return None


def _pair(index: Index, code: str, link: Resource, names: tuple[str, str], sentence: str) -> Diagnostic:
    """Return a finding about two attributes of a link, at the first one."""
    first, second = names
    return index.finding(
        code,
        f"link {shown(link.id)}{sentence}",
        place_of(link, first),
        note=(f"the {second} is here", place_of(link, second)),
    )
