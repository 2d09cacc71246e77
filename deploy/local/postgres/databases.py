"""One database per service and three roles to each; the service's own process never has the right to change its tables' shape.

`<svc>_owner` owns the database and migrates · `<svc>_writer` is the service · `<svc>_reader` is for long readers.
What the roles may do with tables is granted by the service's migration, which knows the tables.
"""

import hashlib
import hmac
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.local.trouble import Trouble

OLDEST = 17  # transaction_timeout came with it
# An open write transaction holds back every relay of the server: writers are cut off, long readers are not.
WRITER_TIMEOUTS = {"transaction_timeout": "30s", "idle_in_transaction_session_timeout": "5s"}
ROLES = ("owner", "writer", "reader")
LOCK = 7_203_112_008  # any number, the same for all who create roles on one server


@dataclass(frozen=True)
class Server:
    """A server and the role that may create databases and roles there; `prefix` sets a second estate on one server apart."""

    admin_url: str
    prefix: str = ""

    def database(self, service: str) -> str:
        return f"{self.prefix}{service}"

    def url(self, service: str, role: str, *, database: str | None = None) -> str:
        """postgresql://<svc>_<role>:…@host:port/<database>."""
        name = role_name(service, role)
        parts = urlsplit(self.admin_url)
        host = parts.netloc.rpartition("@")[2]
        user = f"{name}:{self.password(name)}"
        return urlunsplit((parts.scheme, f"{user}@{host}", f"/{database or self.database(service)}", parts.query, ""))

    def password(self, role: str) -> str:
        """The role's password, the same for everyone who has the admin's: roles belong to a server, not to one checkout."""
        return hmac.new((urlsplit(self.admin_url).password or "").encode(), role.encode(), hashlib.sha256).hexdigest()


def role_name(service: str, role: str) -> str:
    return f"{service}_{role}"


async def version(admin_url: str, *, timeout_s: float = 10.0) -> str:
    """The server's version, "18.4"; raises Trouble if it is unreachable or too old."""
    place = urlsplit(admin_url).netloc.rpartition("@")[2]
    try:
        connection = await asyncpg.connect(admin_url, timeout=timeout_s)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise Trouble(
            f"DATABASE_URL is set, but no PostgreSQL lets us in at {place} ({type(error).__name__}); start it or unset the variable."
        ) from error
    try:
        number, text = connection.get_server_version(), await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    if number.major < OLDEST:
        raise Trouble(
            f"PostgreSQL {text} at {place} is too old: {OLDEST} is the oldest that can end a forgotten transaction; use a newer server."
        )
    return str(text).split()[0]


async def create(server: Server, services: Sequence[str]) -> None:
    """Databases and roles, made where missing; the writers' time-outs are set each time. Idempotent, safe from several processes."""
    connection = await asyncpg.connect(server.admin_url)
    try:
        for service in services:
            await create_roles(connection, server, service)
            await create_database(connection, server.database(service), role_name(service, "owner"))
            await grant_connect(connection, service, server.database(service))
    finally:
        await connection.close()


async def drop(server: Server, services: Sequence[str]) -> None:
    """Deletes the services' databases, whoever is connected; the roles stay, others may use them."""
    connection = await asyncpg.connect(server.admin_url)
    try:
        for service in services:
            await connection.execute(f'DROP DATABASE IF EXISTS "{server.database(service)}" WITH (FORCE)')
    finally:
        await connection.close()


async def create_roles(connection: "asyncpg.Connection[asyncpg.Record]", server: Server, service: str) -> None:
    """The service's three roles, made where missing, passwords and time-outs set."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        for role in ROLES:
            await _create_role(connection, server, service, role)


async def grant_connect(connection: "asyncpg.Connection[asyncpg.Record]", service: str, database: str) -> None:
    """The service's roles may connect to the database, others not. A copy of a database does not inherit this."""
    await connection.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
    for role in ("writer", "reader"):
        await connection.execute(f'GRANT CONNECT ON DATABASE "{database}" TO "{role_name(service, role)}"')


async def _create_role(
    connection: "asyncpg.Connection[asyncpg.Record]", server: Server, service: str, role: str
) -> None:
    name = role_name(service, role)
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
        await connection.execute(f'CREATE ROLE "{name}" LOGIN')
    await connection.execute(f'ALTER ROLE "{name}" PASSWORD {_literal(server.password(name))}')
    if role == "writer":
        for setting, value in WRITER_TIMEOUTS.items():
            await connection.execute(f'ALTER ROLE "{name}" SET {setting} = {_literal(value)}')
    if role == "owner" and not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        await connection.execute(f'GRANT "{name}" TO CURRENT_USER')  # else it may not give the database away


async def create_database(connection: "asyncpg.Connection[asyncpg.Record]", name: str, owner: str) -> None:
    """An empty UTF8 database in the C locale, if there is none of that name."""
    if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
        return
    with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):  # another process was first
        await connection.execute(
            f"""CREATE DATABASE "{name}" OWNER "{owner}" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"""
        )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
