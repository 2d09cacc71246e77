"""The bill that money at a standing number pays although nobody had asked for it: it is issued together with its payment. Pure.

A contribution code stays payable every month (domain.md section 6 and rule 22 of section 12), so what an inquiry would have quoted is what the
money must be. Only in a running spell: a first bill and one after a lapse are asked for, as their month is that of the payment.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.events.contributions import BillKind, ContributionBilled
from contracts.values import BillId
from services.payments.domain.bill import Bill, BillStatus
from services.payments.domain.billing import issue
from services.payments.domain.payer import Payer, issued
from services.payments.domain.paying import CannotPay, Limits, Money, is_payable


@dataclass(frozen=True, slots=True)
class NextBill:
    """A bill that is issued as it is paid; `rules`: the version that priced it."""

    billed: ContributionBilled
    rules: str


def next_bill(
    payer: Payer, money: Money, refusal: CannotPay, limits: Limits, *, bill_id: BillId
) -> NextBill | CannotPay:
    """The bill of all months owed, if this money is its amount; why not, where it is owed and the money is another sum; else the `refusal`.

    It is the bill that an inquiry would have named when the money was taken, also where that month is over by now (domain.md section 6: judged at
    `effective_at`). The amount of a bill that was cancelled pays none: it was for that one.
    """
    if refusal is not CannotPay.EXPIRED or payer.kind_at(money.effective_at) is not BillKind.STANDARD:
        return refusal
    outcome = issue(payer, now=money.effective_at, bill_id=bill_id, sets=limits.sets)
    if not isinstance(outcome, tuple):
        return refusal
    billed, rules = outcome
    bill = issued(billed, money.effective_at)
    if not is_payable(payer, bill, money.effective_at, None, limits):
        return refusal
    if not bill.amount:
        return CannotPay.PAID  # credit covers it whole: an inquiry is told the same
    ended = _ended_like(payer, money.amount)
    if ended is BillStatus.CANCELLED:
        return refusal
    if bill.amount == money.amount:
        return NextBill(billed, rules.version)
    return CannotPay.WRONG_AMOUNT if ended in {None, BillStatus.PAID} else refusal


def _ended_like(payer: Payer, amount: int) -> BillStatus | None:
    """What became of the newest bill of just this amount."""
    same = [bill for bill in payer.bills.values() if bill.amount == amount]
    newest: Bill | None = max(same, key=lambda bill: (bill.issued_at, bill.bill_id), default=None)
    return newest and newest.status
