"""What a bank is answered, decided on the payer's state alone: the table of snap.md section 8 as code. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts.values import BillId
from services.payments.domain.bill import Bill, BillStatus
from services.payments.domain.billing import CancelReason, CannotBill, cannot_pay
from services.payments.domain.next_bill import NextBill, next_bill
from services.payments.domain.payer import Payer
from services.payments.domain.paying import CannotPay, Limits, Money, Posted, Quote, is_paid, is_payable, settle
from services.payments.domain.snap import codes

BILLING_CASES = {
    CannotBill.NOTHING_OWED: codes.PAID,
    CannotBill.REGISTRATION_EXPIRED: codes.REGISTRATION_EXPIRED,
    CannotBill.BLOCKED: codes.BLOCKED_BILL,
    CannotBill.CLOSED: codes.CLOSED,
}
PAYING_CASES = {
    CannotPay.EXPIRED: codes.EXPIRED,
    CannotPay.TOO_OLD: codes.EXPIRED,
    CannotPay.PAID: codes.PAID,
    CannotPay.WRONG_AMOUNT: codes.WRONG_AMOUNT,
    CannotPay.BLOCKED: codes.BLOCKED_BILL,
    CannotPay.CLOSED: codes.CLOSED,
    CannotPay.VOID: codes.EXPIRED,
    CannotPay.OTHER_CHANNEL: codes.NOT_FOR_FIRST,
}
_TIME_WAS_OVER = frozenset({CancelReason.LAPSED, CancelReason.REGISTRATION_EXPIRED})


@dataclass(frozen=True, slots=True)
class Repeated:
    """This payment request is in the books already: its first result, with the code that a repeat gets."""

    first: Posted
    case: codes.Case


def bill_to_quote(payer: Payer, now: datetime, earlier: Quote | None, limits: Limits) -> Bill | codes.Case | None:
    """The bill that an inquiry names, or why none; None when the next one has to be issued first.

    `earlier` is the quote that the same inquiry request got before: it stands as long as it could be paid.
    """
    if refusal := cannot_pay(payer, now):
        return BILLING_CASES[refusal]
    if earlier is not None:
        quoted = payer.bills.get(earlier.bill_id)
        if quoted is not None and is_payable(payer, quoted, now, earlier, limits):
            return quoted
    bill = payer.open_bill
    if bill is not None and is_payable(payer, bill, now, None, limits):
        return bill
    return None if payer.months_owed(now) else codes.PAID


def own_bill_to_quote(
    payer: Payer, bill: Bill, now: datetime, earlier: Quote | None, limits: Limits
) -> codes.Case | None:
    """Why an inquiry of this bill's own number does not name it; None when it does. Such a number never stands for another bill."""
    if refusal := cannot_pay(payer, now):
        return BILLING_CASES[refusal]
    if is_payable(payer, bill, now, earlier, limits):
        return None
    return codes.PAID if is_paid(payer, [bill]) else _ended(bill)


def bill_to_pay(
    payer: Payer | None,
    money: Money,
    *,
    only: BillId | None = None,
    first: Posted | None,
    quote: Quote | None,
    agrees: bool,
    advice: bool,
    limits: Limits,
    bill_id: BillId,
) -> Bill | NextBill | Repeated | codes.Case:
    """The bill that this payment settles, the first result of a repeat, or a refusal that books nothing.

    `first` is what this partner's reference posted before, found by the payment's own id and never by an inquiry's. An advice of
    an unknown payment is a first payment: the money was taken and our answer got lost. `only`: it was paid at this bill's own number; `bill_id`:
    of a bill that is issued with its payment.
    """
    if first is not None:
        return _repeated(payer, money, first, agrees=agrees, advice=advice)
    if payer is None:
        return codes.UNKNOWN_BILL
    outcome: Bill | NextBill | CannotPay = settle(payer, money, quote, limits, only)
    if isinstance(outcome, CannotPay) and quote is None and only is None:
        outcome = next_bill(payer, money, outcome, limits, bill_id=bill_id)
    if outcome is CannotPay.EXPIRED and only is not None:
        return _ended(payer.bills[only])
    if isinstance(outcome, CannotPay):
        return PAYING_CASES[outcome]
    return outcome if agrees else codes.WRONG_AMOUNT


def _ended(bill: Bill) -> codes.Case:
    """Of a bill that nobody paid: its number is as good as unknown when the bill was taken back, and expired when its time was over."""
    gone = bill.status is BillStatus.CANCELLED and bill.reason not in _TIME_WAS_OVER
    return codes.UNKNOWN_BILL if gone else codes.EXPIRED


def _repeated(payer: Payer | None, money: Money, first: Posted, *, agrees: bool, advice: bool) -> Repeated | codes.Case:
    if payer is None or (payer.participant_id, money.number) != (first.participant_id, first.number):
        return codes.OTHER_ACCOUNT
    if money.amount != first.amount or not agrees:
        return codes.WRONG_AMOUNT
    if first.voided:
        return codes.VOIDED
    return Repeated(first, codes.SUCCESS if advice else codes.ALREADY_POSTED)
