"""Erasure of a person (UU 27/2022 Art. 42–45): asked for, checked by everybody who holds something of the person, then refused or carried out.

Streams of several owners, one matter. No event here holds personal data; `ParticipantForgotten` carries the keyed hash of the NIK in clear, which is
all that stays.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from uuid import UUID

from contracts.event import Event
from contracts.values import AgentId, ErasureId, NikHash, ParticipantId, PayeeAccountId


class ErasureGround(StrEnum):
    """UU 27/2022 Art. 43 (1) a to d."""

    NO_LONGER_NEEDED = "no_longer_needed"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    REQUESTED = "requested"
    UNLAWFUL = "unlawful"


class ErasureObstacle(StrEnum):
    """Why a person is not erased now (Art. 15: other laws win). The first four are registration's, OPEN_CLAIM is claims', all others payments'."""

    REGISTRATION_OPEN = "registration_open"
    """Unpaid and not expired: it may still be paid."""
    PROTECTED = "protected"
    RETENTION = "retention"
    """The years for which the books of an ended participation are kept are not over."""
    AGENT_IN_OFFICE = "agent_in_office"
    OPEN_BILL = "open_bill"
    UNRETURNED_MONEY = "unreturned_money"
    """Money in suspense, credit, a refund or a transfer that has not reached its payee."""
    CASH_IN_HAND = "cash_in_hand"
    """An agent holds cash of the person that no payment cleared."""
    AGENT_BALANCE = "agent_balance"
    """The person was an agent, and the balance is not given back."""
    PROPOSAL_PENDING = "proposal_pending"
    OPEN_CLAIM = "open_claim"


class ErasureRequested(Event, stream="participants"):
    """registration found no obstacle of its own; whoever else holds something of the person answers with an event of theirs."""

    participant_id: ParticipantId
    erasure_id: ErasureId
    ground: ErasureGround


class ErasureRefused(Event, stream="participants"):
    """Nothing was erased. `retained_until`: the day from which on RETENTION is none any more. `copy_owed`: a copy that the person asked for is not
    given yet, and could not be afterwards."""

    participant_id: ParticipantId
    erasure_id: ErasureId
    ground: ErasureGround
    obstacles: tuple[ErasureObstacle, ...]
    retained_until: date | None = None
    copy_owed: bool = False


class ErasureCleared(Event, stream="participants"):
    """Nobody holds anything against it; the key is destroyed next."""

    participant_id: ParticipantId
    erasure_id: ErasureId


class ParticipantForgotten(Event, stream="participants"):
    """The key was destroyed in the transaction of this event: what was sealed for the person reads as blank for ever. Copies are to be cleared.

    `nik_hash` is the tombstone, so that this NIK is never acquired again; None where the person had been forgotten already.
    """

    participant_id: ParticipantId
    erasure_id: ErasureId
    nik_hash: NikHash | None


class AgentForgotten(Event, stream="agents"):
    """Name and phone of somebody who was an agent went with the person."""

    agent_id: AgentId
    participant_id: ParticipantId


class ErasureChecked(Event, stream="contributions"):
    """payments' answer to `ErasureRequested`; no obstacle: nothing of the person waits here."""

    participant_id: ParticipantId
    erasure_id: ErasureId
    obstacles: tuple[ErasureObstacle, ...]


class PayerForgotten(Event, stream="contributions"):
    """payments cleared name and NIK hash; no further money is taken. Sums stay."""

    participant_id: ParticipantId


class PayeeAccountForgotten(Event, stream="payee-accounts"):
    """Number and holder of a forgotten person's account were cleared; no money goes there any more."""

    payee_account_id: PayeeAccountId
    participant_id: ParticipantId


class RecipientForgotten(Event, stream="recipients"):
    """notifications cleared name and addresses; nothing more is sent."""

    participant_id: ParticipantId


FORGOTTEN: tuple[type[Event], ...] = (
    ParticipantForgotten,
    AgentForgotten,
    PayerForgotten,
    PayeeAccountForgotten,
    RecipientForgotten,
)
"""Each says of its key that nothing of the person stands behind it any more."""


def whose_key(event: Event) -> UUID | None:
    """The subject whose key was destroyed with this event; None where keys are kept by somebody else."""
    match event:
        case ParticipantForgotten(participant_id=subject):
            return subject
        case AgentForgotten(agent_id=agent):
            return agent
    return None


EVENTS: tuple[type[Event], ...] = (
    ErasureRequested,
    ErasureRefused,
    ErasureCleared,
    ParticipantForgotten,
    AgentForgotten,
    ErasureChecked,
    PayerForgotten,
    PayeeAccountForgotten,
    RecipientForgotten,
)
