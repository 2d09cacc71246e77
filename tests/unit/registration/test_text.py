from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.text import UnreadableText, one_line


@pytest.mark.parametrize(
    "bad", ["a\0b", "a\nb", "a\tb", "\x1b[0m", "a\ud800", "a\u2028b", "\x85", "\u200b", "a\u202eb"]
)
def test_what_no_form_takes(bad: str) -> None:
    with pytest.raises(UnreadableText):
        one_line(bad)


def test_text_is_brought_to_one_unicode_form_and_trimmed() -> None:
    assert one_line("  Jose\u0301 ") == "Jos\u00e9"


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_reading_twice_changes_nothing(text: str) -> None:
    assert one_line(one_line(text)) == one_line(text)
