"""Cases: when a person may close one, and when the money of a day gives cause for one. Pure."""

from __future__ import annotations

from enum import StrEnum

from contracts.events.reconciliation import LineOutcome

CREDIT_GAP = "credit_gap"
"""The partner's money for a day is not what its file comes to."""

SETTLED = "settled"
"""How such a case ends by itself."""

VOIDED = "voided"
"""How a case ends whose payment was taken back (domain.md T13): only once it was."""


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
