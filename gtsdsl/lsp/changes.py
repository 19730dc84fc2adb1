"""The difference between an old text and a new one, as one stretch that was replaced."""

from __future__ import annotations

from collections.abc import Callable

from gtsdsl.source import Span


class TextChange:
    """The stretch in which an old and a new text differ; the text before and behind it is the same in both."""

    def __init__(self, old: str, new: str) -> None:
        self._same = len(old) == len(new) and old == new
        shorter = min(len(old), len(new))
        self._before = shorter if self._same else _common(lambda size: old[:size] == new[:size], shorter)
        rest = shorter - self._before
        self._after = 0 if self._same else _common(lambda size: old[len(old) - size :] == new[len(new) - size :], rest)
        self._old, self._new = len(old), len(new)

    def old_offset(self, offset: int) -> int:
        """Return the offset in the old text for one in the new text; for one inside the change, the change's start."""
        if offset <= self._before:
            return offset
        return max(self._before, offset - self._new + self._old) if offset >= self._new - self._after else self._before

    def unchanged_length(self, offset: int) -> int:
        """Return the number of characters before an offset that are the same in both texts."""
        return min(offset, self._before)

    def new_span(self, span: Span) -> Span | None:
        """Return the span in the new text for one in the old text; None if the change touches it."""
        if span.end <= self._before:
            return span
        if span.start >= self._old - self._after:
            moved = self._new - self._old
            return Span(span.start + moved, span.end + moved)
        return None

    @property
    def spans(self) -> tuple[Span, Span]:
        """The change as a span of the old text and a span of the new text."""
        return Span(self._before, self._old - self._after), Span(self._before, self._new - self._after)


def _common(is_same: Callable[[int], bool], limit: int) -> int:
    """Return the greatest size, up to a limit, for which ``is_same`` holds."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if is_same(middle):
            low = middle
        else:
            high = middle - 1
    return low
