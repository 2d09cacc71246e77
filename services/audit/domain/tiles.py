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


def tiles_of(size: int) -> list[Tile]:
    """All tiles of a tree of this size, lowest level first."""
    tiles, level, count = [], 0, size
    while count:
        full, rest = divmod(count, WIDTH)
        tiles += [Tile(level, number) for number in range(full)]
        tiles += [Tile(level, full, rest)] if rest else []
        level, count = level + 1, full
    return tiles


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
        held = tiles(tile_of(node, size))
        count = 1 << (node.level % HEIGHT)
        start = (node.number * count % WIDTH) * HASH_BYTES
        return perfect_root([held[at : at + HASH_BYTES] for at in range(start, start + count * HASH_BYTES, HASH_BYTES)])

    return hash_of
