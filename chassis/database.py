"""The engine of a service, and what an error of the database means: a conflict to re-run, an outage to wait out, or a bug.

Every statement and commit is counted, because counts do not drift with the neighbours' load.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from asyncpg.exceptions import (
    IntegrityConstraintViolationError,
    InterfaceError,
    InternalClientError,
    PostgresError,
    UniqueViolationError,
)
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from chassis.telemetry import metrics

UNIQUE_VIOLATION = "23505"
_CONFLICTS = frozenset({UNIQUE_VIOLATION, "40P01", "40001", "25P03", "25P04"})
"""Unique violation, deadlock, serialization failure, and a transaction ended by one of its time-outs."""
_OUTAGES = ("08", "57P", "53", "25006", "55000")
"""Classes: connection exception, operator intervention (shutdown, starting up), insufficient resources; a server that became a standby; a
database that its operator closed (ALLOW_CONNECTIONS false)."""
_LIVENESS = {
    (socket.SOL_SOCKET, "SO_KEEPALIVE"): 1,
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE"): 10,
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL"): 5,
    (socket.IPPROTO_TCP, "TCP_KEEPCNT"): 3,
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT"): 25_000,
}
"""A cut link or a machine that is gone ends a wait within half a minute; by itself it would last a quarter of an hour, or for ever."""

_ANYTHING: Final = sa.text("SELECT 1")


# A writer role's time limits are not meant for whoever reads long; a read-only snapshot has no transaction id, so no relay waits for it.
_UNLIMITED: Final = sa.text("SELECT set_config(name, '0', true) FROM unnest(CAST(:names AS text[])) AS name")
_LIMITS: Final = ["transaction_timeout", "idle_in_transaction_session_timeout", "statement_timeout"]


class Unavailable(Exception):
    """Database, broker or another service is out of reach: wait and try again. Nothing was decided."""


@dataclass(slots=True)
class Counters:
    """What one engine did since the start of the process."""

    statements: int = 0
    commits: int = 0


def async_url(url: str) -> str:
    """`postgresql://…` for the asyncpg driver."""
    scheme, separator, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres", "postgresql+asyncpg") or not separator:
        raise ValueError("a database URL looks like postgresql://role@host:port/database")
    return f"postgresql+asyncpg://{rest}"


def make_engine(url: str, *, name: str, pool_size: int = 10) -> tuple[AsyncEngine, Counters]:
    """An engine with a small pool, and its counters. `name` shows in pg_stat_activity. Connects lazily."""
    engine = create_async_engine(
        async_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        connect_args={"server_settings": {"application_name": name, "jit": "off"}, "timeout": 5},
    )
    counters = Counters()

    @event.listens_for(engine.sync_engine, "connect")
    def _notice_dead_links(connection: Any, _record: object) -> None:
        sock = connection.driver_connection._transport.get_extra_info("socket")
        for (level, name), value in _LIVENESS.items():
            if sock is not None and hasattr(socket, name):  # not every system has all
                with contextlib.suppress(OSError):  # a unix socket has none
                    sock.setsockopt(level, getattr(socket, name), value)

    @event.listens_for(engine.sync_engine, "after_cursor_execute")
    def _count_statement(*_: Any) -> None:
        counters.statements += 1
        metrics.STATEMENTS.inc()

    @event.listens_for(engine.sync_engine, "commit")
    def _count_commit(_: sa.Connection) -> None:
        counters.commits += 1
        metrics.COMMITS.inc()

    return engine, counters


async def copy(conn: AsyncConnection, table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    """Adds rows by COPY, in the transaction of `conn`: half the work of an INSERT on both sides. Raises IntegrityError or DBAPIError
    as `execute` does, and the driver's own error when the connection is lost."""
    raw = await conn.get_raw_connection()
    driver: Any = raw.driver_connection
    if not driver.is_in_transaction():
        await conn.execute(_ANYTHING)  # which begins it
    try:
        await driver.copy_records_to_table(table, columns=columns, records=rows)
    except IntegrityConstraintViolationError as error:
        raise IntegrityError(f"COPY {table}", None, error) from error
    except PostgresError as error:
        raise DBAPIError(f"COPY {table}", None, error) from error
    finally:
        if driver.is_closed():
            await conn.invalidate()
    engine = conn.engine.sync_engine  # whoever counts statements counts this one
    engine.dispatch.after_cursor_execute(conn.sync_connection, None, f"COPY {table}", (), None, False)


def is_conflict(error: BaseException) -> bool:
    """Another transaction won: re-run in a new transaction."""
    return isinstance(error, DBAPIError) and sqlstate(error) in _CONFLICTS


def taken_place(error: BaseException) -> str | None:
    """Which key was taken, in the server's own words; None for any other error. For comparing alone: its values may be a person's."""
    cause: BaseException | None = error.orig if isinstance(error, DBAPIError) else None
    while cause is not None and not isinstance(cause, UniqueViolationError):
        cause = cause.__cause__
    return None if cause is None else f"{cause.table_name} {cause.constraint_name} {cause.detail}"


async def steady(conn: AsyncConnection) -> None:
    """From here to the end of its transaction this new connection reads one snapshot, for as long as it takes."""
    await conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    await conn.execute(_UNLIMITED, {"names": _LIMITS})


def is_outage(error: BaseException) -> bool:
    """The database cannot be reached or is not taking work: back off and try again."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, Unavailable | PoolTimeout) or _lost_connection(error)
    if error.connection_invalidated or sqlstate(error).startswith(_OUTAGES):
        return True
    cause: BaseException | None = error.orig  # asyncpg's own errors arrive wrapped, without an SQLSTATE
    while cause is not None and not _lost_connection(cause):
        cause = cause.__cause__
    return cause is not None


def _lost_connection(error: BaseException) -> bool:
    """Network errors, and asyncpg's word for a connection that is gone; its other interface errors are our own mistakes."""
    if isinstance(error, InterfaceError):
        return "closed" in str(error)
    return isinstance(error, OSError | InternalClientError) and not isinstance(
        error, PermissionError | FileNotFoundError
    )


def sqlstate(error: DBAPIError) -> str:
    """The five-character code; empty when the error is not the server's."""
    return str(getattr(error.orig, "sqlstate", None) or "")
