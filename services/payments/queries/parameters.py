"""Dated parameter sets: for deciding on one, for whoever asks what is law, for people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from contracts.values import ParameterSetId
from services.payments.domain.parameters.proposing import ParameterSet, SetStatus
from services.payments.tables import parameter_sets


async def keys_of(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[UUID, tuple[str, str | None]]:
    """(kind, subject) of these sets: what to read heads and state of, nothing to decide on."""
    columns = (parameter_sets.c.set_id, parameter_sets.c.kind, parameter_sets.c.subject)
    found = await conn.execute(sa.select(*columns).where(rows.matching(parameter_sets.c.set_id, wanted)))
    return {row.set_id: (row.kind, row.subject) for row in found}


async def sets_of(conn: AsyncConnection, kinds: Collection[str]) -> list[ParameterSet]:
    """All sets of these kinds, whoever's, in the order of their numbers."""
    query = sa.select(parameter_sets).where(rows.matching(parameter_sets.c.kind, kinds))
    return [_set(row) for row in (await conn.execute(query.order_by(parameter_sets.c.number))).mappings()]


async def approved(conn: AsyncConnection) -> Sequence[Mapping[Any, Any]]:
    """Every approved set; of one day in the order of approval."""
    columns = parameter_sets.c
    order = (columns.kind, columns.subject, columns.valid_from, columns.decided_at, columns.number)
    query = sa.select(parameter_sets).where(columns.status == str(SetStatus.APPROVED)).order_by(*order)
    return (await conn.execute(query)).mappings().all()


async def history(conn: AsyncConnection, kind: str, subject: str | None) -> Sequence[Mapping[Any, Any]]:
    """Every set ever proposed of a kind for this subject (None: for everybody), newest day first."""
    columns = parameter_sets.c
    query = sa.select(parameter_sets).where(columns.kind == kind, columns.subject.is_not_distinct_from(subject))
    return (await conn.execute(query.order_by(columns.valid_from.desc(), columns.number.desc()))).mappings().all()


async def history_of_all(conn: AsyncConnection, kind: str) -> Sequence[Mapping[Any, Any]]:
    """As `history`, for everybody and for every subject."""
    columns = parameter_sets.c
    query = sa.select(parameter_sets).where(columns.kind == kind)
    return (await conn.execute(query.order_by(columns.valid_from.desc(), columns.number.desc()))).mappings().all()


async def open_proposals(conn: AsyncConnection) -> Sequence[Mapping[Any, Any]]:
    """What waits for a second person, the oldest first."""
    columns = parameter_sets.c
    query = sa.select(parameter_sets).where(columns.status == str(SetStatus.PROPOSED))
    return (await conn.execute(query.order_by(columns.proposed_at, columns.set_id))).mappings().all()


def _set(row: Mapping[Any, Any]) -> ParameterSet:
    proposed = ("kind", "subject", "number", "version", "valid_from", "source", "value", "proposed_by")
    names = (*proposed, "decided_by", "decided_at")
    return ParameterSet(
        set_id=ParameterSetId(row["set_id"]),
        status=SetStatus(row["status"]),
        **{name: row[name] for name in names},
    )
