"""Invented people and events for the unit tests of notifications. A test passes in what it is about."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from contracts.envelope import Envelope
from contracts.event import Event
from contracts.events.contributions import BillKind, ContributionBilled, MonthCharge
from contracts.events.notifications import Channel, Contact, NotificationQueued
from contracts.events.participants import Consent, Entry, ParticipantRegistered, Person, ProtectionStarted
from contracts.sealed import Sealed
from contracts.values import (
    BillId,
    ContributionMonth,
    FundingSource,
    Language,
    NotificationId,
    ParticipantId,
    PaymentId,
    Programme,
    Rupiah,
    Sector,
    Sex,
)
from services.notifications.domain.notification import Notification, evolve, notification_id_of
from services.notifications.domain.recipient import Recipient

NOW = datetime(2025, 10, 15, 3, tzinfo=UTC)
SITI = ParticipantId(UUID("0199e0a0-0000-7000-8000-000000000001"))
CAUSE = UUID("0199e5a1-2222-7000-8000-000000000002")
QUEUED_BY = UUID("0199e5a1-3333-7000-8000-000000000003")
CORRELATION = UUID("0199e5a1-4444-7000-8000-000000000004")
BRANCH = UUID("0199e000-0000-7000-8000-000000000005")
OCTOBER = ContributionMonth(2025, 10)
NOTIFICATION: NotificationId = notification_id_of(CAUSE, SITI, Channel.SMS)
SITI_CONTACT = Contact(name="Siti Contoh", phone="+6281200000001", email=None)


def recipient(*, contact: Contact | None = SITI_CONTACT, language: Language = Language.INDONESIAN) -> Recipient:
    return Recipient(
        participant_id=SITI,
        contribution_code="8810000000019",
        language=language,
        contact=contact,
        branch_id=BRANCH,
        wadah_id=None,
        agent_id=None,
    )


def envelope(event: Event, *, seq: int = 1, event_id: UUID = QUEUED_BY, occurred_at: datetime = NOW) -> Envelope:
    return Envelope(
        event_id=event_id,
        source="notifications",
        stream=event.stream,
        key=str(NOTIFICATION),
        seq=seq,
        type=event.type,
        version=event.version,
        rules="notices/2025-10",
        occurred_at=occurred_at,
        recorded_at=NOW,
        actor="registration",
        correlation_id=CORRELATION,
        branch_id=BRANCH,
    )


def registered(*, person: Person | None = None) -> ParticipantRegistered:
    return ParticipantRegistered(
        participant_id=SITI,
        contribution_code="8810000000019",
        entry=Entry.ONLINE,
        registered_on=date(2025, 10, 15),
        expires_at=datetime(2025, 11, 14, tzinfo=UTC),
        occupation="Pedagang",
        sector=Sector.OTHER,
        work_place="Pasar Contoh",
        working_hours=None,
        income=Rupiah(1_000_000),
        employs_others=False,
        programmes=(Programme.JKK, Programme.JKM, Programme.JHT),
        funding_source=FundingSource.SELF,
        language=Language.INDONESIAN,
        new_to_bpu=True,
        outreach_id=None,
        consent=Consent(text_version="1", given_at=NOW, channel="ONLINE", taken_by="agent-1"),
        person=Sealed(SITI, person),
    )


def person() -> Person:
    return Person(
        nik="3671014101900001",
        nik_hash="ab" * 32,
        name=SITI_CONTACT.name,
        birth_place="Tangerang",
        birth_date=date(1990, 1, 1),
        sex=Sex.FEMALE,
        phone=SITI_CONTACT.phone,
        email=None,
        address="Jalan Contoh 1",
    )


def charge(month: ContributionMonth) -> MonthCharge:
    return MonthCharge(
        month=month, base=Rupiah(1_000_000), jkk=Rupiah(10_000), jkm=Rupiah(6_800), jht=Rupiah(20_000), discounted=False
    )


def billed(*, kind: BillKind = BillKind.FIRST, months: int = 1) -> ContributionBilled:
    return ContributionBilled(
        bill_id=BillId(UUID(int=7)),
        participant_id=SITI,
        contribution_code="8810000000019",
        kind=kind,
        months=tuple(charge(OCTOBER + n) for n in range(months)),
        amount=Rupiah(36_800 * months),
        funding_source=FundingSource.SELF,
        expires_at=OCTOBER.ends_at,
    )


def protection_started(**changes: Any) -> ProtectionStarted:
    event = ProtectionStarted(
        participant_id=SITI,
        kpj="25100000017",
        spell=1,
        payment_id=PaymentId(UUID(int=8)),
        amount=Rupiah(36_800),
        starts_at=NOW,
        months=(OCTOBER,),
        paid_through=OCTOBER,
        acquisition=True,
        agent=None,
    )
    return event.model_copy(update=changes)


def queued(**changes: Any) -> NotificationQueued:
    event = NotificationQueued(
        notification_id=NOTIFICATION,
        participant_id=SITI,
        cause=CAUSE,
        channel=Channel.SMS,
        template="welcome",
        template_version=1,
        language=Language.INDONESIAN,
        values={"contribution_code": "8810000000019"},
        not_after=OCTOBER.ends_at,
    )
    return event.model_copy(update=changes)


def message(**changes: Any) -> Notification:
    """A queued message."""
    event = queued(**changes)
    return evolve(None, envelope(event), event)
