"""The root of a log from the subtrees that a cold month falls into, and what a manifest refuses to be."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.values import ContributionMonth
from services.audit.domain.manifests import BadManifest, Manifest, Part
from services.audit.domain.merkle import Span, aligned, nodes_of, root_over
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
    assert root_over(hashes) == tree.over(0, end)


def manifest() -> Manifest:
    hash_ = bytes(32)
    files = (Part("000000000300.parquet", 300, 512, 9, "0" * 64), Part("000000000512.parquet", 512, 600, 9, "0" * 64))
    before = (hash_,) * len(nodes_of(Span(0, 300)))
    nodes = (hash_,) * len(aligned(Span(300, 600), HEIGHT))
    return Manifest("log", ContributionMonth(2026, 9), 300, 600, "note", before, nodes, files)


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
