"""The tree as tiles of 256 hashes (C2SP tlog-tiles): what is stored of it, and where the hash of any node is found.

A tile of level n holds hashes of nodes of level 8·n; the levels between are hashed anew when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from services.audit.domain.merkle import HASH_BYTES, Node, NodeHash, perfect_root

HEIGHT = 8
WIDTH = 1 << HEIGHT


class Tile(NamedTuple):
    """`width`: its hashes, 1 to 256; fewer than 256 only at the right edge of a tree."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where a tile lies in a folder, by the standard: `tile/0/x001/234.p/112`."""
        name, rest = f"{self.number % 1_000:03d}", self.number // 1_000
        while rest:
            name, rest = f"x{rest % 1_000:03d}/{name}", rest // 1_000
        return f"tile/{self.level}/{name}" + (f".p/{self.width}" if self.width < WIDTH else "")


def right_edge(size: int) -> list[Tile]:
    """The tiles of a tree of this size that are not full: at most one a level."""
    edge, level = [], 0
    while size:
        full, rest = divmod(size, WIDTH)
        edge += [Tile(level, full, rest)] if rest else []
        size, level = full, level + 1
    return edge


def new_tiles(old: int, size: int) -> list[Tile]:
    """The tiles of the grown tree that the old one did not have, or had narrower."""
    tiles, level = [], 0
    while size:
        first, end = old // WIDTH, -(-size // WIDTH)
        tiles += [Tile(level, number, min(WIDTH, size - number * WIDTH)) for number in range(first, end) if size > old]
        old, size, level = old // WIDTH, size // WIDTH, level + 1
    return tiles


def tile_of(node: Node, size: int) -> Tile:
    """The tile of a tree of this size whose hashes give this node."""
    level = node.level // HEIGHT
    number = node.number >> (HEIGHT - node.level % HEIGHT)
    return Tile(level, number, min(WIDTH, (size >> (HEIGHT * level)) - number * WIDTH))


def hashes_from(tiles: Callable[[Tile], bytes], size: int) -> NodeHash:
    """The hash of any node of a tree of this size from its tiles, given as their hashes side by side."""

    def hash_of(node: Node) -> bytes:
        hashes, count = hashes_in(tiles(tile_of(node, size))), 1 << (node.level % HEIGHT)
        start = node.number * count % WIDTH
        return perfect_root(hashes[start : start + count])

    return hash_of


def hashes_in(tile: bytes) -> list[bytes]:
    """The hashes of a tile one by one."""
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


def leads_to(tile: bytes | None, known: bytes | None) -> bool:
    """Whether this is a full tile with that root."""
    return tile is not None and len(tile) == WIDTH * HASH_BYTES and perfect_root(hashes_in(tile)) == known
