"""A commit that is struck looks the same to its client whether it holds or not, and hits nothing but what it is meant for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
import sqlalchemy as sa

from chassis.database import is_outage, make_engine
from tests.support.lost_commits import LostCommits
from tests.support.proxy import Link, link
from tests.support.stack import Stack

TOUCHING = "INSERT INTO wanted"


@pytest.fixture
async def url(stack: Stack) -> AsyncIterator[str]:
    async with stack.empty_database() as url:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE wanted (n int); CREATE TABLE other (n int)")
        await connection.close()
        yield url


def through(url: str, door: Link) -> str:
    address = url.rpartition("@")[2].partition("/")[0]
    return url.replace(address, door.address)


def target(url: str) -> str:
    return url.rpartition("@")[2].partition("/")[0]


async def held(url: str) -> set[int]:
    connection = await asyncpg.connect(url)
    try:
        return {row["n"] for row in await connection.fetch("SELECT n FROM wanted")}
    finally:
        await connection.close()


async def test_struck_commits_hold_or_are_lost_and_the_driver_sees_an_outage_each_time(url: str) -> None:
    plan = LostCommits(touching=TOUCHING, times=20)
    unknown: set[int] = set()
    async with link(target(url), watch=plan.watch) as door:
        engine, _ = make_engine(through(url, door), name="test")
        for n in range(40):
            try:
                async with engine.begin() as conn:
                    await conn.execute(sa.text("INSERT INTO wanted VALUES (CAST(:n AS int))"), {"n": n})
            except Exception as error:
                assert is_outage(error), error
                unknown.add(n)
        await engine.dispose()
    found = await held(url)
    assert len(unknown) == plan.fired == door.resets == 20
    assert len(found & unknown) == plan.held > 0 < plan.lost
    assert found >= set(range(40)) - unknown


async def test_transactions_without_the_text_are_left_alone_also_with_prepared_commits(url: str) -> None:
    plan = LostCommits(touching=TOUCHING, times=1)
    async with link(target(url), watch=plan.watch) as door:
        connection = await asyncpg.connect(through(url, door))
        for _ in range(3):
            async with connection.transaction():
                await connection.execute("INSERT INTO other VALUES (1)")
        await connection.execute("INSERT INTO wanted VALUES (1)")  # its own transaction: no COMMIT is sent
        assert plan.fired == 0
        await connection.execute("BEGIN")
        insert = await connection.prepare("INSERT INTO wanted VALUES ($1)")
        await insert.fetch(2)
        commit = await connection.prepare("COMMIT")
        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
            await commit.fetch()
        assert plan.fired == 1
