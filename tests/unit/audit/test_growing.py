"""A tree that grows in steps is the tree that was built at once, also where tiles of tiles fill up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain.growing import grow
from services.audit.domain.merkle import root
from services.audit.domain.tiles import Tile, hashes_from, new_tiles, right_edge
from tests.unit.audit.test_merkle import tiles_of, tree_of


@given(st.lists(st.integers(1, 300), min_size=1, max_size=6))
def test_growing_in_steps_gives_the_same_tiles(steps: list[int]) -> None:
    tree, held, size = tree_of(sum(steps)), dict[Tile, bytes](), 0
    for step in steps:
        edge = {tile: held[tile] for tile in right_edge(size)}
        made = grow(size, edge, tree.leaves[size : size + step])
        assert [*made] == new_tiles(size, size + step)
        size, held = size + step, held | made
        assert root(size, hashes_from(held.__getitem__, size)) == tree.over(0, size)


def test_a_tile_of_tiles_fills_up() -> None:
    tree = tree_of(70_000)
    made = grow(0, {}, tree.leaves)
    assert [*made] == tiles_of(70_000)
    assert root(70_000, hashes_from(made.__getitem__, 70_000)) == tree.over(0, 70_000)
