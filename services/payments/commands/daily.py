"""How many payments a number has had on a WIB day through one partner: for the limit that was agreed with it.

Read after the heads of the payers, so two payments of one number meet at the event log. Nothing is read where no limit was agreed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.events.partners import Conditions
from contracts.values import WIB, ParticipantId
from services.payments.domain.paying import Money
from services.payments.domain.snap import codes, hours
from services.payments.queries import deciding


class Daily:
    """Counts of one batch; each payment that it posts is counted at once."""

    def __init__(self, counts: Counter[tuple[str, ParticipantId, date]]) -> None:
        self._counts = counts

    @classmethod
    async def load(
        cls, conn: AsyncConnection, payers: Collection[ParticipantId], asked: Iterable[tuple[str, datetime, Conditions]]
    ) -> Daily:
        """`asked`: partner, transaction time and conditions of each call. No statement when none of them has a limit."""
        limited = [(partner, at) for partner, at, agreed in asked if agreed.most_payments_a_day is not None]
        if not limited or not payers:
            return cls(Counter())
        since = min(at for _, at in limited).astimezone(WIB).replace(hour=0, minute=0, second=0, microsecond=0)
        found = await deciding.payment_times(conn, {partner for partner, _ in limited}, payers, since)
        return cls(Counter((partner, payer, _day(at)) for partner, payer, at in found))

    def bars(self, conditions: Conditions, payer: ParticipantId, money: Money) -> codes.Case | None:
        """403xx04 when the payer has had all the payments of the day."""
        return hours.too_often(conditions, self._counts[money.partner, payer, _day(money.effective_at)])

    def count(self, payer: ParticipantId, money: Money) -> None:
        self._counts[money.partner, payer, _day(money.effective_at)] += 1


def _day(at: datetime) -> date:
    return at.astimezone(WIB).date()
