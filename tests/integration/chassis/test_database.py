"""What an error of the database means, learnt from real ones."""

from __future__ import annotations

import socket

import pytest
import sqlalchemy as sa

from chassis.database import is_conflict, is_outage, make_engine
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
