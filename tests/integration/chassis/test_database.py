"""What an error of the database means, learnt from real ones."""

from __future__ import annotations

import socket

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from chassis.database import is_conflict, is_outage, make_engine
from chassis.rows import insert
from chassis.tables import number_blocks
from tests.support.counters import watched
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import COUNTING, toy


async def error_of(h: Harness, *statements: str) -> Exception:
    with pytest.raises(Exception) as raised:  # noqa: PT011, PT012 — which error it is, is the question
        async with h.app.engine.begin() as conn:
            for statement in statements:
                await conn.exec_driver_sql(statement)
    assert isinstance(raised.value, Exception)
    return raised.value


async def test_session_ended_by_an_administrator_is_an_outage(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        error = await error_of(h, "SELECT pg_terminate_backend(pg_backend_pid())")
        assert is_outage(error) and not is_conflict(error)


async def test_server_that_became_a_standby_is_an_outage(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        error = await error_of(h, "SET TRANSACTION READ ONLY", "INSERT INTO counters VALUES (gen_random_uuid(), 1, 1)")
        assert is_outage(error)


async def test_transaction_ended_by_its_time_limit_is_tried_again(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        error = await error_of(h, "SET LOCAL transaction_timeout = 50", "SELECT pg_sleep(1)")
        assert is_outage(error) or is_conflict(error)


async def test_transaction_ended_for_idling_is_tried_again(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, stack.admin() as admin, h.app.engine.connect() as conn:
        await conn.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 50")
        pid = (await conn.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one()

        async def gone() -> bool:
            return not await admin.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", pid)

        await eventually(gone)
        with pytest.raises(Exception) as raised:  # noqa: PT011
            await conn.exec_driver_sql("SELECT 1")
        assert is_outage(raised.value) or is_conflict(raised.value)


async def test_taken_key_is_a_conflict(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        twice = "INSERT INTO number_blocks VALUES ('a', 1)"
        error = await error_of(h, twice, twice)
        assert is_conflict(error) and not is_outage(error)


class TestCopy:
    """New rows go in by COPY, past SQLAlchemy: transaction, counters and errors are as with any other statement."""

    async def test_rows_come_and_go_with_the_transaction_even_when_they_are_its_first_statement(
        self, stack: Stack
    ) -> None:
        async with toy(COUNTING, stack) as h:
            async with h.app.engine.connect() as conn:
                await insert(conn, number_blocks, blocks("a", "b"))
                await conn.rollback()
            async with h.app.engine.begin() as conn:
                await insert(conn, number_blocks, blocks("c"))
            assert await kinds(h) == ["c"]

    async def test_it_is_one_statement_however_many_rows(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            for rows in (blocks("a"), blocks(*map(str, range(500)))):
                async with watched(h.app) as seen, h.app.engine.begin() as conn:
                    await conn.exec_driver_sql("SELECT 1")
                    await insert(conn, number_blocks, rows)
                assert seen.statements == 2

    async def test_taken_key_is_a_conflict_and_nothing_stays(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            with pytest.raises(IntegrityError) as raised:
                async with h.app.engine.begin() as conn:
                    await insert(conn, number_blocks, blocks("a", "b", "a"))
            assert is_conflict(raised.value) and not is_outage(raised.value)
            assert await kinds(h) == []

    async def test_value_that_no_column_takes_is_a_bug(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            for wrong in ({"kind": "a", "next": None}, {"kind": "a", "next": "one"}, {"kind": "\0", "next": 1}):
                with pytest.raises(Exception) as raised:  # noqa: PT011
                    async with h.app.engine.begin() as conn:
                        await insert(conn, number_blocks, [wrong])
                assert not is_outage(raised.value)
            assert await kinds(h) == []

    async def test_session_that_ends_meanwhile_is_an_outage_and_leaves_the_pool(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h, stack.admin() as admin:
            with pytest.raises(Exception) as raised:  # noqa: PT011, PT012
                async with h.app.engine.begin() as conn:
                    pid = (await conn.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one()
                    await admin.execute("SELECT pg_terminate_backend($1, 5000)", pid)
                    await insert(conn, number_blocks, blocks("a"))
            assert is_outage(raised.value) and not is_conflict(raised.value)
            assert await kinds(h) == []


def blocks(*kinds: str) -> list[dict[str, object]]:
    return [{"kind": kind, "next": 1} for kind in kinds]


async def kinds(h: Harness) -> list[str]:
    async with h.app.engine.connect() as conn:
        return sorted((await conn.execute(sa.select(number_blocks.c.kind))).scalars())


@pytest.mark.parametrize("statement", ["SELECT nonsense", "SELECT 1/0", "SELECT CAST('x' AS int)"])
async def test_bug_is_neither(stack: Stack, statement: str) -> None:
    async with toy(COUNTING, stack) as h:
        error = await error_of(h, statement)
        assert not is_outage(error) and not is_conflict(error)


async def test_server_that_does_not_listen_is_an_outage() -> None:
    engine, _ = make_engine("postgresql://nobody@127.0.0.1:1/none", name="t")
    with pytest.raises(Exception) as raised:  # noqa: PT011
        await engine.connect()
    assert is_outage(raised.value)


async def test_database_that_takes_no_more_connections_is_an_outage(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, stack.admin() as admin:
        async with h.app.read() as conn:
            name = (await conn.execute(sa.text("SELECT current_database()"))).scalar_one()
        await admin.execute("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
        try:
            host = stack.admin_url.partition("@")[2].rpartition("/")[0]
            engine, _ = make_engine(f"postgresql://crowded@{host}/{name}", name="t")
            with pytest.raises(Exception) as raised:  # noqa: PT011
                await engine.connect()
            assert is_outage(raised.value)
        finally:
            await admin.execute("DROP ROLE crowded")


async def test_database_that_its_operator_closed_is_an_outage(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, stack.admin() as admin:
        name = h.app.engine.url.database
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            with pytest.raises(Exception) as raised:  # noqa: PT011
                await h.app.engine.connect()
            assert is_outage(raised.value)
        finally:
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


async def test_dead_links_are_noticed_by_the_socket(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, h.app.engine.connect() as conn:
        raw = await conn.get_raw_connection()
        assert raw.driver_connection is not None
        sock = raw.driver_connection._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 25_000
