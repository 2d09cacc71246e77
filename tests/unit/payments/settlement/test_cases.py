"""When a payment may be voided: only after its partner's files, and the partner itself, had every chance to show it."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from contracts.values import CaseId
from services.payments.domain.settlement.cases import Missing, NotYetVoid, not_yet_void

CASE, DAY = CaseId(UUID(int=7)), date(2025, 10, 6)


@pytest.mark.parametrize(
    ("case_id", "told", "more", "expected"),
    [
        (None, None, True, NotYetVoid.NOT_MISSING),
        (CASE, None, True, NotYetVoid.STATUS_NOT_ASKED),
        (CASE, "paid", True, NotYetVoid.NOT_MISSING),
        (CASE, "not_paid", False, NotYetVoid.FILE_AWAITED),
        (CASE, "not_paid", True, None),
        (CASE, "not_known", True, None),
    ],
)
def test_a_partner_that_sends_files_shows_it_or_not(
    case_id: CaseId | None, told: str | None, more: bool, expected: NotYetVoid | None
) -> None:
    assert not_yet_void(Missing("bank-a", True, case_id, DAY, told, more)) is expected


def test_a_partner_without_files_is_not_waited_for() -> None:
    assert not_yet_void(Missing("bank-a", False)) is None
