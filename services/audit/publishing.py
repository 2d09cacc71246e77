"""Checkpoints as files outside the database: one each, never changed, and the newest under one name.

Whoever keeps a copy can show later that the log was rewritten, even if everything in the database was computed anew.
"""

from __future__ import annotations

import os
from pathlib import Path

NEWEST = "checkpoint"
_SUFFIX = ".checkpoint"


class OtherCheckpoint(Exception):
    """A file holds another checkpoint of this size: one of both is not this log's."""


def publish(folder: Path, size: int, note: str, path: list[str]) -> None:
    """Writes one checkpoint and what proves that it continues the one before; again is harmless. Raises OtherCheckpoint, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{size:020d}{_SUFFIX}"
    if file.exists() and file.read_text(encoding="utf-8") != note:
        raise OtherCheckpoint(
            f"{file.name} holds another checkpoint of {size} leaves: keep it, and find out who signed it"
        )
    _write(file, note)
    _write(file.with_suffix(".path"), "".join(f"{hash_}\n" for hash_ in path))
    if size >= published(folder):
        _write(folder / NEWEST, note)


def published(folder: Path) -> int:
    """The size of the newest checkpoint there; 0 when there is none."""
    sizes = [int(file.stem) for file in folder.glob(f"*{_SUFFIX}") if file.stem.isdigit()]
    return max(sizes, default=0)


def _write(file: Path, text: str) -> None:
    """All or nothing, and durable."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
