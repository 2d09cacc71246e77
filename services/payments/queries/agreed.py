"""Partners and what proves who they are: read into the registry of a process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.events.contributions import RepeatProfile, SignatureMode, Strictness
from services.payments import tables
from services.payments.domain.partners import Partner


async def partners(conn: AsyncConnection) -> dict[str, Partner]:
    """All partners by name: a handful."""
    found = (await conn.execute(sa.select(tables.partners).order_by(tables.partners.c.partner))).mappings()
    return {row["partner"]: _partner(row) for row in found}


async def partner_secrets(conn: AsyncConnection) -> list[Mapping[Any, Any]]:
    """The encrypted client secrets of all partners."""
    return list((await conn.execute(sa.select(tables.partner_secrets))).mappings().all())


async def token(conn: AsyncConnection, hashed: bytes) -> tuple[str, datetime] | None:
    """The partner of a token and when it dies (wall time); None when there is no such token."""
    query = sa.select(tables.snap_tokens).where(tables.snap_tokens.c.hash == hashed)
    row = (await conn.execute(query)).first()
    return None if row is None else (row.partner, row.expires_at)


def _partner(row: Mapping[Any, Any]) -> Partner:
    return Partner(
        partner=row["partner"],
        name=row["name"],
        client_key=row["client_key"],
        partner_ids=tuple(row["partner_ids"]),
        va_prefixes=tuple(row["va_prefixes"]),
        public_keys=tuple(row["public_keys"]),
        signature_mode=SignatureMode(row["signature_mode"]),
        repeat_profile=RepeatProfile(row["repeat_profile"]),
        strictness=Strictness.model_validate_json(json.dumps(row["strictness"])),
        disabled_for=row["disabled_for"],
    )
