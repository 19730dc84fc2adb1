"""Ids to texts that any file format can hold, one for one: what a format could trip over is percent-encoded."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote


def percent_encoded(text: str, unsafe: Collection[str] = ()) -> str:
    """The text with ``%``, what is not printable, and the characters of ``unsafe`` as in a URL: ``%0A``, ``%25``.

    No two texts come out the same; ``urllib.parse.unquote(…, errors="surrogatepass")`` gives the text back.
    """
    if text.isprintable() and "%" not in text and not any(character in text for character in unsafe):
        return text
    return "".join(
        quote(character, safe="", errors="surrogatepass")
        if character == "%" or character in unsafe or not character.isprintable()
        else character
        for character in text
    )
