"""New ids: standard, unique, in order of time."""

from __future__ import annotations

from uuid import UUID

from chassis.ids import new_id


def test_ids_are_standard_uuids_of_version_7() -> None:
    assert type(new_id()) is UUID
    assert new_id().version == 7


def test_ids_are_unique_and_ascend() -> None:
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert made == sorted(made)
