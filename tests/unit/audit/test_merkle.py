"""The hash tree against RFC 6962's own vectors, against the recursive definition, and against whoever changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    Node,
    OutOfTree,
    consistency_spans,
    inclusion_spans,
    leaf_hash,
    perfect_root,
    root,
    root_of_inclusion,
    roots_of_consistency,
    span_hash,
)
from services.audit.domain.tiles import Tile, hashes_from, new_tiles, right_edge, tile_of

RFC_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
RFC_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""The reference vectors of Certificate Transparency: the tree over the first 1 … 8 leaves."""


class Tree:
    """The definition of RFC 6962 word by word, over a list of leaf hashes: slow, and not the code under test."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = [sha256(b"\x00" + leaf).digest() for leaf in leaves]

    def over(self, start: int, end: int) -> bytes:
        if end - start < 2:
            return self.leaves[start] if end > start else sha256(b"").digest()
        half = 1
        while half * 2 < end - start:
            half *= 2
        return sha256(b"\x01" + self.over(start, start + half) + self.over(start + half, end)).digest()

    def node(self, node: Node) -> bytes:
        start = node.number << node.level
        assert start + (1 << node.level) <= len(self.leaves), "a node outside the tree was asked for"
        return self.over(start, start + (1 << node.level))


def tree_of(size: int) -> Tree:
    return Tree([str(number).encode() for number in range(size)])


SIZES = st.integers(1, 700)


def test_roots_are_those_of_the_rfc() -> None:
    tree = Tree([bytes.fromhex(leaf) for leaf in RFC_LEAVES])
    assert [root(size, tree.node).hex() for size in range(1, 9)] == RFC_ROOTS
    assert root(0, tree.node) == EMPTY_ROOT


@given(SIZES)
def test_a_root_is_the_recursive_definition(size: int) -> None:
    tree = tree_of(size)
    assert root(size, tree.node) == tree.over(0, size)


@given(SIZES, st.data())
def test_every_leaf_is_proved_and_no_other_one(size: int, data: st.DataObject) -> None:
    tree, index = tree_of(size), data.draw(st.integers(0, size - 1))
    path = [span_hash(span, tree.node) for span in inclusion_spans(index, size)]
    assert root_of_inclusion(tree.leaves[index], index, size, path) == tree.over(0, size)
    assert root_of_inclusion(leaf_hash(b"another"), index, size, path) != tree.over(0, size)
    if path:
        spoilt = data.draw(st.integers(0, len(path) - 1))
        path[spoilt] = bytes([path[spoilt][0] ^ 1]) + path[spoilt][1:]
        assert root_of_inclusion(tree.leaves[index], index, size, path) != tree.over(0, size)


@given(SIZES, st.data())
def test_a_proof_of_another_place_or_length_is_refused(size: int, data: st.DataObject) -> None:
    tree, index = tree_of(size), data.draw(st.integers(0, size - 1))
    path = [span_hash(span, tree.node) for span in inclusion_spans(index, size)]
    with pytest.raises(OutOfTree):
        root_of_inclusion(tree.leaves[index], size, size, path)
    with pytest.raises(OutOfTree):
        root_of_inclusion(tree.leaves[index], index, size, [*path, path[0] if path else EMPTY_ROOT])


@given(SIZES, st.data())
def test_an_older_tree_is_proved_to_be_the_beginning(size: int, data: st.DataObject) -> None:
    old, tree = data.draw(st.integers(1, size)), tree_of(size)
    path = [span_hash(span, tree.node) for span in consistency_spans(old, size)]
    if old == size:
        assert path == []
        return
    roots = tree.over(0, old), tree.over(0, size)
    assert roots_of_consistency(old, size, roots[0], path) == roots


@given(SIZES.filter(lambda size: size > 1), st.data())
def test_a_rewritten_history_is_no_continuation(size: int, data: st.DataObject) -> None:
    """Somebody changes a leaf of the old part and computes everything anew: the old root, kept outside, does not come out."""
    old = data.draw(st.integers(1, size - 1))
    changed, before = data.draw(st.integers(0, old - 1)), tree_of(size)
    leaves = [str(number).encode() for number in range(size)]
    leaves[changed] = b"changed"
    after = Tree(leaves)
    path = [span_hash(span, after.node) for span in consistency_spans(old, size)]
    claimed = roots_of_consistency(old, size, before.over(0, old), path)
    assert claimed != (before.over(0, old), after.over(0, size))


@pytest.mark.parametrize(("old", "size"), [(5, 4), (-1, 4)])
def test_an_older_tree_cannot_be_larger(old: int, size: int) -> None:
    with pytest.raises(OutOfTree):
        consistency_spans(old, size)


def tiles_of(size: int) -> list[Tile]:
    """All tiles of a tree of this size by the standard's formula, lowest level first."""
    tiles, level, count = [], 0, size
    while count:
        full, rest = divmod(count, 256)
        tiles += [Tile(level, number) for number in range(full)] + ([Tile(level, full, rest)] if rest else [])
        level, count = level + 1, full
    return tiles


def tiles_in(tree: Tree, size: int) -> dict[Tile, bytes]:
    """Every tile of the tree, by the formula of tlog-tiles."""
    return {
        tile: b"".join(
            tree.over((tile.number * 256 + i) * 256**tile.level, (tile.number * 256 + i + 1) * 256**tile.level)
            for i in range(tile.width)
        )
        for tile in tiles_of(size)
    }


@given(st.sampled_from([1, 2, 255, 256, 257, 511, 512, 700, 1_024]), st.data())
def test_tiles_give_every_node_of_the_tree(size: int, data: st.DataObject) -> None:
    tree = tree_of(size)
    held = tiles_in(tree, size)
    hash_of = hashes_from(held.__getitem__, size)
    assert root(size, hash_of) == tree.over(0, size)
    index = data.draw(st.integers(0, size - 1))
    path = [span_hash(span, hash_of) for span in inclusion_spans(index, size)]
    assert root_of_inclusion(tree.leaves[index], index, size, path) == tree.over(0, size)


def test_the_tiles_of_seventy_thousand_are_those_of_the_standard() -> None:
    tiles = tiles_of(70_000)
    assert [sum(t.level == level and t.width == 256 for t in tiles) for level in range(3)] == [273, 1, 0]
    assert [t for t in tiles if t.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert right_edge(70_000) == [t for t in tiles if t.width < 256]


@given(st.integers(0, 70_000), st.integers(0, 70_000))
def test_a_grown_tree_adds_only_what_the_old_one_had_not(one: int, other: int) -> None:
    old, size = sorted((one, other))
    before = set(tiles_of(old))
    assert new_tiles(old, size) == [tile for tile in tiles_of(size) if tile not in before]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(1, 1_234_067), "tile/1/x001/x234/067"),
        (Tile(0, 273, 112), "tile/0/273.p/112"),
        (Tile(2, 1_000), "tile/2/x001/000"),
    ],
)
def test_a_tile_lies_where_the_standard_says(tile: Tile, path: str) -> None:
    assert tile.path == path


def test_a_node_is_found_in_its_tile() -> None:
    assert tile_of(Node(0, 300), 70_000) == Tile(0, 1)
    assert tile_of(Node(8, 272), 70_000) == Tile(1, 1, 17)
    assert tile_of(Node(7, 545), 70_000) == Tile(0, 272)


def test_a_perfect_root_needs_a_power_of_two() -> None:
    with pytest.raises(ValueError, match="zip"):
        perfect_root([bytes(HASH_BYTES)] * 3)
