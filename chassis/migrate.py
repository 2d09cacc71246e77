"""`python -m chassis.migrate SERVICE`: brings a service's database to the newest version and grants its roles what they need, no more.

Two histories per database: the chassis' own tables and the service's. The writer role gets neither UPDATE nor DELETE on tables whose comment begins
with "Insert-only", such as `event_log`; the reader reads. Needs the owner role in PERISAI_OWNER_DATABASE_URL. PostgreSQL 17 or newer. Safe to repeat,
and to run from several places at once.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.database import async_url

OLDEST_SERVER = 170_000
_LOCK = 7_215_001  # one migration of a database at a time


class MigrationRefused(Exception):
    """One sentence for a person."""


async def migrate(service: str, owner_url: str) -> None:
    """Raises MigrationRefused when the server is too old or the service unknown."""
    engine = create_async_engine(async_url(owner_url))
    try:
        async with engine.begin() as conn:  # lint: commit — one migration, all or nothing
            await conn.run_sync(_migrate, service)
    finally:
        await engine.dispose()


def _migrate(conn: sa.Connection, service: str) -> None:
    version = int(conn.exec_driver_sql("SHOW server_version_num").scalar_one())
    if version < OLDEST_SERVER:
        raise MigrationRefused(f"PostgreSQL 17 or newer is needed; this server is {version // 10_000}")
    conn.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    upgrade_chassis(conn)
    upgrade_service(conn, service)
    _grant(conn, service)


def upgrade_chassis(conn: sa.Connection) -> None:
    """The event log and the plumbing alone; needs an open transaction."""
    _upgrade(conn, _folder("chassis"), "alembic_version_chassis", "heads")


def upgrade_service(conn: sa.Connection, service: str, *, to: str = "heads") -> None:
    """The service's own tables, after the chassis'; needs an open transaction. `to`: where to stop, for what shows a migration of rows."""
    _upgrade(conn, _folder(f"services.{service}"), "alembic_version", to)


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MigrationRefused(f"there is no {package}")
    return Path(next(iter(spec.submodule_search_locations))) / "migrations"


def _upgrade(conn: sa.Connection, folder: Path, version_table: str, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(folder))
    script = ScriptDirectory.from_config(config)

    def steps(revision: str, context: MigrationContext) -> object:
        return script._upgrade_revs(to, revision)

    with EnvironmentContext(config, script, fn=steps) as environment:
        environment.configure(connection=conn, version_table=version_table, transactional_ddl=True)
        environment.run_migrations()


def _grant(conn: sa.Connection, service: str) -> None:
    writer, reader = f"{service}_writer", f"{service}_reader"
    roles = {row[0] for row in conn.exec_driver_sql("SELECT rolname FROM pg_roles")}
    if not {writer, reader} <= roles:
        return  # an owner-only database, as tests make
    for statement in (
        f"GRANT USAGE ON SCHEMA public TO {writer}, {reader}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {writer}, {reader}",
        f"GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {writer}",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {', '.join(_insert_only(conn))} FROM {writer}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version, alembic_version_chassis FROM {writer}",
        "CREATE SCHEMA IF NOT EXISTS shadow",
        "CREATE SCHEMA IF NOT EXISTS scratch",
        f"GRANT USAGE, CREATE ON SCHEMA shadow, scratch TO {writer}",
    ):
        conn.exec_driver_sql(statement)


def _insert_only(conn: sa.Connection) -> Sequence[str]:
    return (
        conn.exec_driver_sql(
            "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND obj_description(oid, 'pg_class') LIKE 'Insert-only%%' ORDER BY relname"
        )
        .scalars()
        .all()
    )


def main() -> None:
    if len(sys.argv) != 2 or not (url := os.environ.get("PERISAI_OWNER_DATABASE_URL")):
        sys.exit(
            "usage: PERISAI_OWNER_DATABASE_URL=postgresql://… python -m chassis.migrate registration|payments|notifications|audit"
        )
    try:
        asyncio.run(migrate(sys.argv[1], url))
    except MigrationRefused as error:
        sys.exit(str(error))
    print(f"{sys.argv[1]}: database is at the newest version")


if __name__ == "__main__":
    main()
