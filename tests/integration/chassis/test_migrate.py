"""Migrations may be run twice, by several at once, and give each role what it needs and no more."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import asyncpg
import pytest

from chassis.migrate import MigrationRefused, migrate
from deploy.local.places import PROJECT
from tests.support.stack import Stack

SERVICE = "registration"


async def test_several_at_once_on_an_empty_database_and_again_later(stack: Stack) -> None:
    async with stack.empty_database() as url:
        await asyncio.gather(*(migrate(SERVICE, url) for _ in range(4)))
        await migrate(SERVICE, url)
        connection = await asyncpg.connect(url)
        try:
            assert await connection.fetchval("SELECT count(*) FROM alembic_version_chassis") == 1
            assert await connection.fetchval("SELECT to_regclass('event_log') IS NOT NULL")
        finally:
            await connection.close()


async def test_writer_may_neither_change_nor_delete_history(stack: Stack) -> None:
    async with stack.database(SERVICE) as database:
        writer = await asyncpg.connect(database.writer_url)
        reader = await asyncpg.connect(database.reader_url)
        try:
            for statement in ("UPDATE event_log SET seq = 2", "DELETE FROM event_log", "TRUNCATE event_log"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await writer.execute(statement)
            for statement in ("DELETE FROM alembic_version", "CREATE TABLE mine (i int)"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await writer.execute(statement)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reader.execute("INSERT INTO number_blocks VALUES ('a', 1)")
            assert await reader.fetchval("SELECT count(*) FROM event_log") == 0
            limits = {*await writer.fetchval("SELECT rolconfig FROM pg_roles WHERE rolname = current_user")}
            assert limits >= {"transaction_timeout=30s", "idle_in_transaction_session_timeout=5s"}
            assert await reader.fetchval("SHOW transaction_timeout") == "0"
        finally:
            await writer.close()
            await reader.close()


async def test_unknown_service_is_one_sentence(stack: Stack) -> None:
    async with stack.empty_database() as url:
        with pytest.raises(MigrationRefused, match=r"there is no services\.nonsense"):
            await migrate("nonsense", url)


def test_command_without_a_database_says_how_it_is_used() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chassis.migrate", SERVICE],
        cwd=PROJECT,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0 and "PERISAI_OWNER_DATABASE_URL" in done.stderr
