"""All parameter sets at one moment: what is law on a day, and under which version.

A set that two people approved and one that the code brings along stand side by side: the newest in force on the day holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from contracts.values import WIB
from services.payments.domain.parameters.kinds import Dated, Kind, V, latest

Approved = Mapping[tuple[str, str | None], tuple[Dated[Any], ...]]
"""(kind, subject) → its approved sets, by day, of one day in the order of their approval."""


class Sets:
    """Never changes: a decision asks one and the same for all it does."""

    def __init__(self, approved: Approved) -> None:
        self._approved = approved

    def on(self, kind: Kind[V], day: date, subject: str | None = None) -> V:
        """What holds on a WIB day. Raises LookupError before the first set."""
        return self.set_on(kind, day, subject).value

    def version_on(self, kind: Kind[V], day: date, subject: str | None = None) -> str:
        """The version of that set. Raises LookupError before the first set."""
        return self.set_on(kind, day, subject).version

    def set_on(self, kind: Kind[V], day: date, subject: str | None = None) -> Dated[V]:
        """The subject's own set, else the one for everybody. Raises LookupError before the first set."""
        own = latest(self._approved.get((kind.name, subject), ()), day) if subject else None
        found = own or self._for_everybody(kind, day)
        if found is None:
            raise LookupError(f"no {kind.name} in force on {day}")
        return found

    def every(self, kind: Kind[V]) -> Iterator[Dated[V]]:
        """All sets of a kind, whoever's and of whatever day, in no order."""
        yield from kind.defaults
        for (name, _), approved in self._approved.items():
            if name == kind.name:
                yield from approved

    def _for_everybody(self, kind: Kind[V], day: date) -> Dated[V] | None:
        approved = latest(self._approved.get((kind.name, None), ()), day)
        default = latest(kind.defaults, day)
        if approved is None or default is None:
            return approved or default
        return approved if approved.valid_from >= default.valid_from else default


DEFAULTS = Sets({})
"""What the code brings along, nothing approved."""


@lru_cache(maxsize=256)
def day_of(instant: datetime) -> date:
    """The WIB day of an aware instant. Kept, as all items of a batch ask for the same one."""
    return instant.astimezone(WIB).date()
