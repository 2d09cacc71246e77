"""The shares of a collective bill whose payment two people took back: each goes as it would have gone alone. Pure.

So payers, protection and incentives know no second kind of reversal.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from contracts.event import Event
from contracts.events.astray import Action
from contracts.events.groups import ReversedShare
from contracts.values import PaymentId, ProposalId
from services.payments.domain.payer import Payer
from services.payments.domain.paying import Posted
from services.payments.domain.proposals import Proposal
from services.payments.domain.refunds import Refund
from services.payments.domain.resolving import MISSING_AT_BANK, CannotDo, Found, NewIds, Refused, carry_out
from services.payments.domain.suspense import VOIDED, Case


class PostedShare(NamedTuple):
    """A posted line of a bill that was taken back, with what stands around its money."""

    number: int
    payment_id: PaymentId
    payment: Posted
    case: Case | None
    refund: Refund | None
    payer: Payer


def void_share(
    share: PostedShare, proposal_id: ProposalId, *, made_by: str, ids: NewIds, now: datetime
) -> tuple[Sequence[Event], ReversedShare]:
    """The reversal of one share, and what is noted of it.

    One that was taken back before needs none. One whose money was used or given back stays, as somebody has it: what our books then lack of
    the bank is to be seen until it is made good.
    """
    found = Found(case=share.case, payment=share.payment, refund=share.refund, payer=share.payer)
    outcome = carry_out(_like_the_whole(share, proposal_id, made_by, now), found, ids, now)
    noted = ReversedShare(number=share.number, payment_id=share.payment_id, kept_for=None)
    if not isinstance(outcome, Refused):
        return outcome, noted
    gone = outcome is CannotDo.ALREADY_TAKEN_BACK if share.case is None else share.case.outcome == VOIDED
    return (), noted if gone else noted.model_copy(update={"kept_for": str(CannotDo.PARTLY_USED)})


def _like_the_whole(share: PostedShare, proposal_id: ProposalId, made_by: str, now: datetime) -> Proposal:
    """What two people decided of the whole holds of each share."""
    return Proposal(
        proposal_id=proposal_id,
        action=Action.VOID,
        payment_id=share.payment_id,
        amount=share.payment.amount,
        reason=MISSING_AT_BANK,
        evidence=None,
        participant_id=share.payment.participant_id,
        bill_id=None,
        account=None,
        payee_account_id=None,
        made_by=made_by,
        made_at=now,
    )
