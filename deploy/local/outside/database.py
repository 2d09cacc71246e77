"""A private sqlite file: one process owns it, and what it wrote survives a kill of that process."""

import fcntl
import os
import sqlite3
from pathlib import Path

from deploy.local.outside.environment import SettingError


def open_database(path: Path, schema: str) -> sqlite3.Connection:
    """An open connection in autocommit mode with `schema` applied (its statements must be repeatable).

    Write-ahead log with synchronous=NORMAL: a commit costs microseconds, so it may run on the event loop, and is safe
    against a killed process (not against a power cut). Raises `SettingError` when another process owns the file or
    the file cannot be used.
    """
    _own(path)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.executescript(schema)
    except (OSError, sqlite3.Error) as error:
        raise SettingError(f"cannot use the database {path}: {error}; repair the file or remove it") from error
    return connection


# The lock lives as long as the process: the kernel lets go of it however the process ends, so it is never stale.
_held: dict[Path, int] = {}


def _own(path: Path) -> None:
    """Refuses to run two processes on one file; each would trust its own memory of it."""
    lock = path.with_suffix(".lock")
    if lock in _held:
        return
    try:
        handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise SettingError(f"cannot write in {path.parent}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise SettingError(f"{path} belongs to another running process; stop it or set another DATA_DIR") from error
    _held[lock] = handle
