"""Partners and what proves who they are, acquirers and what proves who we are: read into the registries of a process."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments import tables
from services.payments.acquirer_rows import load_acquirers
from services.payments.domain.acquirers import Acquirer
from services.payments.domain.partners import Partner
from services.payments.partner_rows import load_partners


async def partners(conn: AsyncConnection) -> dict[str, Partner]:
    """All partners by name: a handful."""
    return await load_partners(conn)


async def partner_secrets(conn: AsyncConnection) -> list[Mapping[Any, Any]]:
    """The encrypted client secrets of all partners, of each the oldest first."""
    query = sa.select(tables.partner_secrets).order_by(
        tables.partner_secrets.c.partner, tables.partner_secrets.c.secret_id
    )
    return list((await conn.execute(query)).mappings().all())


async def acquirers(conn: AsyncConnection) -> dict[str, Acquirer]:
    """All acquirers by name: a handful."""
    return await load_acquirers(conn)


async def acquirer_credentials(conn: AsyncConnection) -> dict[UUID, bytes]:
    """Our keys and secrets at all acquirers, encrypted."""
    query = sa.select(tables.acquirer_credentials.c.credential_id, tables.acquirer_credentials.c.sealed)
    return {row.credential_id: row.sealed for row in await conn.execute(query)}


async def token(conn: AsyncConnection, hashed: bytes) -> tuple[str, datetime] | None:
    """The partner of a token and when it dies (wall time); None when there is no such token."""
    query = sa.select(tables.snap_tokens).where(tables.snap_tokens.c.hash == hashed)
    row = (await conn.execute(query)).first()
    return None if row is None else (row.partner, row.expires_at)
