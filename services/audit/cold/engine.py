"""DuckDB as it is used here: in memory, in this process, with nothing fetched from anywhere."""

from __future__ import annotations

import duckdb

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,  # the bytes of a file do not depend on who was faster
    "memory_limit": "512MB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def opened() -> duckdb.DuckDBPyConnection:
    """A connection of its own; close it. Times are UTC."""
    conn = duckdb.connect(":memory:", config=_CONFIG)
    conn.execute("SET TimeZone = 'UTC'")
    return conn
