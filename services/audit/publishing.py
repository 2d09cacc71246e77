"""Checkpoints and the tree under them as files outside the database: one each, never changed, and the newest checkpoint under one name.

Whoever keeps a copy can show later that the log was rewritten, even if everything in the database was computed anew; with the tiles
(C2SP tlog-tiles) also where.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from services.audit.domain import notes
from services.audit.domain.checkpoints import Checkpoint
from services.audit.domain.tiles import Tile

NEWEST = "checkpoint"
_SUFFIX = ".checkpoint"


class OtherCheckpoint(Exception):
    """A file holds another checkpoint of this size: one of both is not this log's."""


def publish(folder: Path, size: int, note: str, path: list[str], tiles: Mapping[Tile, bytes]) -> None:
    """Writes one checkpoint, what proves that it continues the one before, and its new tiles; again is harmless. Raises
    OtherCheckpoint, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{size:020d}{_SUFFIX}"
    if file.exists() and file.read_text(encoding="utf-8") != note:
        raise OtherCheckpoint(
            f"{file.name} holds another checkpoint of {size} leaves: keep it, and find out who signed it"
        )
    for tile, hashes in tiles.items():
        _write_bytes(folder / tile.path, hashes)
    _write(file, note)
    _write(file.with_suffix(".path"), "".join(f"{hash_}\n" for hash_ in path))
    if size >= published(folder):
        _write(folder / NEWEST, note)


def notes_in(folder: Path) -> dict[int, str]:
    """Every checkpoint there, by its size."""
    return {
        int(file.stem): file.read_text(encoding="utf-8", errors="replace")
        for file in folder.glob(f"*{_SUFFIX}")
        if file.stem.isdigit()
    }


def tile_in(folder: Path, tile: Tile) -> bytes | None:
    """The copy of a tile there; None when there is none."""
    file = folder / tile.path
    return file.read_bytes() if file.is_file() else None


def published(folder: Path) -> int:
    """The size of the newest checkpoint there; 0 when there is none. Raises BadNote when the file is none."""
    file = folder / NEWEST
    return Checkpoint.parse(notes.parse(file.read_text(encoding="utf-8")).text).size if file.exists() else 0


def _write(file: Path, text: str) -> None:
    _write_bytes(file, text.encode())


def _write_bytes(file: Path, content: bytes) -> None:
    """All or nothing, and durable."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with draft.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
