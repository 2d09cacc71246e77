"""The migration makes the tables that the code believes in."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from services.payments.tables import metadata
from tests.support.service import Harness


async def test_the_migrated_database_is_that_of_tables_py(h: Harness) -> None:
    def differences(conn: sa.Connection) -> list[Any]:
        def ours(name: str | None, kind: str, _parents: Any) -> bool:
            return kind != "table" or name in metadata.tables

        context = MigrationContext.configure(conn, opts={"compare_type": True, "include_name": ours})
        return list(compare_metadata(context, metadata))

    async with h.app.read() as conn:
        assert await conn.run_sync(differences) == []
