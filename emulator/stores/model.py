"""Where a key-value store runs, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """The location of a key-value store: ``host``, a host of the plan, or ``address`` (``10.0.0.5:2379``).

    A store on a host is started with the overlay; one at an address runs already.
    """

    host: str | None = None
    address: str | None = None

    def __str__(self) -> str:
        return f"the store at {self.address}" if self.address is not None else f"the store on {self.host}"
