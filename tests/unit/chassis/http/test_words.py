from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from chassis.http import names_nobody


@pytest.mark.parametrize(
    "text",
    [
        "Buku 1234567890123456",
        "NIK 3671 0404 0390 9999",
        "telp 0812-3456-7890",
        "rekening 137.000.123.4567",
        "sejak 2025-10-07: 1370001234567",
        "3671-04-04-03909999",
    ],
)
def test_what_may_be_the_number_of_a_person_or_an_account_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        names_nobody(text)
    assert refused.value.context is not None and refused.value.context["code"] == "long_number"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "buku tabungan 12/2025",
        "diundur ke 2025-10-14 09.00",
        "diundur ke 14-10-2025 09.00",
        "baris 123456789",
        "15% dari 1.000.000",
    ],
)
def test_dates_sums_and_lines_are_words(text: str) -> None:
    assert names_nobody(text) == text
