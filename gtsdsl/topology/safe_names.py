"""Unique names for ids of any characters, within the rules of a tool."""

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
    """Return a unique name for each id: it matches ``pattern``, has at most ``limit`` characters and is not reserved.

    An id that is such a name is its own name. In other ids, each run of characters other than ASCII letters and digits
    becomes ``filler``, and the middle of a long id is left out. If the result is not such a name or is taken, its
    beginning or ``stem`` gets a number. With ``fold_case``, names that differ only in case count as equal. The same
    ids in the same order always have the same names.
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
    next_number: dict[
        tuple[str, int], int
    ] = {}  # by beginning and number of digits, so that each search goes on where the last one ended

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
            # keep the number at the end, by which `webserver01` and `webserver02` differ
            number = likeness[len(likeness.rstrip("0123456789")) :][-(limit // 2) :]
            likeness = likeness[: limit - len(number)] + number
        if not plain.fullmatch(likeness):
            likeness = stem
        # a stem always gets a number: `n1` says more than `n`
        name = numbered(likeness) if likeness == stem or key(likeness) in taken else likeness
        names[wanted] = name
        taken.add(key(name))
    return {wanted: names[wanted] for wanted in ids}
