"""Invented participants, registered as registration's events would tell."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from chassis.ids import new_id
from chassis.records import Outcome, Record
from chassis.transaction import Scope
from contracts.events.participants import (
    Consent,
    Entry,
    LapseKind,
    ParticipantCorrected,
    ParticipantReassigned,
    ParticipantRegistered,
    ParticipationClosed,
    ParticipationLapsed,
    Person,
    ProtectionRefused,
    ProtectionStarted,
    RefusalReason,
    RegistrationExpired,
)
from contracts.sealed import Sealed
from contracts.values import (
    AgentId,
    ContributionMonth,
    FundingSource,
    Language,
    ParticipantId,
    PaymentId,
    Programme,
    Rupiah,
    Sector,
    Sex,
    WadahId,
)
from tests.support.service import Harness

BRANCH, WADAH, AGENT = (UUID(int=n) for n in (0xB, 0xC, 0xD))
SCOPE = Scope(BRANCH, WADAH, AGENT)
_CODES = itertools.count(8_800_000_000_001)
THREE = (Programme.JKK, Programme.JKM, Programme.JHT)


@dataclass(frozen=True)
class Somebody:
    participant_id: ParticipantId
    code: str
    nik: str


def registered(h: Harness, *, nik: str | None = None, scope: Scope = SCOPE, **changes: Any) -> tuple[Somebody, Record]:
    """A new participant and the record that tells of it: lowest band, three programmes, 36,800 a month."""
    participant_id, number = ParticipantId(new_id()), str(next(_CODES))
    nik = nik or f"3671{number[-12:]}"
    h.person(participant_id)
    person = Person(
        nik=nik,
        nik_hash=h.app.vault.nik_hash(nik),
        name=f"Contoh {number[-4:]}",
        birth_place="Tangerang",
        birth_date=date(1990, 1, 1),
        sex=Sex.FEMALE,
        phone="+6281200000000",
        email=None,
        address="Jalan Contoh 1",
    )
    now = h.clock.business()
    facts: dict[str, Any] = {
        "participant_id": participant_id,
        "contribution_code": number,
        "entry": Entry.ONLINE,
        "registered_on": now.date(),
        "expires_at": now + timedelta(days=30),
        "occupation": "pedagang pasar",
        "sector": Sector.OTHER,
        "work_place": "Tangerang",
        "working_hours": None,
        "income": Rupiah(1_000_000),
        "employs_others": False,
        "programmes": THREE,
        "funding_source": FundingSource.SELF,
        "language": Language.INDONESIAN,
        "new_to_bpu": True,
        "outreach_id": None,
        "consent": Consent(text_version="1", given_at=now, channel="tests", taken_by="agent-1"),
        "person": Sealed(participant_id, person),
    }
    event = ParticipantRegistered(**facts | changes)
    return Somebody(participant_id, number, nik), h.record(event, key=participant_id, scope=scope)


async def register(h: Harness, **changes: Any) -> Somebody:
    """A participant that payments knows, with the first bill issued."""
    who, record = registered(h, **changes)
    await h.deliver(record)
    return who


async def correct(h: Harness, who: Somebody, **changes: Any) -> list[Outcome]:
    """Registration tells that these facts of the participant changed; the others are those of `registered`."""
    facts: dict[str, Any] = {
        "participant_id": who.participant_id,
        "occupation": "pedagang pasar",
        "sector": Sector.OTHER,
        "income": Rupiah(1_000_000),
        "employs_others": False,
        "programmes": THREE,
        "funding_source": FundingSource.SELF,
    }
    return await h.deliver(h.record(ParticipantCorrected(**facts | changes), key=who.participant_id, scope=SCOPE))


async def expire_registration(h: Harness, who: Somebody) -> list[Outcome]:
    event = RegistrationExpired(participant_id=who.participant_id)
    return await h.deliver(h.record(event, key=who.participant_id, scope=SCOPE))


async def lapse(h: Harness, who: Somebody, through: str) -> list[Outcome]:
    event = ParticipationLapsed(
        participant_id=who.participant_id,
        spell=1,
        paid_through=ContributionMonth.parse(through),
        kind=LapseKind.LAPSED,
    )
    return await h.deliver(h.record(event, key=who.participant_id, scope=SCOPE))


async def refuse(h: Harness, who: Somebody, payment_id: PaymentId, reason: RefusalReason) -> list[Outcome]:
    event = ProtectionRefused(participant_id=who.participant_id, payment_id=payment_id, reason=reason)
    return await h.deliver(h.record(event, key=who.participant_id, scope=SCOPE))


async def reactivate(h: Harness, who: Somebody, agent: UUID | None, month: str, spell: int = 2) -> list[Outcome]:
    """Registration opened a new spell in this month under this manager."""
    event = ProtectionStarted(
        participant_id=who.participant_id,
        kpj="12345678901",
        spell=spell,
        payment_id=PaymentId(new_id()),
        amount=Rupiah(36_800),
        starts_at=h.clock.business(),
        months=(ContributionMonth.parse(month),),
        paid_through=ContributionMonth.parse(month),
        acquisition=False,
        agent=None if agent is None else AgentId(agent),
    )
    return await h.deliver(h.record(event, key=who.participant_id, scope=SCOPE))


async def reassign(
    h: Harness, who: Somebody, agent: UUID | None, from_month: str, wadah: WadahId | None = None
) -> list[Outcome]:
    """Alih binaan, decided in the month before; `wadah`: that of the agent."""
    event = ParticipantReassigned(
        participant_id=who.participant_id,
        agent=None if agent is None else AgentId(agent),
        wadah=wadah,
        from_month=ContributionMonth.parse(from_month),
        reason="on_request",
    )
    return await h.deliver(h.record(event, key=who.participant_id, scope=SCOPE))


async def close(h: Harness, who: Somebody, died_on: date, scope: Scope = SCOPE) -> list[Outcome]:
    event = ParticipationClosed(participant_id=who.participant_id, spell=1, died_on=died_on)
    return await h.deliver(h.record(event, key=who.participant_id, scope=scope))
