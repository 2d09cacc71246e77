"""Whatever way an Indonesian mobile number is written, one E.164 form comes out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.phone import normalise
from services.registration.problems import PHONE_FOREIGN, PHONE_FORMAT, PHONE_NOT_MOBILE


@pytest.mark.parametrize(
    "written",
    ["081234567890", "6281234567890", "+6281234567890", "0812-3456-7890", "+62 812 3456 7890", "(0812) 3456.7890"],
)
def test_each_way_of_writing_gives_the_same_number(written: str) -> None:
    assert normalise(written) == "+6281234567890"


@given(st.integers(0, 9_999_999))
def test_normalising_is_idempotent(rest: int) -> None:
    once = normalise(f"0812{rest:07d}")
    assert isinstance(once, str)
    assert normalise(once) == once


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("0215551234", PHONE_NOT_MOBILE),
        ("+62215551234", PHONE_NOT_MOBILE),
        ("+6591234567", PHONE_FOREIGN),
        ("+12025550123", PHONE_FOREIGN),
        ("81234567890", PHONE_FORMAT),
        ("0812", PHONE_FORMAT),
        ("08123456789012345", PHONE_FORMAT),
        ("0812345678x", PHONE_FORMAT),
        ("", PHONE_FORMAT),
        ("٠٨١٢٣٤٥٦٧٨٩", PHONE_FORMAT),
        ("0812 3456 7890;ext=5", PHONE_FORMAT),
    ],
)
def test_what_gets_no_message_is_refused(written: str, problem: object) -> None:
    assert normalise(written) is problem
