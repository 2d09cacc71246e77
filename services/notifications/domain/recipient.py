"""Who can be told: a copy of each registered participant's language and contact, with the scope of the registration."""

from __future__ import annotations

from typing import NamedTuple, assert_never
from uuid import UUID

from contracts.envelope import Envelope
from contracts.events.erasure import RecipientForgotten
from contracts.events.notifications import Channel, Contact, RecipientAdded
from contracts.events.participants import ParticipantRegistered
from contracts.sealed import Sealed
from contracts.values import ContributionCode, Language, ParticipantId


class Recipient(NamedTuple):
    """`contact` is None once the person is forgotten; such a person is told nothing."""

    participant_id: ParticipantId
    contribution_code: ContributionCode
    language: Language
    contact: Contact | None
    branch_id: UUID | None
    wadah_id: UUID | None
    agent_id: UUID | None

    def address(self, channel: Channel) -> str | None:
        """Where a message through this channel goes; None for a forgotten person or one it cannot reach."""
        if self.contact is None:
            return None
        match channel:
            case Channel.SMS | Channel.WHATSAPP:
                return self.contact.phone
            case Channel.EMAIL:
                return self.contact.email
            case _ as never:
                assert_never(never)


def decide_added(known: Recipient | None, event: ParticipantRegistered) -> RecipientAdded | None:
    """The participant as a recipient; None when already known."""
    if known is not None:
        return None
    person = event.person.value
    contact = None if person is None else Contact(name=person.name, phone=person.phone, email=person.email)
    return RecipientAdded(
        participant_id=event.participant_id,
        contribution_code=event.contribution_code,
        language=event.language,
        contact=Sealed(event.person.subject, contact),
    )


def decide_forgotten(known: Recipient | None, participant_id: ParticipantId) -> RecipientForgotten | None:
    """None for nobody we know."""
    return None if known is None else RecipientForgotten(participant_id=participant_id)


def evolve(state: Recipient | None, envelope: Envelope, event: RecipientAdded | RecipientForgotten) -> Recipient:
    """The recipient after one of its own events."""
    if isinstance(event, RecipientForgotten):
        assert state is not None
        return state._replace(contact=None)
    return Recipient(
        participant_id=event.participant_id,
        contribution_code=event.contribution_code,
        language=event.language,
        contact=event.contact.value,
        branch_id=envelope.branch_id,
        wadah_id=envelope.wadah_id,
        agent_id=envelope.agent_id,
    )
