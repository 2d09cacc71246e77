"""Cases: when a person may close one, when the money of a day gives cause for one, and when a missing payment may be voided. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from contracts.events.reconciliation import LineOutcome
from contracts.values import CaseId

CREDIT_GAP = "credit_gap"
"""The partner's money for a day is not what its file comes to."""

SETTLED = "settled"
"""How such a case ends by itself."""

VOIDED = "voided"
"""How a case ends whose payment was taken back (domain.md T13): only once it was, and by itself then."""

PAID = "paid"
"""What the partner says of a payment that it has after all."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What the partner's files say of a receipt that somebody wants to void. `case_id`: the open case about it, None where there is none.

    `more_files`: another file of the partner was worked off after the one that lacked the receipt.
    """

    partner: str
    sends_files: bool
    case_id: CaseId | None = None
    day: date | None = None
    status_told: str | None = None
    more_files: bool = False


class NotYetVoid(StrEnum):
    """Why a receipt is not voided before its partner had every chance to show it (snap.md section 11.3, domain.md T13)."""

    NOT_MISSING = "not_missing_at_bank"
    STATUS_NOT_ASKED = "case_status_not_asked"
    FILE_AWAITED = "settlement_file_awaited"


def not_yet_void(missing: Missing) -> NotYetVoid | None:
    """None when the receipt may be voided: its day's file lacks it, the partner was asked and has it not, and one more file came.

    A partner whose files were not agreed on by the day of the receipt sends none: two people and their evidence have to do.
    """
    if not missing.sends_files:
        return None
    if missing.case_id is None or missing.status_told == PAID:
        return NotYetVoid.NOT_MISSING
    if missing.status_told is None:
        return NotYetVoid.STATUS_NOT_ASKED
    return None if missing.more_files else NotYetVoid.FILE_AWAITED


class CannotClose(StrEnum):
    CLOSED = "case_closed"
    NOT_VOIDED = "case_not_voided"
    STATUS_NOT_ASKED = "case_status_not_asked"
    """A payment that the partner does not list ends by nobody's word before the partner was asked for it."""


def may_close(
    *, is_open: bool, kind: str, outcome: str, payment_taken_back: bool, status_told: str | None
) -> CannotClose | None:
    """None when a person may close the case with this outcome."""
    if not is_open:
        return CannotClose.CLOSED
    if outcome == VOIDED and not payment_taken_back:
        return CannotClose.NOT_VOIDED
    if kind == LineOutcome.MISSING_AT_BANK and outcome != VOIDED and status_told is None:
        return CannotClose.STATUS_NOT_ASKED
    return None
