"""A day that a partner owes for and has paid nothing of gets its case after some days: nobody would miss money that never comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from chassis.outcomes import Done
from chassis.records import Outcome
from chassis.timers import Due
from chassis.transaction import Tx
from services.payments.commands.settlement import STREAM
from services.payments.commands.settlement.gap import DayBook
from services.payments.queries.settlement import PartnerDay


async def note_overdue(tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
    """Keys are those of the days in stream `reconciliation`."""
    places = [_place(item.key) for item in items]
    await tx.heads(STREAM, {item.key for item in items})
    book = await DayBook.load(tx, set(places))
    for place, item in zip(places, items, strict=True):
        if book.days[place].gap > 0:
            book.note_gap(place, item.meta)
    return [Done() for _ in items]


def _place(key: str) -> PartnerDay:
    partner, _, day = key.rpartition(":")
    return partner, date.fromisoformat(day)
