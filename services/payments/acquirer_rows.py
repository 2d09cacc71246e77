"""How an acquirer lies in its table: the one place that turns rows into `Acquirer` and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from contracts.events.acquirers import CredentialKind
from services.payments.domain.acquirers import Acquirer, Credential, Use
from services.payments.tables import acquirers


async def load_acquirers(conn: AsyncConnection, names: Collection[str] | None = None) -> dict[str, Acquirer]:
    """These acquirers by name, else all of them: a handful."""
    query = sa.select(acquirers).order_by(acquirers.c.partner)
    if names is not None:
        query = query.where(rows.matching(acquirers.c.partner, names))
    return {row["partner"]: _acquirer(row) for row in (await conn.execute(query)).mappings()}


def acquirer_row(acquirer: Acquirer) -> dict[str, Any]:
    """The whole row of `acquirers`."""
    return {
        "partner": acquirer.partner,
        "url": acquirer.url,
        "client_key": acquirer.client_key,
        "partner_id": acquirer.partner_id,
        "channel_id": acquirer.channel_id,
        "merchant_id": acquirer.merchant_id,
        "rank": acquirer.rank,
        "credentials": [
            {
                "credential_id": str(one.credential_id),
                "kind": str(one.kind),
                "use": str(one.use),
                "public_key": one.public_key,
                "until": None if one.until is None else one.until.isoformat(),
            }
            for one in acquirer.credentials
        ],
    }


def _acquirer(row: Mapping[Any, Any]) -> Acquirer:
    return Acquirer(
        partner=row["partner"],
        url=row["url"],
        client_key=row["client_key"],
        partner_id=row["partner_id"],
        channel_id=row["channel_id"],
        merchant_id=row["merchant_id"],
        rank=row["rank"],
        credentials=tuple(
            Credential(
                UUID(one["credential_id"]),
                CredentialKind(one["kind"]),
                Use(one["use"]),
                one["public_key"],
                None if one["until"] is None else datetime.fromisoformat(one["until"]),
            )
            for one in row["credentials"]
        ),
    )
