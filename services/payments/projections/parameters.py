"""Dated parameter sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Recorded
from contracts.events.parameters import ParameterSetApproved, ParameterSetProposed, ParameterSetWithdrawn
from services.payments import tables
from services.payments.domain.parameters.proposing import SetStatus

Decision = ParameterSetApproved | ParameterSetWithdrawn
_OF_SET = frozenset({ParameterSetProposed, ParameterSetApproved, ParameterSetWithdrawn})


async def parameter_sets(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    events = [r for r in recorded if type(r.event) in _OF_SET]
    if not events:
        return
    found = {r.event.set_id: _proposed(r, r.event) for r in events if isinstance(r.event, ParameterSetProposed)}
    decided = {r.event.set_id: _decided(r, r.event) for r in events if isinstance(r.event, Decision)}
    if earlier := decided.keys() - found.keys():
        query = sa.select(tables.parameter_sets).where(rows.matching(tables.parameter_sets.c.set_id, earlier))
        found |= {row["set_id"]: dict(row) for row in (await conn.execute(query)).mappings()}
    changed = [row | decided.get(set_id, {}) for set_id, row in found.items()]
    await rows.upsert(conn, tables.parameter_sets, changed)


def _proposed(recorded: Recorded, event: ParameterSetProposed) -> dict[str, Any]:
    return {
        "set_id": event.set_id,
        "kind": event.kind,
        "subject": event.subject,
        "number": event.number,
        "version": event.set_version,
        "valid_from": event.valid_from,
        "source": event.source,
        "value": dict(event.value),
        "status": str(SetStatus.PROPOSED),
        "proposed_by": recorded.envelope.actor,
        "proposed_at": recorded.envelope.occurred_at,
        "decided_by": None,
        "decided_at": None,
        "reason": None,
    }


def _decided(recorded: Recorded, event: Decision) -> dict[str, Any]:
    reason = event.reason if isinstance(event, ParameterSetWithdrawn) else None
    return {
        "status": str(SetStatus.APPROVED if reason is None else SetStatus.WITHDRAWN),
        "decided_by": recorded.envelope.actor,
        "decided_at": recorded.envelope.occurred_at,
        "reason": reason,
    }
