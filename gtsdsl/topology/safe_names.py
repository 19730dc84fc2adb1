"""Ids of any characters to unique names that a tool takes: plain ids stay as they are, others become like them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import count


def safe_names(
    ids: Iterable[str],
    *,
    pattern: str,
    limit: int,
    reserved: Collection[str] = (),
    filler: str = "_",
    stem: str = "n",
    fold_case: bool = False,
) -> dict[str, str]:
    """A name for each id: unique, matching ``pattern``, at most ``limit`` characters, none of ``reserved``.

    An id that is such a name already keeps it. Of another, what is neither an ASCII letter nor a digit becomes
    ``filler``, and of one that is too long the middle goes; what is then still no name, or taken, becomes ``stem`` or
    its own beginning with a number. With ``fold_case``, names that differ in case alone count as one. The order of the
    ids decides, nothing else.
    """
    ids = list(dict.fromkeys(ids))
    plain = re.compile(pattern)

    def key(name: str) -> str:
        return name.lower() if fold_case else name

    taken = {key(name) for name in reserved}
    names: dict[str, str] = {}
    for wanted in ids:
        if len(wanted) <= limit and plain.fullmatch(wanted) and key(wanted) not in taken:
            names[wanted] = wanted
            taken.add(key(wanted))
    next_number: dict[tuple[str, int], int] = {}  # by beginning and number of digits, so that no search starts anew

    def numbered(likeness: str) -> str:
        for digits in count(1):
            beginning = likeness[: limit - digits]
            counter = key(beginning), digits
            for number in range(next_number.get(counter, 10 ** (digits - 1)), 10**digits):
                next_number[counter] = number + 1
                name = f"{beginning}{number}"
                if key(name) not in taken:
                    return name
        raise AssertionError("the numbers do not end")

    for wanted in ids:
        if wanted in names:
            continue
        likeness = re.sub(r"[^A-Za-z0-9]+", filler, wanted[: 2 * limit] + wanted[2 * limit :][-limit:]).strip(filler)
        if len(likeness) > limit:
            # the number at the end stays: it tells `webserver01` from `webserver02`
            number = likeness[len(likeness.rstrip("0123456789")) :][-(limit // 2) :]
            likeness = likeness[: limit - len(number)] + number
        if not plain.fullmatch(likeness):
            likeness = stem
        # a bare stem is never a name by itself: `n` says less than `n1`
        name = numbered(likeness) if likeness == stem or key(likeness) in taken else likeness
        names[wanted] = name
        taken.add(key(name))
    return {wanted: names[wanted] for wanted in ids}
