"""Whose money a principal may look at and act on. A foreign thing and an unknown one are the same 404.

Money whose payer nobody knows belongs to no branch: every branch sees it, as any of them may know the payer.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.http import NOT_FOUND, Principal, allow, within
from chassis.problems import Refusal, Rejected

Maker = Annotated[Principal, Depends(allow("officer", "central"))]
Checker = Annotated[Principal, Depends(allow("checker", "central"))]
Reader = Annotated[Principal, Depends(allow("officer", "checker", "central", "auditor", "operator"))]
PAGE = 200


def in_sight(principal: Principal, table: sa.Table) -> sa.ColumnElement[bool]:
    """What the principal's branch is concerned with, and what belongs to no branch."""
    return sa.or_(within(principal, table), table.c.branch_id.is_(None))


async def must_exist(
    conn: AsyncConnection,
    column: sa.Column[UUID],
    key: UUID,
    *where: sa.ColumnElement[bool],
    field: str | None = None,
) -> None:
    """Raises Refusal `not_found`, about this field of the body, unless there is a row of this key for which all the rest holds."""
    if (await conn.execute(sa.select(column).where(column == key, *where))).first() is None:
        raise Refusal(Rejected(NOT_FOUND, field))
