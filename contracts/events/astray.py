"""Topic `contributions`: money that went astray, is taken back, or leaves; each step proposed by one person and decided by another
(domain.md sections 1 and 6)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from contracts.event import Event
from contracts.events.contributions import MonthCharge
from contracts.sealed import Personal, Sealed
from contracts.values import (
    AgentId,
    Amount,
    BillId,
    Code,
    LongText,
    ParticipantId,
    PayeeAccountId,
    PaymentId,
    ProposalId,
    ShortText,
    TransferOrderId,
    WadahId,
)

AccountNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{5,34}$")]
BankCode = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{3,11}$")]
"""Clearing code (3 digits) or BIC."""


class Action(StrEnum):
    """What two people may do with money. MATCH and CREDIT give it to a participant, RETURN to whoever paid it, ASSIGN to an account of
    ours; VOID takes a receipt out of the books that its bank does not have (T13); REFUND pays out months that were given back."""

    MATCH = "MATCH"
    CREDIT = "CREDIT"
    RETURN = "RETURN"
    ASSIGN = "ASSIGN"
    VOID = "VOID"
    REFUND = "REFUND"


class ProposalMade(Event, stream="proposals"):
    """One person proposes what becomes of the money of a receipt; `payment_id` names it, and `amount` how much of it.

    MATCH and CREDIT name a participant, and MATCH a bill; RETURN and REFUND a payee account; ASSIGN an account of the ledger.
    """

    proposal_id: ProposalId
    action: Action
    payment_id: PaymentId
    amount: Amount
    reason: Code
    evidence: ShortText | None
    participant_id: ParticipantId | None
    bill_id: BillId | None
    account: ShortText | None
    payee_account_id: PayeeAccountId | None
    made_by: ShortText


class BalanceWithdrawalProposed(Event, stream="proposals"):
    """One person proposes that an agent gets `amount` of the own balance back on this payee account; `payment_id` will name the money."""

    proposal_id: ProposalId
    agent_id: AgentId
    payment_id: PaymentId
    amount: Amount
    reason: Code
    payee_account_id: PayeeAccountId
    made_by: ShortText


class ProposalApproved(Event, stream="proposals"):
    """Another person agreed; what follows from it is recorded in the same transaction."""

    proposal_id: ProposalId
    approved_by: ShortText


class ProposalRefused(Event, stream="proposals"):
    proposal_id: ProposalId
    refused_by: ShortText
    reason: Code


class ProposalWithdrawn(Event, stream="proposals"):
    """By the person who made it."""

    proposal_id: ProposalId


class CaseTaken(Event, stream="receipts"):
    """A person answers for this money in suspense from now on."""

    payment_id: PaymentId
    owner: ShortText


class PaymentMatched(Event, stream="receipts"):
    """Money left suspense for a participant, as payment `matched_as` of a bill, which follows in the same transaction."""

    payment_id: PaymentId
    partner: ShortText
    channel_reference: ShortText
    amount: Amount
    participant_id: ParticipantId
    matched_as: PaymentId
    proposal_id: ProposalId


class PaymentCredited(Event, stream="receipts"):
    """Money left suspense for the carry-forward credit of a participant, whose `CreditAdded` follows in the same transaction."""

    payment_id: PaymentId
    amount: Amount
    participant_id: ParticipantId
    proposal_id: ProposalId


class PaymentReturned(Event, stream="receipts"):
    """Money left suspense to go back to whoever paid it; it is owed until the transfer is confirmed."""

    payment_id: PaymentId
    amount: Amount
    order_id: TransferOrderId
    proposal_id: ProposalId


class PaymentReturnFailed(Event, stream="receipts"):
    """The transfer was not carried out: the money is in suspense again."""

    payment_id: PaymentId
    amount: Amount
    order_id: TransferOrderId
    reason: Code


class PaymentAssigned(Event, stream="receipts"):
    """Money left suspense for an account of the ledger."""

    payment_id: PaymentId
    amount: Amount
    account: ShortText
    proposal_id: ProposalId


class PaymentVoided(Event, stream="receipts"):
    """The bank does not have money that waits in suspense: it never came. `amount`: what still waits; a payment that was made of the rest
    is reversed in the same transaction."""

    payment_id: PaymentId
    partner: ShortText
    amount: Amount
    proposal_id: ProposalId


class PayerClosed(Event, stream="contributions"):
    """The participation ended for good on this day (WIB): nothing more is billed, and what was paid for later months is given back."""

    participant_id: ParticipantId
    closed_on: date
    reason: Code


class ContributionRefunded(Event, stream="contributions"):
    """Months of a payment that no participation stands behind are given back, JHT too, and what credit paid of them: they are owed until a
    transfer is confirmed (Perdir 22/2022)."""

    payment_id: PaymentId
    participant_id: ParticipantId
    partner: ShortText
    amount: Amount
    months: tuple[MonthCharge, ...]
    reason: Code


class PayeeKind(StrEnum):
    """Whose account it is. PAYER: of somebody who paid and is no participant of ours."""

    PARTICIPANT = "PARTICIPANT"
    WADAH = "WADAH"
    PAYER = "PAYER"


class PayeeAccount(Personal):
    number: AccountNumber
    holder: ShortText


class PayeeAccountRecorded(Event, stream="payee-accounts"):
    """An account of a participant, or of the heirs, that money may go to once another person has verified it."""

    payee_account_id: PayeeAccountId
    participant_id: ParticipantId
    bank_code: BankCode
    account: Sealed[PayeeAccount]
    recorded_by: ShortText


class OtherPayeeAccountRecorded(Event, stream="payee-accounts"):
    """The same for a Wadah, or for somebody who paid and is no participant of ours: nobody keeps a key of theirs.

    `box` holds number and holder encrypted under payments' own key, bound to this account.
    """

    payee_account_id: PayeeAccountId
    kind: PayeeKind
    wadah_id: WadahId | None
    bank_code: BankCode
    box: LongText
    recorded_by: ShortText


class PayeeAccountVerified(Event, stream="payee-accounts"):
    """A second person compared it with what `evidence` names."""

    payee_account_id: PayeeAccountId
    verified_by: ShortText
    evidence: ShortText


class PayeeAccountRetired(Event, stream="payee-accounts"):
    """No money goes there any more."""

    payee_account_id: PayeeAccountId
    reason: Code


class TransferPurpose(StrEnum):
    RETURN = "RETURN"
    REFUND = "REFUND"
    INCENTIVE = "INCENTIVE"


class TransferOrdered(Event, stream="transfer-orders"):
    """A bank is to send this money. Key: purpose and `reference`, of which one order at most is alone in force.

    `account` is the account of the ledger that owes it, and is relieved when the transfer is confirmed.
    """

    order_id: TransferOrderId
    purpose: TransferPurpose
    reference: ShortText
    payee_account_id: PayeeAccountId
    amount: Amount
    account: ShortText
    payment_id: PaymentId | None
    participant_id: ParticipantId | None


class TransferConfirmed(Event, stream="transfer-orders"):
    """The money left our account at `partner` on this day (WIB); `evidence` names the account line."""

    order_id: TransferOrderId
    purpose: TransferPurpose
    reference: ShortText
    partner: ShortText
    account: ShortText
    amount: Amount
    payment_id: PaymentId | None
    participant_id: ParticipantId | None
    paid_on: date
    evidence: ShortText


class TransferFailed(Event, stream="transfer-orders"):
    """It was not carried out: the money stands where it came from, and may be ordered again."""

    order_id: TransferOrderId
    purpose: TransferPurpose
    reference: ShortText
    amount: Amount
    reason: Code


EVENTS: tuple[type[Event], ...] = (
    ProposalMade,
    BalanceWithdrawalProposed,
    ProposalApproved,
    ProposalRefused,
    ProposalWithdrawn,
    CaseTaken,
    PaymentMatched,
    PaymentCredited,
    PaymentReturned,
    PaymentReturnFailed,
    PaymentAssigned,
    PaymentVoided,
    PayerClosed,
    ContributionRefunded,
    PayeeAccountRecorded,
    OtherPayeeAccountRecorded,
    PayeeAccountVerified,
    PayeeAccountRetired,
    TransferOrdered,
    TransferConfirmed,
    TransferFailed,
)
