"""From a signed checkpoint down: which stored part of the tree is the one that was signed, copy by copy."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from services.audit.domain.checkpoints import Checkpoint
from services.audit.domain.merkle import HASH_BYTES, Span, perfect_root, root
from services.audit.domain.tiles import WIDTH, Tile, hashes_from, hashes_in, leads_to, right_edge
from services.audit.domain.verifying import Finding, Kind, other_tile
from services.audit.publishing import tile_in
from services.audit.queries.log import leaf_hashes
from services.audit.queries.tree import needed, stored_tiles
from services.audit.verification.parts import Proven


class Trust:
    """The tree under one checkpoint. `findings` grow while it is climbed."""

    def __init__(self, conn: AsyncConnection, folder: Path, checkpoint: Checkpoint) -> None:
        self._conn, self._folder, self._checkpoint = conn, folder, checkpoint
        self.findings: list[Finding] = []
        self._proven: dict[Tile, bytes] = {}
        self._roots: dict[int, bytes] = {}

    async def climb(self) -> list[Proven]:
        """All tiles of leaf hashes, in their order, with what proves them; none when no copy of the tree is the one that was signed."""
        size = self._checkpoint.size
        edge = await self._edge()
        if edge is None:
            text = (
                f"no copy of the tree leads to the root of {size} leaves that was signed"
                f" / tidak ada salinan pohon yang menuju akar {size} daun yang ditandatangani"
            )
            self.findings.append(Finding(Kind.CHECKPOINT, size, None, text))
            return []
        self._proven = dict(edge)
        for level in range(max((tile.level for tile in edge), default=0), 0, -1):
            full = await self._full(level)
            self._proven |= full
            held = full | {tile: hashes for tile, hashes in edge.items() if tile.level == level}
            self._roots = {
                number: hash_
                for tile, hashes in sorted(held.items())
                for number, hash_ in enumerate(hashes_in(hashes), start=tile.number * WIDTH)
            }
        last = [Proven(tile, None, hashes) for tile, hashes in edge.items() if tile.level == 0]
        return [Proven(Tile(0, number), known) for number, known in self._roots.items()] + last

    async def root_at(self, size: int) -> bytes | None:
        """What the proven tree says that the root was when it had so many leaves; None when a part for it is not proved. After `climb`."""
        wanted = needed([Span(0, size)], self._checkpoint.size) - self._proven.keys()
        stored = await stored_tiles(self._conn, wanted)
        held = dict(self._proven)
        for tile in wanted:
            copies = stored.get(tile), tile_in(self._folder, tile)
            good = [copy for copy in copies if copy is not None and leads_to(copy, self._roots.get(tile.number))]
            if not good:
                return None
            held[tile] = good[0]
        return root(size, hashes_from(held.__getitem__, self._checkpoint.size))

    async def _full(self, level: int) -> dict[Tile, bytes]:
        """The full tiles of a level, each in a copy that has the root which the level above says."""
        wanted = {Tile(level, number): known for number, known in self._roots.items()}
        stored = await stored_tiles(self._conn, wanted)
        proven: dict[Tile, bytes] = {}
        for tile, known in wanted.items():
            if leads_to(copy := stored.get(tile), known) and copy is not None:
                proven[tile] = copy
                continue
            others = tile_in(self._folder, tile), await self._of_children(tile)
            good = [copy for copy in others if copy is not None and leads_to(copy, known)]
            self.findings.append(other_tile(tile, proved=bool(good)))
            proven.update({tile: good[0]} if good else {})
        return proven

    async def _of_children(self, tile: Tile) -> bytes | None:
        children = [Tile(tile.level - 1, tile.number * WIDTH + number) for number in range(tile.width)]
        stored = await stored_tiles(self._conn, children)
        if len(stored) < tile.width:
            return None
        return b"".join(perfect_root(hashes_in(stored[child])) for child in children)

    async def _edge(self) -> dict[Tile, bytes] | None:
        """The ragged right edge in that choice of copies which leads to the signed root."""
        edge = right_edge(self._checkpoint.size)
        stored = await stored_tiles(self._conn, edge)
        if len(stored) == len(edge) and self._is_signed(stored):
            return stored
        copies = []
        for tile in edge:
            derived = await self._of_children(tile) if tile.level else await self._of_rows(tile)
            found = dict.fromkeys([stored.get(tile), tile_in(self._folder, tile), derived])
            copies.append([copy for copy in found if copy is not None and len(copy) == tile.width * HASH_BYTES])
        for choice in itertools.product(*copies):
            held = dict(zip(edge, choice, strict=True))
            if self._is_signed(held):
                self.findings += [other_tile(tile) for tile in edge if tile.level and stored.get(tile) != held[tile]]
                return held
        return None

    def _is_signed(self, edge: Mapping[Tile, bytes]) -> bool:
        size = self._checkpoint.size
        return root(size, hashes_from(edge.__getitem__, size)) == self._checkpoint.root

    async def _of_rows(self, tile: Tile) -> bytes | None:
        start = tile.number * WIDTH
        try:
            return b"".join(await leaf_hashes(self._conn, start, start + tile.width))
        except LookupError:
            return None
