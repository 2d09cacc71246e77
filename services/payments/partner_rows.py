"""How a partner lies in its table: the one place that turns rows into `Partner` and back."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from contracts.events.contributions import RepeatProfile, SignatureMode, Strictness
from contracts.events.partners import Conditions
from services.payments.domain.partners import Agreed, LiveSecret, Partner
from services.payments.tables import partner_secrets, partners


async def load_partners(conn: AsyncConnection, names: Collection[str] | None = None) -> dict[str, Partner]:
    """These partners by name, else all of them: a handful."""
    query = sa.select(partners).order_by(partners.c.partner)
    if names is not None:
        query = query.where(rows.matching(partners.c.partner, names))
    return {row["partner"]: _partner(row) for row in (await conn.execute(query)).mappings()}


async def load_secrets(conn: AsyncConnection, names: Collection[str]) -> dict[str, tuple[LiveSecret, ...]]:
    """The client secrets of these partners by id, of each the oldest first; the dead ones too that no housekeeping took yet."""
    found: dict[str, tuple[LiveSecret, ...]] = {}
    if not names:
        return found
    query = sa.select(partner_secrets.c.partner, partner_secrets.c.secret_id, partner_secrets.c.until)
    query = query.where(rows.matching(partner_secrets.c.partner, names)).order_by(partner_secrets.c.secret_id)
    for row in await conn.execute(query):
        found[row.partner] = (*found.get(row.partner, ()), LiveSecret(UUID(str(row.secret_id)), row.until))
    return found


def partner_row(partner: Partner) -> dict[str, Any]:
    """The whole row of `partners`."""
    return {
        "partner": partner.partner,
        "name": partner.name,
        "client_key": partner.client_key,
        "partner_ids": list(partner.partner_ids),
        "va_prefixes": list(partner.va_prefixes),
        "public_keys": list(partner.public_keys),
        "first_key_until": partner.first_key_until,
        "signature_mode": str(partner.signature_mode),
        "repeat_profile": str(partner.repeat_profile),
        "strictness": partner.strictness.model_dump(mode="json"),
        "agreed": [
            {"valid_from": str(one.valid_from), "conditions": one.conditions.model_dump(mode="json")}
            for one in partner.agreed
        ],
        "disabled_for": partner.disabled_for,
    }


def _partner(row: Mapping[Any, Any]) -> Partner:
    return Partner(
        partner=row["partner"],
        name=row["name"],
        client_key=row["client_key"],
        partner_ids=tuple(row["partner_ids"]),
        va_prefixes=tuple(row["va_prefixes"]),
        public_keys=tuple(row["public_keys"]),
        first_key_until=row["first_key_until"],
        signature_mode=SignatureMode(row["signature_mode"]),
        repeat_profile=RepeatProfile(row["repeat_profile"]),
        strictness=Strictness.model_validate_json(json.dumps(row["strictness"])),
        agreed=tuple(
            Agreed(date.fromisoformat(one["valid_from"]), Conditions.model_validate_json(json.dumps(one["conditions"])))
            for one in row["agreed"]
        ),
        disabled_for=row["disabled_for"],
    )
