"""Acquisition lines with what each is worth, by the sets that their statements name: a set of today says nothing of an issued statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.domain.incentives.heads import Standing, head_pay
from services.payments.domain.parameters import Sets
from services.payments.domain.parameters.incentives import INCENTIVE_NEW, INCENTIVE_OLD, IncentiveSet
from services.payments.tables.incentives import incentive_entries

_Row = Mapping[Any, Any]
_NOTHING = {"per_head": None, "pay": None, "pay_reason": None}
"""Of a contribution line: it is rounded with its whole class, never alone."""


async def with_head_pay(
    conn: AsyncConnection, sets: Sets, agent_id: UUID, run: str, lines: Iterable[_Row]
) -> Sequence[_Row]:
    """These lines of one statement, each with `per_head`, `pay` and `pay_reason`; null for contributions. One statement for all of them."""
    after, before = await _standings(conn, sets, agent_id, run)

    def worth(line: _Row) -> _Row:
        if line["with_jht"] is None:
            return _NOTHING
        standing = (after if line["sign"] > 0 else before)[line["month"]]
        found = head_pay(standing, with_jht=line["with_jht"], sign=line["sign"])
        return {"per_head": found.per_head, "pay": found.pay, "pay_reason": found.reason}

    return [{**line, **worth(line)} for line in lines]


async def _standings(
    conn: AsyncConnection, sets: Sets, agent_id: UUID, run: str
) -> tuple[Mapping[str, Standing], Mapping[str, Standing]]:
    """(as of this run, as of the last one before that spoke of it), by month."""
    e, rules = incentive_entries, _by_version(sets)
    query = sa.select(e).where(e.c.agent_id == agent_id, e.c.run <= run).order_by(e.c.run)
    after, before = dict[str, Standing](), dict[str, Standing]()
    touched = sa.select(e.c.month).where(e.c.agent_id == agent_id, e.c.run == run)
    for row in (await conn.execute(query.where(e.c.month.in_(touched)))).mappings():
        standing = Standing(rules[row["rules"]], row["acquisitions"], row["acquisition_pay"])
        (after if row["run"] == run else before)[row["month"]] = standing
    return after, before


def _by_version(sets: Sets) -> Mapping[str, IncentiveSet]:
    """A set that is in use is never edited, so its version says all of it."""
    return {one.version: one.value for kind in (INCENTIVE_OLD, INCENTIVE_NEW) for one in sets.every(kind)}
