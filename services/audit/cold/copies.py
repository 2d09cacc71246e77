"""Leaf hashes as copies of the published tiles have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from services.audit.domain.merkle import HASH_BYTES, Node
from services.audit.domain.tiles import WIDTH, Tile, hashes_in
from services.audit.publishing import tile_in


def published(node: Node, folders: Sequence[Path]) -> list[bytes] | None:
    """Those under a subtree of at most 256 leaves, in a full tile or the widest of an edge; None where no folder has them. Proved by nothing yet."""
    start, beyond = node.span
    first, end = start % WIDTH, start % WIDTH + beyond - start
    for folder in folders:
        for width in _widths(folder, start // WIDTH):
            tile = tile_in(folder, Tile(0, start // WIDTH, width))
            if tile is not None and len(tile) == width * HASH_BYTES and width >= end:
                return hashes_in(tile)[first:end]
    return None


def _widths(folder: Path, number: int) -> Iterator[int]:
    """Of the copies of one tile there, the widest first."""
    yield WIDTH
    edge = folder / f"{Tile(0, number).path}.p"
    if edge.is_dir():
        yield from sorted((int(path.name) for path in edge.iterdir() if path.name.isdecimal()), reverse=True)
