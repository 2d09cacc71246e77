from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import new_id
from chassis.privacy.boxes import PART_BYTES, FileBoxes, UnreadableFile

BOXES = FileBoxes(bytes(range(64)), "test-files")


@given(st.integers(0, 3), st.integers(0, 5))
def test_what_was_closed_is_opened(parts: int, more: int) -> None:
    content, import_id = os.urandom(parts * PART_BYTES + more), new_id()
    assert BOXES.open(import_id, BOXES.close(import_id, content)) == content


def test_nothing_of_the_content_shows() -> None:
    assert not any(b"Siti" in box for box in BOXES.close(new_id(), b"Siti Rahayu" * 1_000))


def test_parts_cannot_be_swapped_left_out_altered_or_moved() -> None:
    import_id = new_id()
    one, two, three = BOXES.close(import_id, os.urandom(2 * PART_BYTES + 1))
    for boxes in ([two, one, three], [one, two], [one, two, three[:-1] + b"x"], [one, one, three]):
        with pytest.raises(UnreadableFile):
            BOXES.open(import_id, boxes)
    with pytest.raises(UnreadableFile):
        BOXES.open(new_id(), [one, two, three])
    for other in (FileBoxes(bytes(64), "test-files"), FileBoxes(bytes(range(64)), "other-files")):
        with pytest.raises(UnreadableFile):
            other.open(import_id, [one, two, three])


def test_a_part_that_the_caller_cut_is_opened_by_itself() -> None:
    file_id = new_id()
    boxes = BOXES.close_parts(file_id, [b"", b"one\n", b"two\n"])
    assert [BOXES.open_part(file_id, number, 3, box) for number, box in enumerate(boxes)] == [b"", b"one\n", b"two\n"]
    for number, parts in ((0, 3), (1, 2)):
        with pytest.raises(UnreadableFile):
            BOXES.open_part(file_id, number, parts, boxes[1])
