"""One person proposes what becomes of money, another decides; what follows is recorded with the decision, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import Rejected
from chassis.transaction import Meta, Tx
from contracts.event import Event
from contracts.events.astray import (
    Action,
    BalanceWithdrawalProposed,
    PaymentMatched,
    ProposalApproved,
    ProposalMade,
    TransferOrdered,
)
from contracts.values import (
    AgentId,
    BillId,
    ParticipantId,
    PayeeAccountId,
    PaymentId,
    ProposalId,
    Rupiah,
)
from services.payments.commands.proposed import Desk
from services.payments.domain.payees import PAYEE_RULES
from services.payments.domain.proposals import CannotDecide, Proposal, Verdict, decide, evolve, made, withdrawal
from services.payments.domain.resolving import Refused
from services.payments.problems_astray import DECIDING_PROBLEMS, DOING_PROBLEMS
from services.payments.queries import astray as loads
from services.payments.queries.astray import KeptProposal

PROPOSALS = "proposals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose:
    """`amount` None: all that waits, or the whole bill, payment or refund. Whether the caller may see these things was asked before."""

    action: Action
    payment_id: PaymentId
    amount: int | None
    reason: str
    evidence: str | None
    participant_id: ParticipantId | None
    bill_id: BillId | None
    account: str | None
    payee_account_id: PayeeAccountId | None
    meta: Meta


@dataclass(frozen=True, slots=True)
class Decide:
    proposal_id: ProposalId
    verdict: Verdict
    reason: str
    meta: Meta


async def make_proposals(tx: Tx, items: Sequence[Propose], /) -> list[Accepted | Rejected]:
    """Nothing that could not be carried out now is proposed to anybody. What else is pending about the money is named, and does not hinder.

    Two that are made in the same instant may miss each other here; the lists name both.
    """
    drafts = [_draft(tx, item) for item in items]
    desk = await Desk.load(tx, drafts)
    pending = await loads.pending_about(tx.conn, {draft.payment_id for draft in drafts})
    return [
        _make(tx, desk, draft, item, pending.setdefault(draft.payment_id, []))
        for draft, item in zip(drafts, items, strict=True)
    ]


def _draft(tx: Tx, item: Propose) -> Proposal:
    proposal_id = ProposalId(new_id())
    tx.new(PROPOSALS, proposal_id)
    return Proposal(
        proposal_id=proposal_id,
        action=item.action,
        payment_id=item.payment_id,
        amount=item.amount or 0,
        reason=item.reason,
        evidence=item.evidence,
        participant_id=item.participant_id,
        bill_id=item.bill_id,
        account=item.account,
        payee_account_id=item.payee_account_id,
        made_by=item.meta.actor,
        made_at=tx.now,
    )


def _make(tx: Tx, desk: Desk, draft: Proposal, item: Propose, pending: list[ProposalId]) -> Accepted | Rejected:
    if item.amount is None:
        draft = draft._replace(amount=desk.whole(draft))
    outcome = desk.consequences(draft)
    if isinstance(outcome, Refused):
        return Rejected(DOING_PROBLEMS[outcome])
    facts = {name: getattr(draft, name) for name in ProposalMade.model_fields}
    event = ProposalMade(**facts | {"amount": Rupiah(draft.amount)})
    tx.record(event, key=draft.proposal_id, meta=item.meta, scope=desk.scope(draft), rules=PAYEE_RULES)
    proposal, others = made(event, tx.now), [str(one) for one in pending]
    pending.append(proposal.proposal_id)
    told = {"proposal_id": str(proposal.proposal_id), "status": str(proposal.status), "others_pending": others}
    return Accepted(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeWithdrawal:
    """`amount` None: the whole balance. Whether the caller may see balance and account was asked before."""

    agent_id: AgentId
    amount: int | None
    reason: str
    payee_account_id: PayeeAccountId
    meta: Meta


async def propose_withdrawals(tx: Tx, items: Sequence[ProposeWithdrawal], /) -> list[Accepted | Rejected]:
    """As `make_proposals`, for an agent's balance."""
    drafts = [_withdrawal(tx, item) for item in items]
    desk = await Desk.load(tx, [withdrawal(draft, tx.now) for draft in drafts])
    return [_propose_withdrawal(tx, desk, draft, item) for draft, item in zip(drafts, items, strict=True)]


def _withdrawal(tx: Tx, item: ProposeWithdrawal) -> BalanceWithdrawalProposed:
    proposal_id = ProposalId(new_id())
    tx.new(PROPOSALS, proposal_id)
    return BalanceWithdrawalProposed(
        proposal_id=proposal_id,
        agent_id=item.agent_id,
        payment_id=PaymentId(new_id()),
        amount=Rupiah(item.amount or 0),
        reason=item.reason,
        payee_account_id=item.payee_account_id,
        made_by=item.meta.actor,
    )


def _propose_withdrawal(
    tx: Tx, desk: Desk, draft: BalanceWithdrawalProposed, item: ProposeWithdrawal
) -> Accepted | Rejected:
    if item.amount is None:
        draft = draft.model_copy(update={"amount": Rupiah(desk.whole(withdrawal(draft, tx.now)))})
    proposal = withdrawal(draft, tx.now)
    outcome = desk.consequences(proposal)
    if isinstance(outcome, Refused):
        return Rejected(DOING_PROBLEMS[outcome])
    tx.record(draft, key=proposal.proposal_id, meta=item.meta, scope=desk.scope(proposal), rules=PAYEE_RULES)
    return Accepted({"proposal_id": str(proposal.proposal_id), "status": str(proposal.status)})


async def decide_proposals(tx: Tx, items: Sequence[Decide], /) -> list[Accepted | Rejected]:
    """Approves, refuses or withdraws each; an approval that can no longer be carried out is refused and leaves its proposal pending."""
    wanted = {item.proposal_id for item in items}
    named = [kept.proposal for kept in (await loads.proposals_by_id(tx.conn, wanted)).values()]
    await tx.heads(PROPOSALS, wanted)
    desk = await Desk.load(tx, named)
    kept = await loads.proposals_by_id(tx.conn, wanted)
    return [_decide(tx, desk, kept, item) for item in items]


def _decide(tx: Tx, desk: Desk, kept: dict[ProposalId, KeptProposal], item: Decide) -> Accepted | Rejected:
    found = kept.get(item.proposal_id)
    event = decide(None if found is None else found.proposal, item.verdict, by=item.meta.actor, reason=item.reason)
    if isinstance(event, CannotDecide):
        by = None if found is None else found.proposal.decided_by
        return Rejected(DECIDING_PROBLEMS[event], values={"by": str(by)})
    assert found is not None
    outcome = desk.approved(found) if isinstance(event, ProposalApproved) else ()
    if isinstance(outcome, Refused):
        return Rejected(DOING_PROBLEMS[outcome])
    tx.record(event, key=item.proposal_id, meta=item.meta, scope=found.scope, rules=PAYEE_RULES)
    desk.record(found.proposal, outcome, item.meta)
    after = evolve(found.proposal, event, tx.now)
    assert after is not None
    kept[item.proposal_id] = KeptProposal(after, found.scope)
    return Accepted({"proposal_id": str(item.proposal_id), "status": str(after.status), **_ids(outcome)}, 200)


def _ids(events: Iterable[Event]) -> dict[str, str]:
    """What came of it: the payment that the money became, the order that was given."""
    found: dict[str, str] = {}
    for event in events:
        match event:
            case PaymentMatched():
                found["payment_id"] = str(event.matched_as)
            case TransferOrdered():
                found["order_id"] = str(event.order_id)
    return found
