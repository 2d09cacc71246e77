"""What a month stands at in a state that was built anew: who was stated what for it, and which bills paid it.

Such tables have no index but their primary keys, so everything is read in one pass.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from contracts.values import ContributionMonth, WadahId
from services.payments.domain.bill import BillStatus
from services.payments.queries.incentives import Run, run_of
from services.payments.tables import bills, payers, refunds
from services.payments.tables.incentives import incentive_entries, incentive_runs, wadah_entries

_PAGE = 1_000


class StatedAgent(NamedTuple):
    """`agent`: what the statements say he has of a month, and `most`: how many he had acquired in it at most, in any of them."""

    agent_id: UUID
    wadah_id: WadahId
    agent: int
    most: int


async def newest_completed_run(conn: AsyncConnection) -> Run | None:
    """None before the first."""
    asked = sa.select(sa.func.max(incentive_runs.c.month)).where(incentive_runs.c.completed_at.is_not(None))
    month = (await conn.execute(asked)).scalar()
    return None if month is None else await run_of(conn, ContributionMonth.parse(month))


async def stated_agents(conn: AsyncConnection, month: ContributionMonth, seen: Run) -> list[StatedAgent]:
    """By id, everybody of whose month the statements up to this run say something."""
    e = incentive_entries
    most = sa.func.max(e.c.acquisitions).over(partition_by=e.c.agent_id).label("most")
    query = (
        sa.select(e.c.agent_id, e.c.wadah_id, e.c.agent, most)
        .ext(distinct_on(e.c.agent_id))
        .where(e.c.month == str(month), e.c.run <= str(seen.month))
        .order_by(e.c.agent_id, e.c.run.desc())
    )
    return [StatedAgent(r.agent_id, WadahId(r.wadah_id), r.agent, r.most) for r in await conn.execute(query)]


async def stated_shares(conn: AsyncConnection, month: ContributionMonth, seen: Run) -> dict[WadahId, int]:
    """By Wadah, its own share of the month in the statements up to this run."""
    e = wadah_entries
    query = (
        sa.select(e.c.wadah_id, e.c.share)
        .ext(distinct_on(e.c.wadah_id))
        .where(e.c.month == str(month), e.c.run <= str(seen.month))
        .order_by(e.c.wadah_id, e.c.run.desc())
    )
    return {WadahId(r.wadah_id): r.share for r in await conn.execute(query)}


async def bills_paid(conn: AsyncConnection, month: ContributionMonth) -> AsyncIterator[Sequence[sa.Row[Any]]]:
    """Pages of the bills whose payment stands and was for this month among others, by id; not what was given back of it."""
    holds = sa.func.jsonb_build_array(sa.func.jsonb_build_object("month", str(month)))
    given_back = sa.exists().where(refunds.c.payment_id == bills.c.payment_id, refunds.c.months.contains(holds))
    query = (
        sa.select(bills)
        .where(bills.c.status == str(BillStatus.PAID), bills.c.months.contains(holds), sa.not_(given_back))
        .order_by(bills.c.bill_id)
    )
    found = await conn.stream(query.execution_options(yield_per=_PAGE))
    async for page in found.partitions():
        yield page


async def priced_by(conn: AsyncConnection, participants: Collection[UUID]) -> dict[UUID, sa.RowMapping]:
    """Of each participant, as noted now, what a bill is priced by."""
    asked = sa.select(payers.c.participant_id, payers.c.income, payers.c.sector, payers.c.programmes)
    found = await conn.execute(asked.where(rows.matching(payers.c.participant_id, participants)))
    return {row["participant_id"]: row for row in found.mappings()}
