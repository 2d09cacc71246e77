"""What two people may do with money: one proposes, another decides (domain.md sections 1, 2 and 6). Pure.

What follows from a proposal is worked out twice: when it is made, so that nothing impossible waits for anybody, and when it is approved.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from contracts.event import Event
from contracts.events.astray import (
    Action,
    BalanceWithdrawalProposed,
    ProposalApproved,
    ProposalMade,
    ProposalRefused,
    ProposalWithdrawn,
)
from contracts.values import AgentId, BillId, ParticipantId, PayeeAccountId, PaymentId, ProposalId

WITHDRAW: Final = "WITHDRAW"
"""What `BalanceWithdrawalProposed` asks for, beside the actions on the money of a receipt."""


class ProposalStatus(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"


class Proposal(NamedTuple):
    proposal_id: ProposalId
    action: Action | Literal["WITHDRAW"]
    payment_id: PaymentId
    amount: int
    reason: str
    evidence: str | None
    participant_id: ParticipantId | None
    bill_id: BillId | None
    account: str | None
    payee_account_id: PayeeAccountId | None
    made_by: str
    made_at: datetime
    status: ProposalStatus = ProposalStatus.PENDING
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision: str | None = None
    agent_id: AgentId | None = None


class Verdict(StrEnum):
    APPROVE = "APPROVE"
    REFUSE = "REFUSE"
    WITHDRAW = "WITHDRAW"


class CannotDecide(StrEnum):
    UNKNOWN = "unknown_proposal"
    DECIDED = "proposal_decided"
    SAME_PERSON = "same_person"
    ANOTHERS = "anothers_proposal"


def made(event: ProposalMade, at: datetime) -> Proposal:
    return Proposal(
        proposal_id=event.proposal_id,
        action=event.action,
        payment_id=event.payment_id,
        amount=event.amount,
        reason=event.reason,
        evidence=event.evidence,
        participant_id=event.participant_id,
        bill_id=event.bill_id,
        account=event.account,
        payee_account_id=event.payee_account_id,
        made_by=event.made_by,
        made_at=at,
    )


def withdrawal(event: BalanceWithdrawalProposed, at: datetime) -> Proposal:
    return Proposal(
        proposal_id=event.proposal_id,
        action=WITHDRAW,
        payment_id=event.payment_id,
        amount=event.amount,
        reason=event.reason,
        evidence=None,
        participant_id=None,
        bill_id=None,
        account=None,
        payee_account_id=event.payee_account_id,
        made_by=event.made_by,
        made_at=at,
        agent_id=event.agent_id,
    )


def evolve(proposal: Proposal | None, event: Event, at: datetime) -> Proposal | None:
    if isinstance(event, ProposalMade):
        return made(event, at)
    if isinstance(event, BalanceWithdrawalProposed):
        return withdrawal(event, at)
    if proposal is None:
        return None
    match event:
        case ProposalApproved():
            ended = proposal._replace(status=ProposalStatus.APPROVED, decided_by=event.approved_by)
        case ProposalRefused():
            ended = proposal._replace(status=ProposalStatus.REFUSED, decided_by=event.refused_by, decision=event.reason)
        case ProposalWithdrawn():
            ended = proposal._replace(status=ProposalStatus.WITHDRAWN, decided_by=proposal.made_by)
        case _:
            return proposal
    return ended._replace(decided_at=at)


def is_own(made_by: str, by: str) -> bool:
    """Whether somebody would approve what he made himself, which nobody may: maker and checker are two people (domain.md sections 1 and 2)."""
    return made_by == by


def decide(
    proposal: Proposal | None, verdict: Verdict, *, by: str, reason: str
) -> ProposalApproved | ProposalRefused | ProposalWithdrawn | CannotDecide:
    """Whoever made it may withdraw it and never approve it; whoever decides is another person."""
    if proposal is None:
        return CannotDecide.UNKNOWN
    if proposal.status is not ProposalStatus.PENDING:
        return CannotDecide.DECIDED
    if verdict is Verdict.WITHDRAW:
        if proposal.made_by != by:
            return CannotDecide.ANOTHERS
        return ProposalWithdrawn(proposal_id=proposal.proposal_id)
    if is_own(proposal.made_by, by):
        return CannotDecide.SAME_PERSON
    if verdict is Verdict.REFUSE:
        return ProposalRefused(proposal_id=proposal.proposal_id, refused_by=by, reason=reason)
    return ProposalApproved(proposal_id=proposal.proposal_id, approved_by=by)
