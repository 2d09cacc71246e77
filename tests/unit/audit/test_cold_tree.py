"""The root of a log from the subtrees that a cold month falls into, and what a manifest refuses to be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.values import ContributionMonth
from services.audit.domain.manifests import BadManifest, Manifest, Part
from services.audit.domain.merkle import Edge, Node, Span, aligned, nodes_of
from services.audit.domain.tiles import HEIGHT, WIDTH
from tests.unit.audit.test_merkle import Tree

SIZES = st.integers(1, 1_200)


@given(SIZES, st.data())
def test_subtrees_of_a_month_and_those_before_it_lead_to_the_root_of_the_log(end: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, end - 1))
    tree = Tree([str(number).encode() for number in range(end)])
    nodes = [*nodes_of(Span(0, start)), *aligned(Span(start, end), HEIGHT)]
    covered = [place for node in nodes for place in range(*node.span)]
    assert covered == [*range(end)]
    assert all(node.level <= HEIGHT for node in aligned(Span(start, end), HEIGHT))
    hashes = [(node, tree.over(*node.span)) for node in nodes]
    assert Edge(hashes).root() == tree.over(0, end)


@given(SIZES, st.data())
def test_a_month_says_what_the_root_was_at_every_size_that_it_covers(end: int, data: st.DataObject) -> None:
    """And before it at those only with which one of the subtrees before it ends; nothing that it says is wrong."""
    start = data.draw(st.integers(0, end - 1))
    tree = Tree([str(number).encode() for number in range(end)])
    month = manifest(start, end, before=[tree.over(*node.span) for node in nodes_of(Span(0, start))])
    nodes = [tree.over(*node.span) for node in month.subtrees]
    known = {node: [tree.over(*Node(0, place).span) for place in range(*node.span)] for node in month.subtrees}
    roots = dict(month.roots(nodes, known, range(end + 9)))
    assert roots.keys() == {*range(start, end + 1), *(node.span.start for node in nodes_of(Span(0, start)))}
    assert all(root == tree.over(0, size) for size, root in roots.items())
    unknown = data.draw(st.sampled_from(month.subtrees))
    fewer = month.roots(nodes, {node: hashes for node, hashes in known.items() if node != unknown}, range(end + 9))
    assert dict(fewer) == {
        size: root for size, root in roots.items() if not unknown.span.start < size < unknown.span.end
    }


def manifest(start: int = 300, end: int = 600, before: Sequence[bytes] = ()) -> Manifest:
    hash_ = bytes(32)
    middle = min((start // 256 + 1) * 256, end)
    files = [
        Part(f"{at:012}.parquet", at, upto, 9, "0" * 64) for at, upto in ((start, middle), (middle, end)) if at < upto
    ]
    earlier = tuple(before) or (hash_,) * len(nodes_of(Span(0, start)))
    nodes = (hash_,) * len(aligned(Span(start, end), HEIGHT))
    return Manifest("log", ContributionMonth(2026, 9), start, end, "note", earlier, nodes, tuple(files))


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert Manifest.parse(str(manifest())) == manifest()


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"start": 301},
        {"start": 600},
        {"start": -1},
        {"end": 601},
        {"before": []},
        {"nodes": ["00"]},
        {"month": "2026-9"},
        {"files": []},
        {"files": [{"name": "../../etc/passwd", "start": 300, "end": 600, "size": 1, "sha256": "0" * 64}]},
        {"files": [{"name": "000000000300.parquet", "start": 300, "end": 599, "size": 1, "sha256": "0" * 64}]},
        {"files": [{"name": "000000000300.parquet", "start": 300, "end": 600, "size": 1, "sha256": "?"}]},
        {"files": [{"name": 5}]},
        {"more": 1},
    ],
)
def test_anything_else_is_refused(change: dict[str, object]) -> None:
    told = json.loads(str(manifest())) | change
    with pytest.raises(BadManifest):
        Manifest.parse(json.dumps(told, indent=1) + "\n")


@pytest.mark.parametrize("text", ["", "[]", "nonsense", "{}", str(manifest()) + " ", "[" * 100_000])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(BadManifest):
        Manifest.parse(text)


def test_a_file_holds_whole_subtrees() -> None:
    with pytest.raises(BadManifest):
        replace(manifest(), end=299)
    assert 1 << HEIGHT == WIDTH
