"""A circuit's effects on packets, for people: jitter, losses, wrong bits, duplicates, overtaking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from gtsdsl.model.distribution import Distribution
from gtsdsl.model.jitter import Jitter, Order
from gtsdsl.model.losses import Loss
from gtsdsl.model.shares import Reorder, Share
from gtsdsl.text import both


class Direction(Protocol):
    """The random effects of one direction of a circuit, as an impairment or an interface's egress has them."""

    @property
    def jitter(self) -> Jitter:
        """The jitter."""

    @property
    def order(self) -> Order | None:
        """The order of packets with random delays; None is the default."""

    @property
    def added(self) -> Distribution | None:
        """Random delays in place of jitter, or None."""

    @property
    def loss(self) -> Loss:
        """The loss."""

    @property
    def corrupt(self) -> Share:
        """Packets with a wrong bit."""

    @property
    def duplicate(self) -> Share:
        """Packets that come twice."""

    @property
    def reorder(self) -> Reorder:
        """Packets that overtake."""


class EffectText(NamedTuple):
    """An effect: its attribute, its figures in both directions, such as ``0/1 %``, and details, such as a shape."""

    name: str
    figure: str
    detail: str

    def __str__(self) -> str:
        """Return the figures and the details."""
        return f"{self.figure} {self.detail}".rstrip()


def effect_texts(there: Direction, back: Direction) -> Iterator[EffectText]:
    """Yield the random effects that a circuit has."""
    ways = (there, back)
    if any(map(_spread_us, ways)):
        figure = both(round(_spread_us(there) / 1000, 6), round(_spread_us(back) / 1000, 6), "ms")
        yield EffectText("jitter", figure, _details(*map(_jitter_detail, ways)))
    shares: tuple[tuple[str, tuple[float, float], tuple[str, str]], ...] = (
        ("loss", (there.loss.percent, back.loss.percent), (_loss_detail(there.loss), _loss_detail(back.loss))),
        *(
            (name, (first.percent, second.percent), (_share_detail(first), _share_detail(second)))
            for name, first, second in (
                ("corrupt", there.corrupt, back.corrupt),
                ("duplicate", there.duplicate, back.duplicate),
                ("reorder", there.reorder, back.reorder),
            )
        ),
    )
    for name, percents, details in shares:
        if any(percents):
            yield EffectText(name, both(*percents, "%"), _details(*details))


def _spread_us(way: Direction) -> float:
    return way.jitter.us if way.added is None else way.added.standard_deviation_us


def _jitter_detail(way: Direction) -> str:
    if not _spread_us(way):
        return ""
    if way.added is not None:
        words = [f"by a table, {way.added.mean_us / 1000:.4g} ms beside the delay"]
    else:
        words = [way.jitter.shape] if way.jitter.shape != "uniform" else []
    words += [] if way.order is None else ["in order" if way.order == "kept" else "in any order"]
    return ", ".join(words + _correlation(way.jitter.correlation_percent))


def _loss_detail(loss: Loss) -> str:
    return "in bursts" if loss.bursts is not None else ", ".join(_correlation(loss.correlation_percent))


def _share_detail(share: Share) -> str:
    gap = [f"gap {share.gap}"] if isinstance(share, Reorder) and share.gap > 1 else []
    return ", ".join(gap + _correlation(share.correlation_percent))


def _correlation(percent: float) -> list[str]:
    return [f"correlated by {percent:g} %"] if percent else []


def _details(there: str, back: str) -> str:
    return "/".join(dict.fromkeys(filter(None, (there, back))))
