"""What agents and their Wadah have of an incentive month: as stated, by the rules in force, and by the supposed ones (domain.md section 7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.problems import FieldError
from contracts.events.incentives import Earnings
from contracts.values import AgentId, ContributionMonth, WadahId
from services.payments.domain.incentives.earning import earnings, share
from services.payments.domain.incentives.lines import Paid, earned_in
from services.payments.domain.incentives.statements import Month, lines_in
from services.payments.domain.incentives.workers import Agreements, Worker
from services.payments.domain.parameters import Sets
from services.payments.domain.parameters.incentives import INCENTIVE_NEW, INCENTIVE_OLD
from services.payments.queries import incentives as queries
from services.payments.queries import what_if as stated
from services.payments.queries.incentives_paid import paid_in
from services.payments.queries.what_if import StatedAgent
from services.payments.what_if.answers import Answer
from services.payments.what_if.supposing import Supposed, SupposedSets, Unanswerable

KINDS = (INCENTIVE_NEW.name, INCENTIVE_OLD.name)
AT_ONCE = 5_000
"""Agents whose payments are in memory together; each such part reads the payments of the whole month once more."""
_PARTS = ("acquisition_pay", "contribution_pay", "carved")


class _Both(NamedTuple):
    was: Earnings
    would: Earnings


class _Ask(NamedTuple):
    """A month, and how it is looked at: `run` is its own, `seen_at` the closing of the newest run whose statements are all out."""

    month: ContributionMonth
    run: queries.Run
    seen_at: datetime
    sets: Sets
    supposed: Sets


async def incentives(
    conn: AsyncConnection, month: ContributionMonth, sets: Sets, supposed: Supposed
) -> AsyncIterator[Answer]:
    """Agents by id, then Wadah. Raises Unanswerable when the month has no statements."""
    run, seen = await queries.run_of(conn, month), await stated.newest_completed_run(conn)
    if run is None or run.completed_at is None or seen is None:
        raise Unanswerable(_no_statements(month))
    ask = _Ask(month, run, seen.closed_at, sets, SupposedSets(sets, supposed, month))
    of_wadah: defaultdict[WadahId, list[_Both]] = defaultdict(list)
    everybody = await stated.stated_agents(conn, month, seen)
    for start in range(0, len(everybody), AT_ONCE):
        for one, both, answer in await _agents(conn, ask, everybody[start : start + AT_ONCE]):
            of_wadah[one.wadah_id].append(both)
            yield answer
    shares = await stated.stated_shares(conn, month, seen)
    for wadah_id, agreements in (await queries.agreements_of_wadah(conn, of_wadah)).items():
        yield _wadah(ask, agreements, of_wadah[wadah_id], shares.get(wadah_id, 0))


async def _agents(
    conn: AsyncConnection, ask: _Ask, some: Sequence[StatedAgent]
) -> list[tuple[StatedAgent, _Both, Answer]]:
    workers = await queries.workers(conn, {one.agent_id for one in some})
    spread = {
        agent
        for agent, worker in workers.items()
        if any(worker.agreements.may_spread(sets) for sets in (ask.sets, ask.supposed))
    }
    paid = await paid_in(conn, [(agent, ask.month) for agent in workers], spread)
    found = list[tuple[StatedAgent, _Both, Answer]]()
    for one in some:
        agent_id = AgentId(one.agent_id)
        worker, payments = workers[agent_id], paid.get((agent_id, ask.month), ())
        if not worker.has_rights_at(ask.run.statements_at):
            payments = ()
        was, would = (worker.agreements.rules_in(sets, ask.month) for sets in (ask.sets, ask.supposed))
        both = _Both(*(_earned(ask, worker, payments, sets, one.most) for sets in (ask.sets, ask.supposed)))
        who = {"role": "agent", "id": str(agent_id), "wadah_id": str(one.wadah_id)}
        parts = {name: (getattr(both.was, name), getattr(both.would, name)) for name in _PARTS}
        sums = (one.agent, both.was.agent, both.would.agent)
        found.append((one, both, Answer(who, (was.version, would.version), *sums, parts)))
    return found


def _earned(ask: _Ask, worker: Worker, payments: Sequence[Paid], sets: Sets, most: int) -> Earnings:
    """A threshold that was reached in any statement is kept, where the set says so."""
    rules = worker.agreements.rules_in(sets, ask.month)
    counted = earned_in(ask.month, payments, lambda came: worker.agreements.rules_in(sets, came).value.recognition)
    lines = lines_in(worker, Month(ask.month, rules, counted), ask.seen_at)
    kept = most >= rules.value.threshold and worker.agreements.in_month(ask.month) is not None
    return earnings(lines, rules.value, reached_before=kept)


def _wadah(ask: _Ask, agreements: Agreements, agents: Sequence[_Both], stated: int) -> Answer:
    was, would = (agreements.rules_in(sets, ask.month) for sets in (ask.sets, ask.supposed))
    then, now = share([both.was for both in agents], was.value), share([both.would for both in agents], would.value)
    paid = (sum(both.was.agent for both in agents), sum(both.would.agent for both in agents))
    who = {"role": "wadah", "id": str(agreements.wadah_id), "wadah_id": str(agreements.wadah_id)}
    return Answer(who, (was.version, would.version), stated, then, now, {"agents": paid})


def _no_statements(month: ContributionMonth) -> FieldError:
    return FieldError(
        "--month",
        "month_without_statements",
        f"Belum ada pernyataan insentif {month} yang lengkap di arsip.",
        f"The archive has no complete statements of {month}.",
    )
