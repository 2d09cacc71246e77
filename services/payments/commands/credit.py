"""Granting carry-forward credit: once a day everybody is looked at who paid a month in full that the law of the day discounts.

A set may come into force after its months were paid, and a bill of the day before be paid the day after: so every day, not once per set.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.outcomes import Done
from chassis.records import Outcome
from chassis.timers import Due
from chassis.transaction import Tx
from contracts.values import ParticipantId
from services.payments.commands.payer_book import STREAM, PayerBook
from services.payments.domain.credit import grants
from services.payments.domain.parameters import CONTRIBUTION, day_of
from services.payments.domain.paying import Posted
from services.payments.parameters import Parameters
from services.payments.queries import credit as queries
from services.payments.queries import deciding
from services.payments.tables import credit_passes

TIMER = "carry-forward"
_PASSED = "passed:"


class GrantCredits:
    """Due query and use case of the timer. A process goes on where it stood; a new one begins the day's pass anew, which grants nothing twice."""

    __name__ = "grant_credits"

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._after: UUID | None = None

    async def due(self, conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
        """The next payers of today's pass; at its end the day itself, and then nothing until tomorrow."""
        day = day_of(now)
        if await queries.is_passed(conn, day):
            return []
        rules = (await self._parameters.sets(conn)).on(CONTRIBUTION, day)
        found = await queries.overpaid(conn, rules, after=self._after, timer=TIMER, now=now, limit=limit)
        return [str(participant_id) for participant_id in found] or [f"{_PASSED}{day}"]

    async def __call__(self, tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
        rules = (await self._parameters.sets(tx.conn)).set_on(CONTRIBUTION, day_of(tx.now))
        participants = {ParticipantId(UUID(item.key)) for item in items if not item.key.startswith(_PASSED)}
        await tx.heads(STREAM, participants)
        paid: defaultdict[ParticipantId | None, list[Posted]] = defaultdict(list)
        for payment in await queries.standing_payments(tx.conn, participants):
            paid[payment.participant_id].append(payment)
        bills = {payment.bill_id for theirs in paid.values() for payment in theirs if payment.bill_id is not None}
        book = PayerBook(tx, await deciding.payers_with_live_bills(tx.conn, participants, tx.now, bills))
        for item in items:
            if item.key.startswith(_PASSED):
                self._pass(tx, date.fromisoformat(item.key.removeprefix(_PASSED)))
            elif (kept := book.get(ParticipantId(UUID(item.key)))) is not None:
                granted = grants(kept.payer, paid[kept.payer.participant_id], rules.value)
                book.record(kept, granted, meta=item.meta, rules=rules.version)
        if participants:
            tx.after_commit(lambda: self._go_on(max(participants)))
        return [Done() for _ in items]

    def _pass(self, tx: Tx, day: date) -> None:
        async def store(conn: AsyncConnection) -> None:
            await rows.keep(conn, credit_passes, [{"day": day}])

        tx.defer(store)
        tx.after_commit(lambda: self._go_on(None))

    def _go_on(self, after: UUID | None) -> None:
        self._after = after
