"""Statements of agents, a chunk of them in one transaction: computed from the payments that stand, and issued once.

A run that was killed goes on where it stood: the statement itself is the mark that it was issued, and its key arbitrates. Whose Wadah has its
own, or whose run has ended, gets none: it would be in no payout, and the month comes as an adjustment of the next run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from chassis.outcomes import Done, Failed
from chassis.records import Outcome
from chassis.timers import Due
from chassis.transaction import Scope, Tx
from contracts.events.incentives import Earnings, IncentiveStatementIssued
from contracts.values import AgentId, ContributionMonth
from services.payments.commands.incentives.turns import beside_others
from services.payments.domain.incentives.dropping import fell_due
from services.payments.domain.incentives.earning import NO_EARNINGS
from services.payments.domain.incentives.lines import NOTHING, Lines, Paid, earned_in
from services.payments.domain.incentives.statements import Before, Carried, Month, statement
from services.payments.domain.incentives.workers import Worker
from services.payments.domain.parameters import Sets
from services.payments.domain.parameters.incentives import IncentiveSet, drop_rule
from services.payments.domain.parameters.kinds import Dated
from services.payments.parameters import Parameters
from services.payments.queries import incentives as queries
from services.payments.queries import incentives_issued as before
from services.payments.queries import incentives_paid as money
from services.payments.queries.incentives import AgentMonth

STREAM = "incentives"


@dataclass(frozen=True, slots=True)
class IssueStatements:
    """The use case of the timer; a key is an agent and the month of the open run."""

    parameters: Parameters
    __name__ = "issue_incentive_statements"

    async def __call__(self, tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
        sets = await self.parameters.sets(tx.conn)
        await beside_others(tx)
        await tx.heads(STREAM, {item.key for item in items})
        months = {month for _, month in map(parsed, items)}
        desks = {month: await _Desk.load(tx, sets, month, items) for month in months}
        return [desks[parsed(item)[1]].serve(item) for item in items]


def parsed(item: Due) -> tuple[UUID, ContributionMonth]:
    """Whose statement, and of which month, a key asks for."""
    owner, _, month = item.key.partition(":")
    return UUID(owner), ContributionMonth.parse(month)


@dataclass(slots=True)
class _Desk:
    """What the statements of one chunk are made of."""

    tx: Tx
    sets: Sets
    run: queries.Run
    workers: Mapping[AgentId, Worker]
    issued: set[UUID]
    carried: Mapping[AgentId, Carried]
    paid: Mapping[AgentMonth, list[Paid]]
    review: Mapping[AgentId, list[ContributionMonth]]
    earned: Mapping[AgentMonth, Earnings] = field(default_factory=dict)
    lines: Mapping[AgentMonth, Lines] = field(default_factory=dict)

    @classmethod
    async def load(cls, tx: Tx, sets: Sets, month: ContributionMonth, items: Sequence[Due]) -> _Desk:
        """A fixed number of statements for any number of agents; two more when closed months are computed anew."""
        run = await queries.run_of(tx.conn, month)
        assert run is not None, "a key is due only while its run is open"
        workers = await queries.workers(tx.conn, {parsed(item)[0] for item in items})
        wadah = {worker.agreements.wadah_id for worker in workers.values()}
        issued = await before.issued(tx.conn, list(workers), wadah, month)
        carried = await before.carried_before(tx.conn, list(workers), month)
        last_months = _last_months(workers, run.closed_at)
        spread = {agent for agent, worker in workers.items() if worker.agreements.may_spread(sets)}
        review = await money.months_to_review(tx.conn, workers, run, last_months, spread)
        own = [(agent, month) for agent in workers if agent not in issued]
        paid = await money.paid_in(tx.conn, [*own, *review], spread)
        anew: defaultdict[AgentId, list[ContributionMonth]] = defaultdict(list)
        for agent, closed in review:
            anew[agent].append(closed)
        desk = cls(tx, sets, run, workers, issued, carried, paid, anew)
        if review:
            desk.earned = await before.earned_before(tx.conn, review)
            desk.lines = await before.lines_before(tx.conn, review)
        return desk

    def serve(self, item: Due) -> Outcome:
        agent_id = AgentId(parsed(item)[0])
        worker = self.workers.get(agent_id)
        if worker is None:
            return Failed("unknown_agent")
        summed = self.run.completed_at is not None or worker.agreements.wadah_id in self.issued
        if agent_id not in self.issued and not summed:
            self._issue(worker, item)
            self.issued.add(agent_id)
        return Done()

    def _issue(self, worker: Worker, item: Due) -> None:
        own = self._month(worker, self.run.month)
        earlier = [self._month(worker, month) for month in self.review.get(worker.agent_id, ())]
        if not worker.has_rights_at(self.run.statements_at):
            own, earlier = replace(own, payments=()), []  # what was paid before is taken back by a decided case alone
        carried = self.carried.get(worker.agent_id, Carried())
        scope = Scope(worker.agreements.branch_id, worker.agreements.wadah_id, worker.agent_id)
        drop = drop_rule(self.sets, self.run.month)
        events = statement(
            worker,
            own,
            earlier,
            carried,
            drop_months=drop.value.months,
            closed_at=self.run.closed_at,
        )
        for event in events:
            self.tx.record(event, key=item.key, meta=item.meta, scope=scope, rules=own.rules.version)
        if isinstance(issued := events[-1], IncentiveStatementIssued) and (fact := fell_due(issued, carried.without)):
            self.tx.record(fact, key=item.key, meta=item.meta, scope=scope, rules=drop.version)

    def _month(self, worker: Worker, month: ContributionMonth) -> Month:
        agreements, key = worker.agreements, (worker.agent_id, month)

        def rules(of: ContributionMonth) -> Dated[IncentiveSet]:
            return agreements.rules_in(self.sets, of)

        return Month(
            month=month,
            rules=rules(month),
            payments=earned_in(month, self.paid.get(key, ()), lambda came: rules(came).value.recognition),
            before=Before(self.lines.get(key, NOTHING), self.earned.get(key, NO_EARNINGS)),
        )


def _last_months(workers: Mapping[AgentId, Worker], closed_at: datetime) -> dict[AgentId, ContributionMonth]:
    """Of agents whose last agreement had ended by the closing: the last contribution month they manage."""
    found = {agent: worker.agreements.last_month_at(closed_at) for agent, worker in workers.items()}
    return {agent: month for agent, month in found.items() if month is not None}
