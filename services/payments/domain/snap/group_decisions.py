"""What a bank is answered about a collective bill or an agent's deposits: the same table (snap.md section 8), for what is no payer. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.payments.domain.collective import Collective, CollectiveStatus, cannot_pay_whole, is_open
from services.payments.domain.paying import CannotPay, Limits, Money, Posted, Quote
from services.payments.domain.snap import codes
from services.payments.domain.snap.decisions import PAYING_CASES, Repeated


@dataclass(frozen=True, slots=True)
class Heard:
    """What a call says beside its money, and what was met of it before: `first` was posted under the same reference."""

    first: Posted | None
    quote: Quote | None
    agrees: bool
    advice: bool
    limits: Limits


def whole_to_quote(
    bill: Collective, now: datetime, earlier: Quote | None, limits: Limits, *, void: bool
) -> codes.Case | None:
    """Why this bill is not named by an inquiry; None when it is. A `void` one is as little payable as one past its end."""
    if bill.status is CollectiveStatus.PAID:
        return codes.PAID
    return codes.EXPIRED if void or not is_open(bill, now, earlier, limits) else None


def whole_to_pay(bill: Collective, money: Money, heard: Heard, *, void: bool) -> Repeated | codes.Case | None:
    """None when this money pays the bill. A repeat gets its first answer, whatever became of the lines."""
    if heard.first is not None:
        return _repeated(bill.bill_id, money, heard.first, heard)
    refusal = cannot_pay_whole(bill, money, heard.quote, heard.limits, void=void)
    if refusal is not None:
        return PAYING_CASES[refusal]
    return None if heard.agrees else codes.WRONG_AMOUNT


def deposit_to_take(agent_id: UUID, money: Money, heard: Heard) -> Repeated | codes.Case | None:
    """None when this money may be added to the balance: any amount, of a day that is not too long ago."""
    if heard.first is not None:
        return _repeated(agent_id, money, heard.first, heard)
    if money.effective_at < money.received_at - heard.limits.max_backdate:
        return PAYING_CASES[CannotPay.TOO_OLD]
    return None if heard.agrees else codes.WRONG_AMOUNT


def _repeated(target: UUID, money: Money, first: Posted, heard: Heard) -> Repeated | codes.Case:
    if first.target_id != target:
        return codes.OTHER_ACCOUNT
    if money.amount != first.amount or not heard.agrees:
        return codes.WRONG_AMOUNT
    if first.voided:
        return codes.VOIDED
    return Repeated(first, codes.SUCCESS if heard.advice else codes.ALREADY_POSTED)
