"""What follows when a proposal is carried out: events, or why it cannot be. Pure.

Money in suspense is used as far as it is held; a bill is settled in full; what leaves goes to an account that two people looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from contracts.event import Event
from contracts.events.astray import (
    Action,
    PayeeKind,
    PaymentAssigned,
    PaymentCredited,
    PaymentMatched,
    PaymentReturned,
    PaymentVoided,
    TransferPurpose,
)
from contracts.events.contributions import ContributionReversed
from contracts.events.groups import CollectiveBillReversed
from contracts.events.reconciliation import CaseClosed
from contracts.values import PaymentId, Rupiah, TransferOrderId
from services.payments.domain.balance import BALANCE_PARTNER, AgentBalance, withdraw
from services.payments.domain.bill import Bill
from services.payments.domain.collective import Collective, CollectiveStatus
from services.payments.domain.credit import OWN, add, left_over, taken_back
from services.payments.domain.ledger.accounts import REFUNDS_PAYABLE, fees
from services.payments.domain.orders import CannotOrder, Order, Wanted, order
from services.payments.domain.payees import Payee
from services.payments.domain.payer import Payer
from services.payments.domain.paying import Limits, Money, Posted, is_payable, post
from services.payments.domain.proposals import Proposal
from services.payments.domain.refunds import Refund
from services.payments.domain.settlement.cases import VOIDED, Missing, NotYetVoid, not_yet_void
from services.payments.domain.suspense import Case

MISSING_AT_BANK = "missing_at_bank"
"""T13: the bank's file does not have a payment that we posted."""

OUT_OF_SUSPENSE = "match:"
"""How the channel reference of a payment out of suspense begins; its own id follows, which no partner can know beforehand."""


class CannotDo(StrEnum):
    BALANCE_TOO_LOW = "withdrawal_above_balance"
    NOTHING_THERE = "nothing_there"
    """No such money in suspense, no such payment, or nothing to refund."""
    MORE_THAN_HELD = "more_than_held"
    BILL_NOT_PAYABLE = "bill_not_payable"
    WRONG_AMOUNT = "bill_of_another_amount"
    ACCOUNT_NOT_ALLOWED = "account_not_allowed"
    ALREADY_TAKEN_BACK = "already_taken_back"
    PARTLY_USED = "partly_used"
    """Some of the money was given back or used meanwhile."""
    NO_NEXT_BILL = "credit_not_usable"
    """Credit is for the next bill of a running spell, and there will be none."""
    PART_OF_A_WHOLE = "part_of_a_whole"
    """A share: the partner took and reports the whole, which alone can be taken back."""
    CAME_OUT_OF_SUSPENSE = "came_out_of_suspense"
    """No partner ever reported this payment, so none can lack it: its money came as the receipt that waited."""
    ORDERED = "already_ordered"
    NOT_OFFERED = "not_offered"


Refused = CannotDo | CannotOrder | NotYetVoid


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What stands around a proposal: the receipt in suspense, as a payment, as a refund; who would get the money; the order in force,
    what the partner's files say.

    `whole`: the collective bill that the payment paid, `unposted` rupiah of it in no share yet. `whole_stands`, `whole_reversed`: it is a
    share of a collective bill that stands, or was taken back.
    """

    case: Case | None = None
    payment: Posted | None = None
    refund: Refund | None = None
    payer: Payer | None = None
    payee: Payee | None = None
    order: Order | None = None
    missing: Missing | None = None
    """What the partner's files say of the receipt; None where it is not known at all."""
    whole: Collective | None = None
    unposted: int = 0
    whole_stands: bool = False
    whole_reversed: bool = False
    matched: Posted | None = None
    """The one payment that two people made out of the receipt; None where there is none, or more than one. `payer` is whose it is, and
    `refund` what was given back of it."""
    balance: AgentBalance | None = None
    """Whose money is to be withdrawn, with whose accounts it may go to."""
    owners: Mapping[PayeeKind, UUID] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewIds:
    """Drawn beforehand: of the payment, or of credit that is owed, and of the order that may come of it."""

    payment_id: PaymentId
    order_id: TransferOrderId


def carry_out(proposal: Proposal, found: Found, ids: NewIds, now: datetime) -> Sequence[Event] | Refused:
    """Every event of an approved proposal, in order; nothing of it otherwise."""
    if found.whole_reversed and proposal.action is not Action.VOID:
        return CannotDo.ALREADY_TAKEN_BACK  # its money goes with the whole
    match proposal.action:
        case "WITHDRAW":
            return _withdraw(proposal, found, ids)
        case Action.VOID:
            return _void_with_its_case(proposal, found, ids, now)
        case Action.REFUND:
            return _refund(proposal, found, ids)
    case = found.case
    if case is None or not case.held:
        return CannotDo.NOTHING_THERE
    if not 0 < proposal.amount <= case.held:
        return CannotDo.MORE_THAN_HELD
    match proposal.action:
        case Action.MATCH:
            return _match(proposal, case, found, ids, now)
        case Action.CREDIT:
            return _credit(proposal, case, found, now)
        case Action.RETURN:
            return _return(proposal, case, found, ids)
    return _assign(proposal, case)


def match_reference(payment_id: PaymentId) -> str:
    """The channel reference of a payment out of suspense: the receipt keeps the bank's own."""
    return f"{OUT_OF_SUSPENSE}{payment_id}"


def _match(proposal: Proposal, case: Case, found: Found, ids: NewIds, now: datetime) -> Sequence[Event] | Refused:
    payer = found.payer
    bill = None if payer is None or proposal.bill_id is None else payer.bills.get(proposal.bill_id)
    if payer is None or bill is None:
        return CannotDo.BILL_NOT_PAYABLE
    if bill.amount != proposal.amount:
        return CannotDo.WRONG_AMOUNT
    effective_at = _when(payer, bill, case, now)
    if effective_at is None:
        return CannotDo.BILL_NOT_PAYABLE
    matched = PaymentMatched(
        payment_id=case.payment_id,
        partner=case.partner,
        channel_reference=case.channel_reference,
        amount=Rupiah(proposal.amount),
        participant_id=payer.participant_id,
        matched_as=ids.payment_id,
        proposal_id=proposal.proposal_id,
    )
    money = Money(
        partner=case.partner,
        channel=case.channel,
        channel_reference=match_reference(ids.payment_id),
        amount=proposal.amount,
        effective_at=effective_at,
        received_at=now,
    )
    return matched, *post(payer, bill, money, payment_id=ids.payment_id, now=now)


def _when(payer: Payer, bill: Bill, case: Case, now: datetime) -> datetime | None:
    """When the payment counts: at the channel's own time where the bill was payable then, however long ago, as two people say so
    (domain.md section 1); else now."""
    if payer.blocked:
        return None
    return next((at for at in (case.effective_at, now) if is_payable(payer, bill, at, None, Limits())), None)


def _credit(proposal: Proposal, case: Case, found: Found, now: datetime) -> Sequence[Event] | Refused:
    if found.payer is None:
        return CannotDo.NO_NEXT_BILL
    added = add(found.payer, case.payment_id, proposal.amount, proposal_id=proposal.proposal_id, now=now)
    if added is None:
        return CannotDo.NO_NEXT_BILL
    credited = PaymentCredited(
        payment_id=case.payment_id,
        amount=added.amount,
        participant_id=added.participant_id,
        proposal_id=proposal.proposal_id,
    )
    return credited, added


def _return(proposal: Proposal, case: Case, found: Found, ids: NewIds) -> Sequence[Event] | Refused:
    if proposal.payee_account_id is None:
        return CannotOrder.PAYEE_NOT_VERIFIED
    wanted = Wanted(
        purpose=TransferPurpose.RETURN,
        reference=str(proposal.proposal_id),
        kinds=frozenset({PayeeKind.PARTICIPANT, PayeeKind.PAYER}),
        owner_id=case.participant_id,
        payment_id=case.payment_id,
        participant_id=case.participant_id,
        payee_account_id=proposal.payee_account_id,
        amount=proposal.amount,
        account=REFUNDS_PAYABLE,
    )
    given = order(found.order, wanted, found.payee, ids.order_id)
    if isinstance(given, CannotOrder):
        return given
    returned = PaymentReturned(
        payment_id=case.payment_id,
        amount=Rupiah(proposal.amount),
        order_id=given.order_id,
        proposal_id=proposal.proposal_id,
    )
    return (returned, given) if isinstance(given, Event) else CannotDo.ORDERED


def _withdraw(proposal: Proposal, found: Found, ids: NewIds) -> Sequence[Event] | Refused:
    """An agent's own money goes back to the agent, or to the Wadah that keeps it for him."""
    balance, payee = found.balance, found.payee
    if balance is None or proposal.payee_account_id is None:
        return CannotDo.NOTHING_THERE
    owner = None if payee is None else found.owners.get(payee.kind)
    if payee is not None and owner is None:
        return CannotOrder.WRONG_PAYEE
    wanted = Wanted(
        purpose=TransferPurpose.RETURN,
        reference=str(proposal.proposal_id),
        kinds=frozenset(found.owners),
        owner_id=owner,
        payment_id=proposal.payment_id,
        payee_account_id=proposal.payee_account_id,
        amount=proposal.amount,
        account=REFUNDS_PAYABLE,
    )
    withdrawn = withdraw(
        balance,
        proposal.amount,
        payment_id=proposal.payment_id,
        order_id=ids.order_id,
        proposal_id=proposal.proposal_id,
    )
    if withdrawn is None:
        return CannotDo.BALANCE_TOO_LOW
    given = order(found.order, wanted, payee, ids.order_id)
    if isinstance(given, CannotOrder):
        return given
    return (withdrawn, given) if isinstance(given, Event) else CannotDo.ORDERED


def _assign(proposal: Proposal, case: Case) -> Sequence[Event] | Refused:
    if proposal.account != fees(case.partner):
        return CannotDo.ACCOUNT_NOT_ALLOWED
    return (
        PaymentAssigned(
            payment_id=case.payment_id,
            amount=Rupiah(proposal.amount),
            account=proposal.account,
            proposal_id=proposal.proposal_id,
        ),
    )


def _void_with_its_case(proposal: Proposal, found: Found, ids: NewIds, now: datetime) -> Sequence[Event] | Refused:
    """A receipt that its partner had every chance to show is taken back, and the case about it ends with that."""
    if found.whole_stands:
        return CannotDo.PART_OF_A_WHOLE
    events, missing = _void(proposal, found, ids, now), found.missing
    if isinstance(events, Refused) or missing is None or found.whole_reversed:
        return events  # files name the whole: what was missing of a share was shown with it
    if (refusal := not_yet_void(missing)) is not None:
        return refusal
    if missing.case_id is None or missing.day is None:
        return events
    closed = CaseClosed(
        case_id=missing.case_id,
        partner=missing.partner,
        day=missing.day,
        outcome=VOIDED,
        evidence=proposal.evidence,
    )
    return *events, closed


def _void(proposal: Proposal, found: Found, ids: NewIds, now: datetime) -> Sequence[Event] | Refused:
    """A posted payment leaves its bill; money in suspense that never came leaves it whole."""
    case, payment = found.case, found.payment
    if any(one and one.channel_reference == match_reference(one.payment_id) for one in (case, payment)):
        return CannotDo.CAME_OUT_OF_SUSPENSE
    if case is not None and case.held:
        if case.partner == BALANCE_PARTNER:
            return CannotDo.NOT_OFFERED  # it came out of a balance of ours: there is no bank that might lack it
        if case.held != case.amount:
            return _void_with_its_match(case, found, ids, proposal, now)
        if found.refund is not None:
            return CannotDo.PARTLY_USED  # what a death gave back of it is owed, whatever the rest is
        return (_never_came(case, proposal),)
    if case is not None and found.matched is not None:
        return _void_with_its_match(case, found, ids, proposal, now)
    if found.whole is not None:
        return _void_whole(found.whole, found.unposted, proposal)
    if payment is None or payment.bill_id is None or payment.participant_id is None:
        return CannotDo.NOTHING_THERE
    if payment.partner in (BALANCE_PARTNER, OWN):
        return CannotDo.NOT_OFFERED
    if payment.reversed_for is not None:
        return CannotDo.ALREADY_TAKEN_BACK
    if found.refund is not None:
        return CannotDo.PARTLY_USED
    return _off_its_bill(payment, found, ids, now) or CannotDo.NOTHING_THERE


def _off_its_bill(payment: Posted, found: Found, ids: NewIds, now: datetime) -> Sequence[Event]:
    """The reversal, with what becomes of credit; empty where the payment settled no bill of anybody."""
    if payment.bill_id is None or payment.participant_id is None:
        return ()
    reversed_ = ContributionReversed(
        payment_id=payment.payment_id,
        bill_id=payment.bill_id,
        participant_id=payment.participant_id,
        partner=payment.partner,
        amount=Rupiah(payment.amount),
        months=payment.months,
        reason=MISSING_AT_BANK,
        refusal=None,
    )
    if found.payer is None:
        return (reversed_,)
    back = taken_back(found.payer, reversed_)
    return *back, *left_over(found.payer, back, refund_id=ids.payment_id, now=now)


def _void_with_its_match(
    case: Case, found: Found, ids: NewIds, proposal: Proposal, now: datetime
) -> Sequence[Event] | Refused:
    """The receipt goes with the payment that was made of it, and with what still waits. Whatever else became of it, somebody has it."""
    matched = found.matched
    if case.partner == BALANCE_PARTNER:
        return CannotDo.NOT_OFFERED
    if (
        matched is None
        or case.held + matched.amount != case.amount
        or matched.reversed_for is not None
        or found.refund is not None
    ):
        return CannotDo.PARTLY_USED
    back = _off_its_bill(matched, found, ids, now)
    return (*back, _never_came(case, proposal)) if back else CannotDo.PARTLY_USED


def _never_came(case: Case, proposal: Proposal) -> PaymentVoided:
    return PaymentVoided(
        payment_id=case.payment_id,
        partner=case.partner,
        amount=Rupiah(case.held),
        proposal_id=proposal.proposal_id,
    )


def _void_whole(bill: Collective, unposted: int, proposal: Proposal) -> Sequence[Event] | Refused:
    """The payment of a collective bill goes at once; its shares follow (`voiding.void_share`)."""
    if bill.status is CollectiveStatus.REVERSED:
        return CannotDo.ALREADY_TAKEN_BACK
    if bill.paid is None:
        return CannotDo.NOTHING_THERE
    whole = CollectiveBillReversed(
        bill_id=bill.bill_id,
        payment_id=bill.paid.payment_id,
        partner=bill.paid.partner,
        amount=Rupiah(unposted),
        reason=MISSING_AT_BANK,
        proposal_id=proposal.proposal_id,
    )
    return (whole,)


def _refund(proposal: Proposal, found: Found, ids: NewIds) -> Sequence[Event] | Refused:
    refund = found.refund
    if refund is None:
        return CannotDo.NOTHING_THERE
    if refund.amount != proposal.amount:
        return CannotDo.WRONG_AMOUNT
    if proposal.payee_account_id is None:
        return CannotOrder.PAYEE_NOT_VERIFIED
    wanted = Wanted(
        purpose=TransferPurpose.REFUND,
        reference=str(refund.payment_id),
        kinds=frozenset({PayeeKind.PARTICIPANT}),
        owner_id=refund.participant_id,
        payment_id=refund.payment_id,
        participant_id=refund.participant_id,
        payee_account_id=proposal.payee_account_id,
        amount=proposal.amount,
        account=REFUNDS_PAYABLE,
    )
    given = order(found.order, wanted, found.payee, ids.order_id)
    if isinstance(given, CannotOrder):
        return given
    return (given,) if isinstance(given, Event) else CannotDo.ORDERED
