"""Whose things a principal may see: one rule, in SQL and in memory. A foreign thing and an unknown thing are the same
404.

A principal with several roles sees the union. A role whose scope is missing from the token sees nothing.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

import sqlalchemy as sa

from chassis.http.auth import Principal

SEES_ALL: Final = frozenset({"central", "auditor", "operator", "service"})
SCOPED: Final = {
    "officer": "branch_id",
    "checker": "branch_id",
    "coordinator": "wadah_id",
    "agent": "agent_id",
    "participant": "participant_id",
}
"""Role → the attribute of a thing that must be the principal's own."""


def within(principal: Principal, table: sa.FromClause) -> sa.ColumnElement[bool]:
    """The WHERE clause for rows of this table; in the table of the scope itself (no such column) its `id` is
    compared."""
    if principal.roles & SEES_ALL:
        return sa.true()
    owned = []
    for attribute in sorted({SCOPED[role] for role in principal.roles if role in SCOPED}):
        column = table.c.get(attribute, table.c.get("id"))
        value = getattr(principal, attribute)
        if column is not None and value is not None:
            owned.append(column == value)
    return sa.or_(sa.false(), *owned)


def covers(
    principal: Principal,
    *,
    branch_id: UUID | None = None,
    wadah_id: UUID | None = None,
    agent_id: UUID | None = None,
    participant_id: UUID | None = None,
) -> bool:
    """The same rule for a thing already at hand: may this principal see or change it?"""
    if principal.roles & SEES_ALL:
        return True
    thing = {"branch_id": branch_id, "wadah_id": wadah_id, "agent_id": agent_id, "participant_id": participant_id}
    attributes = {SCOPED[role] for role in principal.roles if role in SCOPED}
    return any(thing[a] is not None and thing[a] == getattr(principal, a) for a in attributes)
