"""The sites of the GÉANT Testbeds Service, and from any way of writing a code to its site."""

from __future__ import annotations

from collections.abc import Mapping

from gtsdsl.circuits.model import Circuits, Site

# Coordinates are those of the cities, to 0.01° (about a kilometre): no PoP's address is published, and the delays
# below are no better than that by far.
SITES: tuple[Site, ...] = (
    Site("AMS", "Amsterdam", "Netherlands", 52.37, 4.90),
    Site("BRA", "Bratislava", "Slovakia", 48.15, 17.11),
    Site("CPH", "Copenhagen", "Denmark", 55.68, 12.57),
    Site("ERL", "Erlangen", "Germany", 49.60, 11.00),
    Site("HAM", "Hamburg", "Germany", 53.55, 9.99),
    Site("LJU", "Ljubljana", "Slovenia", 46.06, 14.51),
    Site("LON", "London", "United Kingdom", 51.51, -0.13),
    Site("MAD", "Madrid", "Spain", 40.42, -3.70),
    Site("MIL", "Milan", "Italy", 45.46, 9.19),
    Site("PAR", "Paris", "France", 48.86, 2.35),
    Site("PRA", "Prague", "Czechia", 50.08, 14.44, aliases=("PRG",)),
)

_SHIPPED: Mapping[str, Site] = {code: site for site in SITES for code in (site.code, *site.aliases)}


def site(code: str, own: Circuits | None = None) -> Site | None:
    """The site of a code or one of its aliases, in either case; None if nothing is known of it.

    A site in the user's ``own`` file goes before a shipped one.
    """
    wanted = code.strip().upper()
    if own is not None and wanted in own.named_sites:
        return own.named_sites[wanted]
    return _SHIPPED.get(wanted)


def canonical(code: str, own: Circuits | None = None) -> str:
    """The one spelling of a site's code; of a site that is not known, its code in capitals."""
    known = site(code, own)
    return known.code if known else code.strip().upper()
