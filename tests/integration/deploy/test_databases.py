"""Databases and roles on the real server."""

import asyncpg
import pytest

from deploy.local.postgres import databases
from tests.support.stack import Stack

WRITER = {"transaction_timeout": "30s", "idle_in_transaction_session_timeout": "5s"}
READER = {"transaction_timeout": "0", "idle_in_transaction_session_timeout": "0"}


@pytest.mark.parametrize(("role", "expected"), [("writer", WRITER), ("reader", READER), ("owner", READER)])
async def test_only_the_writer_role_is_cut_off_when_it_forgets_a_transaction(
    stack: Stack, role: str, expected: dict[str, str]
) -> None:
    server = databases.Server(stack.admin_url, prefix=stack.own_name() + "_")
    await databases.create(server, ["registration"])
    connection = await asyncpg.connect(server.url("registration", role))
    try:
        assert {name: await connection.fetchval(f"SHOW {name}") for name in expected} == expected
    finally:
        await connection.close()


async def test_creating_twice_changes_nothing_and_owner_owns_the_database(stack: Stack) -> None:
    server = databases.Server(stack.admin_url, prefix=stack.own_name() + "_")
    await databases.create(server, ["registration"])
    await databases.create(server, ["registration"])
    connection = await asyncpg.connect(server.url("registration", "owner"))
    try:
        row = await connection.fetchrow(
            "SELECT pg_get_userbyid(datdba) AS owner, datcollate, pg_encoding_to_char(encoding) AS encoding "
            "FROM pg_database WHERE datname = current_database()"
        )
    finally:
        await connection.close()
    assert dict(row) == {"owner": "registration_owner", "datcollate": "C", "encoding": "UTF8"}


async def test_a_role_of_one_service_cannot_enter_the_database_of_another(stack: Stack) -> None:
    server = databases.Server(stack.admin_url, prefix=stack.own_name() + "_")
    await databases.create(server, ["registration", "payments"])
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(server.url("payments", "writer", database=server.database("registration")))


async def test_a_given_role_needs_no_more_than_the_right_to_create_databases_and_roles(stack: Stack) -> None:
    landlord, service = stack.own_name("landlord"), stack.own_name("svc")
    async with stack.admin() as admin:
        await admin.execute(f"CREATE ROLE {landlord} LOGIN CREATEDB CREATEROLE PASSWORD 'pw'")
    server = databases.Server(stack.admin_url.replace("//postgres@", f"//{landlord}:pw@"))
    await databases.create(server, [service])
    await databases.create(server, [service])
    writer = await asyncpg.connect(server.url(service, "writer"))
    assert await writer.fetchval("SHOW transaction_timeout") == "30s"
    await writer.close()
    await databases.drop(server, [service])
