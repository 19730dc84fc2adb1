"""Broken examples, a bounded number of them, bring about findings and nothing else; `python -m tests.fuzz` goes on."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.fuzz import go_through, texts


@pytest.mark.parametrize("seed", range(1000, 1010))
def test_broken_examples(seed: int) -> None:
    for text in islice(texts(seed), 30):
        try:
            go_through(text)
        except Exception as error:
            error.add_note(f"of the text {text!r}")
            raise
