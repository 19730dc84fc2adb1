"""Ids as texts that each format can hold: unsafe characters become their bytes in hexadecimal."""

from __future__ import annotations


def escaped(text: str, *, marker: str = "%", unsafe: str = "") -> str:
    """Return a text in which each unsafe character is replaced by its UTF-8 bytes, such as ``%0A``.

    Unsafe are ``marker``, the characters of ``unsafe``, and characters that are not printable. Different texts have
    different results. With the marker ``%`` this is the encoding of URLs: ``urllib.parse.unquote`` with
    ``errors="surrogatepass"`` decodes it.
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
