"""Tokens (service 73): opaque and random, stored hashed, each dead after its time by the wall clock."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Tx
from services.payments.tables import snap_tokens


@dataclass(frozen=True, slots=True)
class KeepToken:
    """A token that was just drawn; only its hash is stored."""

    partner: str
    hash: bytes
    expires_at: datetime


def token_hash(token: str) -> bytes:
    """What stands for a token at rest."""
    return hashlib.sha256(token.encode()).digest()


async def keep_tokens(tx: Tx, items: Sequence[KeepToken], /) -> list[None]:
    """Makes the tokens known to every process of the service."""
    new = [{"hash": item.hash, "partner": item.partner, "expires_at": item.expires_at} for item in items]

    async def store(conn: AsyncConnection) -> None:
        await rows.insert(conn, snap_tokens, new)

    tx.defer(store)
    return [None for _ in items]
