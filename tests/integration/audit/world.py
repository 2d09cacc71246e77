"""What an audit test drives: records in, checkpoints out, and the database as its superuser has it."""

from __future__ import annotations

import base64
import itertools
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from chassis.records import Coordinates, Record
from chassis.service import as_settings
from chassis.transaction import Scope
from contracts.events.agency import BranchOpened
from contracts.values import BranchId
from services.audit.app import SERVICE, signer_of
from services.audit.settings import Settings
from services.audit.verification.run import Outcome, verify
from tests.support.service import NIK_HASH_KEY, Harness, harness, key_bytes
from tests.support.stack import Stack

ORIGIN = "audit.tests.example/log"
SEED = bytes(range(32))
BRANCH = UUID("0199aaaa-0000-7000-8000-000000000001")


class World:
    def __init__(self, h: Harness, admin_url: str) -> None:
        """`admin_url`: of the database's superuser, who may do anything to it."""
        self.h, self.admin_url = h, admin_url
        self.settings = as_settings(h.app, Settings)
        self.signer = signer_of(h.app)
        self._numbers = itertools.count(1)

    @property
    def folder(self) -> Path:
        return self.settings.audit_folder

    def branch(self, **changes: Any) -> Record:
        """The record of a new branch; `changes`: seq, event_id, key and what `Harness.record` has."""
        number = next(self._numbers)
        branch_id = BranchId(UUID(f"0199bbbb-0000-7000-8000-{number:012d}"))
        event = BranchOpened(
            branch_id=branch_id, code=f"B{number}", name=f"Cabang {number}", city="Tangerang", time_zone="Asia/Jakarta"
        )
        return self.h.record(event, **{"key": branch_id, "scope": Scope(BRANCH), **changes})

    def branches(self, count: int) -> list[Record]:
        return [self.branch() for _ in range(count)]

    async def keep(self, *records: Record) -> None:
        """As the keeper of their topic would."""
        await self.h.app.composition.keepers["agency"](records)

    async def rows(self, sql: str, **values: object) -> list[Any]:
        async with self.h.app.read() as conn:
            return list((await conn.execute(sa.text(sql), values)).all())

    async def one(self, sql: str, **values: object) -> Any:
        ((found,),) = await self.rows(sql, **values)
        return found

    async def tamper(self, sql: str, *values: object) -> None:
        """As an insider with superuser rights would."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute(sql, *values)
        finally:
            await connection.close()

    async def verify(self, **more: Any) -> Outcome:
        return await verify(self.h.app.engine, self.settings.public_key, self.folder, **more)

    async def filled(self, *sizes: int) -> None:
        """So many events, with a checkpoint after each, written outside."""
        for size in sizes:
            await self.keep(*self.branches(size))
            await self.signer.sign()
        await self.signer.publish()

    async def wipe(self) -> None:
        """An archive that was never there, inside and outside."""
        await self.tamper("TRUNCATE archive, sightings, log_head, tiles, checkpoints, event_log")
        shutil.rmtree(self.folder, ignore_errors=True)


def again(record: Record, **changes: Any) -> Record:
    """The same record once more, further on in its topic."""
    at = record.at
    return replace(record, at=Coordinates(at.topic, at.partition, at.offset + 1_000_000), **changes)


def environment(w: World) -> dict[str, str]:
    """Of a process of audit on this database."""
    settings = w.settings
    return {
        "PERISAI_ENVIRONMENT": "test",
        "PERISAI_DATABASE_URL": settings.database_url,
        "PERISAI_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "PERISAI_JWKS_URL": settings.jwks_url,
        "PERISAI_ISSUER": settings.issuer,
        "PERISAI_MASTER_KEY": base64.b64encode(key_bytes("audit")).decode(),
        "PERISAI_NIK_HASH_KEY": base64.b64encode(NIK_HASH_KEY).decode(),
        "PERISAI_AUDIT_LOG": settings.audit_log,
        "PERISAI_AUDIT_SIGNING_KEY": base64.b64encode(SEED).decode(),
        "PERISAI_AUDIT_FOLDER": str(settings.audit_folder),
    }


@asynccontextmanager
async def audited(stack: Stack, folder: Path) -> AsyncIterator[World]:
    """Audit on a database of its own, writing its checkpoints into this folder."""
    settings: dict[str, Any] = {
        "audit_log": ORIGIN,
        "audit_signing_key": base64.b64encode(SEED).decode(),
        "audit_folder": folder,
    }
    async with harness(SERVICE, stack, **settings) as h:
        yield World(h, stack.admin_of(h.app.settings.database_url))
