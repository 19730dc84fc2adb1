"""The location of a key-value store, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """The location of a key-value store: either on a host or at an address.

    ``host`` is the name of a host in the plan, where the store starts with the overlay. ``address`` is the address and
    the port of a store that runs already (``10.0.0.5:2379``). The other field is None.
    """

    host: str | None = None
    address: str | None = None

    def __str__(self) -> str:
        return f"the store at {self.address}" if self.address is not None else f"the store on {self.host}"
