"""The sites of the GÉANT Testbeds Service."""

from __future__ import annotations

from collections.abc import Mapping

from gtsdsl.circuits.model import Circuits, Site

# The coordinates are those of the cities, to 0.01° (about a kilometre), because no PoP's address is published. The
# estimates of delays are far less exact.
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


def site(code: str, custom: Circuits | None = None) -> Site | None:
    """Return the site with a code or alias, in upper or lower case; None if no such site is known.

    The user's own sites in ``custom`` take precedence over the shipped ones.
    """
    wanted = code.strip().upper()
    if custom is not None and wanted in custom.named_sites:
        return custom.named_sites[wanted]
    return _SHIPPED.get(wanted)


def canonical(code: str, custom: Circuits | None = None) -> str:
    """Return the canonical code of a site; for an unknown site, the given code in capitals."""
    known = site(code, custom)
    return known.code if known else code.strip().upper()
