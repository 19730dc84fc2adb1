"""The loss of a circuit: independent, correlated, or in bursts, as tc-netem has it."""

from __future__ import annotations

from dataclasses import dataclass

from gtsdsl.model.units import parse_percent
from gtsdsl.model.values import Value, describe

_MODEL = "gemodel"
_FORMS = '"0.1%", "1% 25%" (with a correlation) or "gemodel 1% 10%" (in bursts)'


@dataclass(frozen=True, slots=True)
class Bursts:
    """A channel with a good and a bad state (Gilbert, 1960; Elliott, 1963), as tc-netem's ``gemodel``, in percent.

    With each packet, the good state becomes bad with ``to_bad_percent`` and the bad one good with ``to_good_percent``.
    A packet is lost with ``bad_percent`` in the bad state and ``good_percent`` in the good one.
    """

    to_bad_percent: float
    to_good_percent: float = 100.0
    bad_percent: float = 100.0
    good_percent: float = 0.0

    @property
    def mean_percent(self) -> float:
        """The part of all packets that is lost in the long run: the losses of the states by their shares.

        The bad state's share is ``to_bad / (to_bad + to_good)``. A channel that never leaves a state stays in the good
        one, in which it starts.
        """
        changes = self.to_bad_percent + self.to_good_percent
        bad = self.to_bad_percent / changes if changes else 0.0
        return round(bad * self.bad_percent + (1 - bad) * self.good_percent, 6)


@dataclass(frozen=True, slots=True)
class Loss:
    """The loss of one direction: ``percent`` of the packets in the long run.

    With ``correlation_percent``, a packet's chance depends by this part on that of the packet before. With ``bursts``,
    the channel decides, and there is no correlation.
    """

    percent: float = 0.0
    correlation_percent: float = 0.0
    bursts: Bursts | None = None


NO_LOSS = Loss()


def parse_loss(value: Value) -> Loss:
    """Return a loss: ``"1%"``, ``"1% 25%"`` or ``"gemodel 1% 10% 70% 0.1%"``, in the words of tc-netem.

    The numbers of ``gemodel`` are tc's ``p``, ``r`` (100 % if it is missing), ``1-h`` (100 %) and ``1-k`` (0 %).

    Raises:
        ValueError: the value is no loss; the message says why.
    """
    words = value.replace(" %", "%").split() if isinstance(value, str) else []
    if words and words[0] == _MODEL:
        if not 2 <= len(words) <= 5:
            raise ValueError(f'{describe(value)} is not a loss in bursts; write "gemodel 1% 10%"')
        bursts = Bursts(*map(parse_percent, words[1:]))
        return Loss(bursts.mean_percent, bursts=bursts)
    if not 1 <= len(words) <= 2:
        raise ValueError(f"{describe(value)} is not a loss; write it as {_FORMS}")
    percent, correlation_percent = (*map(parse_percent, words), 0.0)[:2]
    return Loss(percent, correlation_percent)
