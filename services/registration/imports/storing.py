"""Accepting an uploaded file: stored encrypted, once per actor and content. What is in the rows is judged later, by
the worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from chassis.outcomes import Accepted
from chassis.privacy.vault import Vault
from chassis.problems import Rejected
from chassis.transaction import Meta, Tx
from contracts.values import AgentId, WadahId
from services.registration.imports import store
from services.registration.imports.store import Stored
from services.registration.imports.uploader import Uploader
from services.registration.problems import AGENT_UNKNOWN, WADAH_UNKNOWN
from services.registration.queries import deciding


@dataclass(frozen=True, slots=True)
class StoreImport:
    stored: Stored
    uploader: Uploader
    meta: Meta


class StoringImports:
    """The use case: 202 for a new import, 200 with the first import for the same bytes of the same actor."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def __call__(self, tx: Tx, commands: Sequence[StoreImport], /) -> list[Accepted | Rejected]:
        known = await store.known(tx.conn, ((c.uploader.actor, c.stored.content_hash) for c in commands))
        return [await self._store(tx, command, known) for command in commands]

    async def _store(self, tx: Tx, command: StoreImport, known: dict[tuple[str, bytes], UUID]) -> Accepted | Rejected:
        stored, uploader = command.stored, command.uploader
        same = (uploader.actor, stored.content_hash)
        if same in known:
            return Accepted({"import_id": str(known[same])}, 200)
        branch_id = await self._branch(tx, uploader)
        if isinstance(branch_id, Rejected):
            return branch_id
        tx.defer(
            partial(
                store.store,
                stored=stored,
                uploader=uploader,
                branch_id=branch_id,
                meta=command.meta,
                wall=tx.wall,
            )
        )
        known[same] = stored.import_id
        return Accepted({"import_id": str(stored.import_id)}, 202)

    async def _branch(self, tx: Tx, uploader: Uploader) -> UUID | Rejected:
        """The branch whose business the rows are."""
        if uploader.branch_id is not None:
            return uploader.branch_id
        if uploader.agent_id is not None:
            agents = await deciding.agents_by_id(tx.conn, self._vault, [AgentId(uploader.agent_id)])
            return next((agent.branch_id for agent in agents.values()), Rejected(AGENT_UNKNOWN))
        wadah = await deciding.wadah_by_id(tx.conn, [WadahId(uploader.wadah_id)] if uploader.wadah_id else [])
        return next((one.branch_id for one in wadah.values()), Rejected(WADAH_UNKNOWN))
