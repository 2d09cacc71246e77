"""Invented people, events and envelopes for the tests of the rules; strategies for well-formed NIKs and dates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from chassis.ids import new_id
from contracts.envelope import Envelope
from contracts.event import Event
from contracts.events.contributions import BillKind, ContributionPaid, ContributionReversed, MonthCharge
from contracts.events.participants import Consent, Entry, ParticipantRegistered, Person
from contracts.sealed import Sealed
from contracts.values import (
    WIB,
    AgentId,
    BillId,
    BranchId,
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
from services.registration.domain.form import Form
from services.registration.domain.nik import PROVINCES
from services.registration.domain.participant import Participant, evolve
from services.registration.domain.protection import Due, PaymentFacts

BRANCH, WADAH, AGENT = BranchId(UUID(int=1)), WadahId(UUID(int=2)), AgentId(UUID(int=3))
NOW = datetime(2025, 10, 6, 2, 0, tzinfo=UTC)
NIK = "3671040403900001"
_seqs = itertools.count(1)


def wib(text: str) -> datetime:
    """An instant written as WIB local time, `2025-10-31 23:59:59`."""
    return datetime.fromisoformat(text).replace(tzinfo=WIB).astimezone(UTC)


def month(text: str) -> ContributionMonth:
    return ContributionMonth.parse(text)


def envelope(event: Event, at: datetime = NOW, *, agent: AgentId | None = AGENT, actor: str = "agent-1") -> Envelope:
    return Envelope(
        event_id=new_id(),
        source="registration",
        stream=event.stream,
        key="k",
        seq=next(_seqs),
        type=event.type,
        version=event.version,
        rules="tests/1",
        occurred_at=at,
        recorded_at=at,
        actor=actor,
        correlation_id=new_id(),
        branch_id=BRANCH,
        wadah_id=WADAH,
        agent_id=agent,
    )


def form(**changes: Any) -> Form:
    """A form that meets every rule."""
    whole = Form(
        nik=NIK,
        name="Siti Rahayu",
        birth_place="Tangerang",
        birth_date=date(1990, 3, 4),
        sex=Sex.MALE,
        phone="081234567890",
        email=None,
        address="Jalan Contoh 1",
        occupation="pedagang",
        sector=Sector.OTHER,
        work_place="Kota Tangerang",
        working_hours=None,
        income=1_000_000,
        employs_others=False,
        programmes=(Programme.JKK, Programme.JKM),
        funding_source=FundingSource.SELF,
        language=Language.INDONESIAN,
        consent_text_version="2025-01",
        outreach_id=None,
    )
    return replace(whole, **changes)


def registered(*, birth_date: date = date(1990, 3, 4), new_to_bpu: bool = True) -> ParticipantRegistered:
    participant_id = ParticipantId(new_id())
    person = Person(
        nik=NIK,
        nik_hash="a" * 64,
        name="Siti Rahayu",
        birth_place="Tangerang",
        birth_date=birth_date,
        sex=Sex.MALE,
        phone="+6281234567890",
        email=None,
        address="Jalan Contoh 1",
    )
    return ParticipantRegistered(
        participant_id=participant_id,
        contribution_code="1000000000009",
        entry=Entry.ONLINE,
        registered_on=date(2025, 10, 6),
        expires_at=wib("2025-11-06 00:00:00"),
        occupation="pedagang",
        sector=Sector.OTHER,
        work_place="Kota Tangerang",
        working_hours=None,
        income=Rupiah(1_000_000),
        employs_others=False,
        programmes=(Programme.JKK, Programme.JKM),
        funding_source=FundingSource.SELF,
        language=Language.INDONESIAN,
        new_to_bpu=new_to_bpu,
        outreach_id=None,
        consent=Consent(text_version="2025-01", given_at=NOW, channel="agent", taken_by="agent-1"),
        person=Sealed(participant_id, person),
    )


def participant(**how: Any) -> Participant:
    """Registered on 6 October 2025, by the agent."""
    event = registered(**how)
    return evolve(None, envelope(event), event)


def facts(**changes: Any) -> PaymentFacts:
    plain = PaymentFacts(
        birth_date=date(1990, 3, 4), nik_free=True, agent_active=True, agent_is_self=False, kpj="10000000001"
    )
    return replace(plain, **changes)


def paid(state: Participant, *months: str, at: datetime, kind: BillKind = BillKind.STANDARD) -> ContributionPaid:
    charges = tuple(
        MonthCharge(
            month=month(m),
            base=Rupiah(1_000_000),
            jkk=Rupiah(10_000),
            jkm=Rupiah(6_800),
            jht=Rupiah(0),
            discounted=False,
        )
        for m in months
    )
    return ContributionPaid(
        payment_id=PaymentId(new_id()),
        bill_id=BillId(new_id()),
        participant_id=state.participant_id,
        kind=kind,
        partner="bank",
        channel="VA",
        channel_reference="1",
        amount=Rupiah(16_800 * len(charges)),
        months=charges,
        effective_at=at,
        posted_at=at,
    )


def voided(paid_: ContributionPaid, reason: str = "missing_at_bank") -> ContributionReversed:
    return ContributionReversed(
        payment_id=paid_.payment_id,
        bill_id=paid_.bill_id,
        participant_id=paid_.participant_id,
        amount=paid_.amount,
        months=paid_.months,
        partner=paid_.partner,
        reason=reason,
        refusal=None,
    )


def after(state: Participant, changes: Sequence[Due], at: datetime = NOW) -> Participant:
    """The state once these events are recorded."""
    for change in changes:
        state = evolve(state, envelope(change.event, change.at or at), change.event)
    return state


def names(changes: Sequence[Due]) -> list[str]:
    return [type(change.event).__name__ for change in changes]


@st.composite
def niks(draw: st.DrawFn) -> str:
    """Well-formed NIKs."""
    day = draw(st.integers(1, 31)) + draw(st.sampled_from([0, 40]))
    return (
        draw(st.sampled_from(sorted(PROVINCES)))
        + f"{draw(st.integers(0, 9999)):04d}{day:02d}{draw(st.integers(1, 12)):02d}"
        + f"{draw(st.integers(0, 99)):02d}{draw(st.integers(1, 9999)):04d}"
    )
