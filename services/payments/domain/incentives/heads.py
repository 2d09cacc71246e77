"""What one acquisition line is worth: the amount per head of the set its month was decided under, and the rupiah it comes to.

The threshold decides on all lines of a month together (domain.md section 12, rule 2): below it every head is worth nothing. A correction that
crosses it therefore moves more than its own lines; the sum of the month is in the adjustment.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from services.payments.domain.parameters.incentives import IncentiveSet


class NoHeadPay(StrEnum):
    """Why a head brings nothing of its own."""

    THRESHOLD_NOT_MET = "threshold_not_met"
    FLAT = "flat"
    """The set pays once for the month, not per head."""


class Standing(NamedTuple):
    """How an agent's month stood in one statement: its set, how many were acquired, and what all of them brought together."""

    rules: IncentiveSet
    acquisitions: int
    acquisition_pay: int

    @property
    def reached(self) -> bool:
        """A threshold that was reached before may have been kept by the set: then there is pay with fewer."""
        return self.acquisitions >= self.rules.threshold or self.acquisition_pay > 0


class HeadPay(NamedTuple):
    """Whole rupiah; `pay` is below zero for a line that no longer counts. OLD: before the Wadah's part is carved out."""

    per_head: int
    pay: int
    reason: NoHeadPay | None


def head_pay(standing: Standing, *, with_jht: bool, sign: int) -> HeadPay:
    """Of a line that counts (`sign` 1) the month as it stands with it; of one that no longer does, as it stood before."""
    rules = standing.rules
    per_head = rules.head_with_jht if with_jht else rules.head_without_jht
    if not standing.reached:
        return HeadPay(per_head, 0, NoHeadPay.THRESHOLD_NOT_MET)
    return HeadPay(per_head, sign * per_head, NoHeadPay.FLAT if rules.flat and not per_head else None)
