"""Ids to texts that any file format can hold, one for one: what a format could trip over becomes its bytes in hex."""

from __future__ import annotations


def escaped(text: str, *, marker: str = "%", unsafe: str = "") -> str:
    """The text with ``marker``, ``unsafe`` and what is not printable as ``%0A``, byte by byte (UTF-8).

    No two texts come out the same. With the marker ``%`` it is the encoding of URLs; ``urllib.parse.unquote`` with
    ``errors="surrogatepass"`` gives the text back.
    """
    bad = set(unsafe + marker)
    if text.isprintable() and bad.isdisjoint(text):
        return text
    return "".join(
        "".join(f"{marker}{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
        if character in bad or not character.isprintable()
        else character
        for character in text
    )
