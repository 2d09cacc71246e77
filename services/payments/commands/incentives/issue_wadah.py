"""Statements of Wadah, once every agent of theirs has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from chassis.outcomes import Done, Failed
from chassis.records import Outcome
from chassis.timers import Due
from chassis.transaction import Scope, Tx
from contracts.events.incentives import Earnings
from contracts.values import ContributionMonth, WadahId
from services.payments.commands.incentives.issue import STREAM, parsed
from services.payments.commands.incentives.turns import alone
from services.payments.domain.incentives.dropping import end_fell_due, of_wadah
from services.payments.domain.incentives.wadah import AgentsTotals, PayDays, SharedMonth, WadahCarried, wadah_statement
from services.payments.domain.incentives.workers import Agreements
from services.payments.domain.parameters import Sets
from services.payments.domain.parameters.incentives import TAX_BPS, drop_rule
from services.payments.parameters import Parameters
from services.payments.queries import incentives as queries
from services.payments.queries import incentives_issued as before


@dataclass(frozen=True, slots=True)
class IssueWadahStatements:
    """The use case of the timer; a key is a Wadah and the month of the open run."""

    parameters: Parameters
    __name__ = "issue_wadah_statements"

    async def __call__(self, tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
        sets = await self.parameters.sets(tx.conn)
        await alone(tx)
        await tx.heads(STREAM, {item.key for item in items})
        months = {month for _, month in map(parsed, items)}
        desks = {month: await _Desk.load(tx, sets, month, items) for month in months}
        return [desks[parsed(item)[1]].serve(item) for item in items]


@dataclass(slots=True)
class _Desk:
    tx: Tx
    sets: Sets
    run: queries.Run
    wadah: Mapping[WadahId, Agreements]
    totals: Mapping[WadahId, Mapping[Any, Any]]
    carried: Mapping[WadahId, WadahCarried]
    issued: set[WadahId]
    earned: Mapping[WadahId, Mapping[ContributionMonth, Sequence[Earnings]]]
    shares: Mapping[tuple[WadahId, ContributionMonth], int]

    @classmethod
    async def load(cls, tx: Tx, sets: Sets, month: ContributionMonth, items: Sequence[Due]) -> _Desk:
        run = await queries.run_of(tx.conn, month)
        assert run is not None, "a key is due only while its run is open"
        wanted = {parsed(item)[0] for item in items}
        carried, issued = await before.wadah_carried(tx.conn, wanted, month)
        return cls(
            tx,
            sets,
            run,
            await queries.agreements_of_wadah(tx.conn, wanted),
            await before.agents_totals(tx.conn, wanted, month),
            carried,
            issued,
            await before.shared_months(tx.conn, wanted, month),
            await before.shares_before(tx.conn, wanted),
        )

    def serve(self, item: Due) -> Outcome:
        wadah_id = WadahId(parsed(item)[0])
        if wadah_id in self.issued:
            return Done()
        agreements, totals = self.wadah.get(wadah_id), self.totals.get(wadah_id)
        if agreements is None or totals is None:
            return Failed("no_statements")
        self._issue(agreements, totals, item)
        self.issued.add(wadah_id)
        return Done()

    def _issue(self, agreements: Agreements, totals: Mapping[Any, Any], item: Due) -> None:
        months = self.earned[agreements.wadah_id]
        own = self._month(agreements, self.run.month)
        after = self.run.month + 1
        drop = drop_rule(self.sets, self.run.month)
        carried = self.carried.get(agreements.wadah_id, WadahCarried())
        so_far = carried.below_under(agreements.shown_in(self.run.month))
        below = of_wadah(
            agreements.in_month(self.run.month),
            self.run.month,
            totals["acquisitions"],
            so_far,
            drop_months=drop.value.months,
            closed_at=self.run.closed_at,
        )
        event = wadah_statement(
            agreements,
            own,
            [self._month(agreements, month) for month in sorted(months) if month != self.run.month],
            AgentsTotals(totals["statements"], totals["payable"], totals["acquisitions"], totals["received"]),
            carried=carried.balance,
            tax_bps=self.sets.on(TAX_BPS, date(after.year, after.month, 1)).bps,
            days=PayDays(self.run.orders_at, self.run.pay_by),
            below=below,
            drop_months=drop.value.months,
        )
        scope = Scope(agreements.branch_id, agreements.wadah_id)
        self.tx.record(event, key=item.key, meta=item.meta, scope=scope, rules=own.rules.version)
        if fact := end_fell_due(event, so_far):
            self.tx.record(fact, key=item.key, meta=item.meta, scope=scope, rules=drop.version)

    def _month(self, agreements: Agreements, month: ContributionMonth) -> SharedMonth:
        return SharedMonth(
            month=month,
            rules=agreements.rules_in(self.sets, month),
            agents=self.earned[agreements.wadah_id].get(month, ()),
            before=self.shares.get((agreements.wadah_id, month), 0),
        )
