"""What people write about a dispute: encrypted beside the state, in no event and no log, deleted in its time (decision 148)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.privacy.vault import Vault
from chassis.transaction import Tx
from services.payments.tables.incentives import dispute_notes

Word = Literal["note", "answer"]
TABLE: Final = "dispute_notes"


def keep_words(tx: Tx, vault: Vault, word: Word, said: Mapping[UUID, str]) -> None:
    """Stores with the batch what was said of these disputes; the other word of each stays."""
    boxes = {dispute_id: vault.seal(TABLE, word, dispute_id, text) for dispute_id, text in said.items()}
    stored = [{"dispute_id": key, word: box, "written_at": tx.wall} for key, box in boxes.items()]
    tx.defer(partial(_store, stored=stored))


def read_words(vault: Vault, word: Word, dispute_id: UUID, box: bytes | None) -> str | None:
    """None where nothing stands, or stands no more."""
    return vault.open(TABLE, word, dispute_id, box)


async def _store(conn: AsyncConnection, stored: list[dict[str, Any]]) -> None:
    await rows.upsert(conn, dispute_notes, stored)
