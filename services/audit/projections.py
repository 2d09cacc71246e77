"""The only writer of state: our own events in, `checkpoints` out."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.privacy.vault import Vault
from chassis.transaction import Projection, Recorded
from contracts.events.audit import CheckpointSigned
from services.audit.tables import checkpoints


def projection(_: Vault) -> Projection:
    """The fold of stream `checkpoints`."""

    async def project(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
        signed = [(one.envelope, one.event) for one in recorded if isinstance(one.event, CheckpointSigned)]
        columns = ("log", "size", "root", "note", "before")
        await rows.insert(
            conn,
            checkpoints,
            [
                {name: getattr(event, name) for name in columns}
                | {"path": list(event.path), "signed_at": envelope.recorded_at}
                for envelope, event in signed
            ],
        )

    return project
