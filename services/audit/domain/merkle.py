"""The hash tree over a log (RFC 6962 section 2.1, SHA-256): its root, and which nodes prove that a leaf or an older tree is in it.

A `Node` is a perfect subtree: level 0 is a leaf, and node (level, number) covers the leaves from number · 2^level on. Whoever holds the hashes of
some nodes gives them as a function, so a log of any size is proved from the few dozen hashes that a proof needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from hashlib import sha256
from typing import NamedTuple

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


class Span(NamedTuple):
    """Leaves from `start` up to, not including, `end`: one subtree of RFC 6962, perfect or the ragged right edge."""

    start: int
    end: int


class Node(NamedTuple):
    """A perfect subtree of 2^level leaves."""

    level: int
    number: int

    @property
    def span(self) -> Span:
        """Its leaves."""
        return Span(self.number << self.level, (self.number + 1) << self.level)


NodeHash = Callable[[Node], bytes]
"""Gives the hash of a node; whatever it raises for one that is not held goes through."""


class OutOfTree(ValueError):
    """A leaf or an older size that a tree of this size cannot have."""


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf, so no leaf can pass for an inner node."""
    return sha256(b"\x00" + leaf).digest()


def parent_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children."""
    return sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over 2^n hashes."""
    level = list(hashes)
    while len(level) > 1:
        pairs = iter(level)
        level = [parent_hash(left, right) for left, right in zip(pairs, pairs, strict=True)]
    return level[0]


def nodes_of(span: Span) -> list[Node]:
    """The perfect subtrees that a span falls into, from left to right, ever smaller."""
    nodes, start = [], span.start
    while start < span.end:
        level = (span.end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def aligned(span: Span, highest: int) -> list[Node]:
    """The perfect subtrees of at most 2^highest leaves that a span falls into wherever it begins, from left to right."""
    nodes, start = [], span.start
    while start < span.end:
        level = min(highest, (span.end - start).bit_length() - 1)
        while start % (1 << level):
            level -= 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


class Edge:
    """The right edge of a tree to which perfect subtrees are added, each where the last one ended, from leaf 0 on."""

    def __init__(self, subtrees: Iterable[tuple[Node, bytes]] = ()) -> None:
        self._subtrees: list[tuple[Node, bytes]] = []
        for node, found in subtrees:
            self.add(node, found)

    def add(self, node: Node, found: bytes) -> None:
        """A subtree with its hash."""
        while self._subtrees and self._subtrees[-1][0].level == node.level:
            node, found = Node(node.level + 1, node.number >> 1), parent_hash(self._subtrees.pop()[1], found)
        self._subtrees.append((node, found))

    def root(self) -> bytes:
        """Of the tree as it is now."""
        hashes = [found for _, found in self._subtrees] or [EMPTY_ROOT]
        return reduce(lambda right, left: parent_hash(left, right), reversed(hashes[:-1]), hashes[-1])

    def copy(self) -> Edge:
        """Another that grows by itself."""
        return Edge(self._subtrees)


def span_hash(span: Span, hash_of: NodeHash) -> bytes:
    """The Merkle tree hash of a span that RFC 6962 would split off; of an empty one the hash of nothing."""
    nodes = nodes_of(span)
    if not nodes:
        return EMPTY_ROOT
    found = hash_of(nodes[-1])
    for node in reversed(nodes[:-1]):
        found = parent_hash(hash_of(node), found)
    return found


def root(size: int, hash_of: NodeHash) -> bytes:
    """The root of a tree of this size."""
    return span_hash(Span(0, size), hash_of)


def inclusion_spans(index: int, size: int) -> list[Span]:
    """What hashes prove that this leaf (from 0) is in a tree of this size, from the leaf's sibling up. Raises OutOfTree."""
    if not 0 <= index < size:
        raise OutOfTree(f"a tree of {size} leaves has no leaf {index}")
    return [sibling for _, sibling in _descent(index, size)][::-1]


def consistency_spans(old: int, size: int) -> list[Span]:
    """What hashes prove that the tree of `old` leaves is the beginning of this one (RFC 6962 section 2.1.2). None are needed for the
    same tree or an empty one. Raises OutOfTree.
    """
    if not 0 <= old <= size:
        raise OutOfTree(f"a tree of {size} leaves has no beginning of {old}")
    if old in (0, size):
        return []
    siblings: list[Span] = []
    for inside, sibling in _descent(old - 1, size):
        siblings.append(sibling)
        if (
            inside.end == old
        ):  # the old tree ends with a whole subtree of the new one; it starts the proof unless it is the old tree
            return ([] if inside.start == 0 else [inside]) + siblings[::-1]
    raise AssertionError("a descent ends at a single leaf, and that one ends at the old size")


def root_of_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a proof claims for a leaf (its hash). Raises OutOfTree when the proof cannot be one of this leaf and size."""
    spans = inclusion_spans(index, size)
    if len(spans) != len(path):
        raise OutOfTree(f"leaf {index} of {size} is proved by {len(spans)} hashes, not by {len(path)}")
    found = leaf
    for span, sibling in zip(spans, path, strict=True):
        found = parent_hash(sibling, found) if span.start < index else parent_hash(found, sibling)
    return found


def roots_of_consistency(old: int, size: int, old_root: bytes, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots of the old and the new tree that a proof claims. `old_root` stands in where the old tree is a subtree of the new one. Not
    for equal or empty trees, which need no proof. Raises OutOfTree.
    """
    spans = consistency_spans(old, size)
    if len(spans) != len(path) or not spans:
        raise OutOfTree(
            f"that {old} leaves are the beginning of {size} is proved by {len(spans)} hashes, not by {len(path)}"
        )
    hashes = list(zip(spans, path, strict=True))
    if hashes[0][0].end == old:
        (_, older), hashes = hashes[0], hashes[1:]
    else:
        older = old_root
    newer = older
    for span, sibling in hashes:
        if span.start < old:
            older, newer = parent_hash(sibling, older), parent_hash(sibling, newer)
        else:
            newer = parent_hash(newer, sibling)
    return older, newer


def _descent(index: int, size: int) -> Iterator[tuple[Span, Span]]:
    """From the root to a leaf: the half that holds the leaf, and the other one."""
    inside = Span(0, size)
    while inside.end - inside.start > 1:
        middle = inside.start + (1 << (inside.end - inside.start - 1).bit_length() - 1)
        left, right = Span(inside.start, middle), Span(middle, inside.end)
        inside, sibling = (left, right) if index < middle else (right, left)
        yield inside, sibling
