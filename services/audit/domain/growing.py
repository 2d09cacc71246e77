"""How the tree grows: the tiles that new leaves add to it, from the ragged right edge that it had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.audit.domain.merkle import HASH_BYTES, perfect_root
from services.audit.domain.tiles import WIDTH, Tile, hashes_in


def grow(size: int, edge: Mapping[Tile, bytes], leaves: Sequence[bytes]) -> dict[Tile, bytes]:
    """The new tiles, their hashes side by side, when these leaf hashes follow on `size` leaves; `edge`: as `right_edge` names it."""
    made: dict[Tile, bytes] = {}
    level, hashes = 0, leaves
    while hashes:
        number, width = divmod(size, WIDTH)
        held = (edge[Tile(level, number, width)] if width else b"") + b"".join(hashes)
        tiles = [held[at : at + WIDTH * HASH_BYTES] for at in range(0, len(held), WIDTH * HASH_BYTES)]
        for place, tile in enumerate(tiles, start=number):
            made[Tile(level, place, len(tile) // HASH_BYTES)] = tile
        hashes = [perfect_root(hashes_in(tile)) for tile in tiles if len(tile) == WIDTH * HASH_BYTES]
        level, size = level + 1, number
    return made
