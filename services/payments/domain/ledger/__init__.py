"""The ledger holds transfers between named accounts; none is ever edited. Each part has its lines in a file of its own."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.event import Event
from services.payments.domain.ledger import astray, contributions, groups, incentives, settlements
from services.payments.domain.ledger.accounts import (
    CONTRIBUTIONS,
    JHT,
    JKK,
    JKM,
    STANDING,
    SUSPENSE,
    Lines,
    Transfer,
    bank,
    clearing,
    fees,
)

_LINES: Lines = {
    **contributions.LINES,
    **groups.LINES,
    **settlements.LINES,
    **astray.LINES,
    **incentives.LINES,
}

MOVES_MONEY = frozenset(_LINES)
"""The events that `transfers` has lines for, by exact class."""


def transfers(event: Event) -> Sequence[Transfer]:
    """The ledger lines of one event, in a fixed order; none for an event that moves no money."""
    lines = _LINES.get(type(event))
    return () if lines is None else lines(event)


__all__ = [
    "CONTRIBUTIONS",
    "JHT",
    "JKK",
    "JKM",
    "MOVES_MONEY",
    "STANDING",
    "SUSPENSE",
    "Transfer",
    "bank",
    "clearing",
    "fees",
    "transfers",
]
