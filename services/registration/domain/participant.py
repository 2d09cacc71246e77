"""A participant: how the participation stands, and the spells of protection that payments opened. A fold of stream
`participants`.

Personal data is not part of this state; it is kept beside it, so what is here names nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime

from contracts.envelope import Envelope
from contracts.event import Event
from contracts.events.erasure import ErasureCleared, ErasureRefused, ErasureRequested, ParticipantForgotten
from contracts.events.participants import (
    Consent,
    CorrectionCause,
    Entry,
    GraceEntered,
    ParticipantCorrected,
    ParticipantReachable,
    ParticipantReassigned,
    ParticipantRegistered,
    ParticipantUnreachable,
    ParticipationClosed,
    ParticipationLapsed,
    ProtectionCorrected,
    ProtectionExtended,
    ProtectionRefused,
    ProtectionStarted,
    RegistrationExpired,
    Standing,
)
from contracts.values import (
    USUAL_GRACE_MONTHS,
    AgentId,
    BranchId,
    ContributionMonth,
    FundingSource,
    Language,
    OutreachId,
    ParticipantId,
    PaymentId,
    Programme,
    Sector,
    WadahId,
)
from services.registration.domain.fold import ImpossibleHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    payment_id: PaymentId
    effective_at: datetime
    months: tuple[ContributionMonth, ...]
    grace_months: tuple[int, ...] = ()
    """Of each of `months`; empty: the usual number of each."""

    def grace_of(self, month: ContributionMonth) -> int | None:
        """How many months after this one may still be paid while it is the last paid; None for a month it did not pay."""
        if month not in self.months:
            return None
        return self.grace_months[self.months.index(month)] if self.grace_months else USUAL_GRACE_MONTHS


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """One unbroken stretch of protection. Spells are never merged; one whose payments were all voided stays, empty."""

    number: int
    """1, 2, 3 … in the order they were opened."""
    payments: tuple[Payment, ...]
    paid_through: ContributionMonth | None
    ended: Standing | None = None
    """LAPSED, INACTIVE or CLOSED; None while it runs."""
    died_on: date | None = None
    """The day of the death that ended it; None of any other."""

    @property
    def starts_at(self) -> datetime:
        """Protection starts with the first payment that still stands. Raises ValueError on an empty spell."""
        return min(payment.effective_at for payment in self.payments)

    @property
    def last_month(self) -> ContributionMonth:
        """M, the last month paid without a gap. Raises ValueError on an empty spell."""
        if self.paid_through is None:
            raise ValueError(f"spell {self.number} holds no payment")
        return self.paid_through

    @property
    def grace_months(self) -> int:
        """Of M, as its payment says. Raises ValueError on an empty spell."""
        said = (payment.grace_of(self.last_month) for payment in reversed(self.payments))
        return next((grace for grace in said if grace is not None), USUAL_GRACE_MONTHS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    participant_id: ParticipantId
    contribution_code: str
    nik_hash: str | None
    """None once the person was forgotten."""
    standing: Standing
    branch_id: BranchId | None
    wadah_id: WadahId | None
    agent_id: AgentId | None
    """The manager; None when the branch is."""
    entry: Entry
    registered_at: datetime
    registered_on: date
    registered_by: str
    expires_at: datetime
    occupation: str
    sector: Sector
    work_place: str
    working_hours: str | None
    income: int
    employs_others: bool
    programmes: tuple[Programme, ...]
    funding_source: FundingSource
    language: Language
    new_to_bpu: bool
    outreach_id: OutreachId | None
    consent: Consent
    kpj: str | None = None
    spells: tuple[Spell, ...] = ()
    unreachable: bool = False
    forgotten: bool = False
    """The person was erased; what is left names nobody and changes no more."""

    @property
    def spell(self) -> Spell | None:
        """The latest spell that still holds a payment."""
        return next((spell for spell in reversed(self.spells) if spell.payments), None)

    @property
    def before_spell(self) -> Spell | None:
        """The one before that."""
        held = [spell for spell in self.spells if spell.payments]
        return held[-2] if len(held) > 1 else None

    @property
    def holds_nik(self) -> bool:
        """Whether the NIK is taken by this registration: until it expires unpaid; after a payment until the person is erased."""
        return self.standing is not Standing.EXPIRED and not self.forgotten


def paid_through(payments: tuple[Payment, ...]) -> ContributionMonth | None:
    """The last month reached without a gap from the earliest paid one (months are paid in order, Perdir 22/2022)."""
    months = {month for payment in payments for month in payment.months}
    if not months:
        return None
    last = min(months)
    while last + 1 in months:
        last += 1
    return last


def evolve(state: Participant | None, envelope: Envelope, event: Event) -> Participant:
    """Folds one event of stream `participants`. Total over the events of that stream; raises ImpossibleHistory
    otherwise.
    """
    if state is None:
        if isinstance(event, ParticipantRegistered):
            return _registered(envelope, event)
        raise ImpossibleHistory(state, event)
    match event:
        case ParticipantCorrected():
            return _facts_corrected(state, event)
        case RegistrationExpired():
            return replace(state, standing=Standing.EXPIRED)
        case ParticipantReassigned():
            return replace(state, agent_id=event.agent, wadah_id=event.wadah)
        case ProtectionStarted():
            return _started(state, event)
        case ProtectionExtended():
            return _extended(state, event)
        case ProtectionCorrected():
            return _corrected(state, event)
        case ProtectionRefused():
            return state
        case GraceEntered():
            return replace(state, standing=Standing.GRACE)
        case ParticipationLapsed():
            return _ended(state, event.spell, Standing(event.kind))
        case ParticipationClosed():
            return _ended(state, event.spell, Standing.CLOSED, event.died_on)
        case ParticipantUnreachable():
            return replace(state, unreachable=True)
        case ParticipantReachable():
            return replace(state, unreachable=False)
        case ErasureRequested() | ErasureRefused() | ErasureCleared():
            return state
        case ParticipantForgotten():
            return replace(state, nik_hash=None, forgotten=True)
        case _:
            raise ImpossibleHistory(state, event)


def _registered(envelope: Envelope, event: ParticipantRegistered) -> Participant:
    return Participant(
        participant_id=event.participant_id,
        contribution_code=event.contribution_code,
        nik_hash=event.person.value.nik_hash if event.person.value else None,
        standing=Standing.REGISTERED,
        branch_id=BranchId(envelope.branch_id) if envelope.branch_id else None,
        wadah_id=WadahId(envelope.wadah_id) if envelope.wadah_id else None,
        agent_id=AgentId(envelope.agent_id) if envelope.agent_id else None,
        entry=event.entry,
        registered_at=envelope.occurred_at,
        registered_on=event.registered_on,
        registered_by=envelope.actor,
        expires_at=event.expires_at,
        occupation=event.occupation,
        sector=event.sector,
        work_place=event.work_place,
        working_hours=event.working_hours,
        income=event.income,
        employs_others=event.employs_others,
        programmes=event.programmes,
        funding_source=event.funding_source,
        language=event.language,
        new_to_bpu=event.new_to_bpu,
        outreach_id=event.outreach_id,
        consent=event.consent,
    )


def _facts_corrected(state: Participant, event: ParticipantCorrected) -> Participant:
    return replace(
        state,
        occupation=event.occupation,
        sector=event.sector,
        income=event.income,
        employs_others=event.employs_others,
        programmes=event.programmes,
        funding_source=event.funding_source,
    )


def _started(state: Participant, event: ProtectionStarted) -> Participant:
    payment = Payment(
        payment_id=event.payment_id, effective_at=event.starts_at, months=event.months, grace_months=event.grace_months
    )
    opened = Spell(number=event.spell, payments=(payment,), paid_through=event.paid_through)
    return replace(state, standing=Standing.ACTIVE, kpj=event.kpj, agent_id=event.agent, spells=(*state.spells, opened))


def _extended(state: Participant, event: ProtectionExtended) -> Participant:
    payment = Payment(
        payment_id=event.payment_id,
        effective_at=event.effective_at,
        months=event.months,
        grace_months=event.grace_months,
    )
    extended = _change(
        state,
        event.spell,
        lambda spell: replace(spell, payments=(*spell.payments, payment), paid_through=event.paid_through),
    )
    if state.standing is Standing.CLOSED:
        return extended
    caught_up = event.paid_through >= ContributionMonth.of(event.effective_at)
    return replace(extended, standing=Standing.ACTIVE) if caught_up else extended


def _corrected(state: Participant, event: ProtectionCorrected) -> Participant:
    voided = event.cause is CorrectionCause.PAYMENT_VOIDED

    def correct(spell: Spell) -> Spell:
        if not voided:
            return replace(spell, paid_through=event.paid_through, ended=None)
        left = tuple(payment for payment in spell.payments if payment.payment_id != event.payment_id)
        return replace(spell, payments=left, paid_through=event.paid_through)

    return replace(_change(state, event.spell, correct), standing=event.standing)


def _ended(state: Participant, number: int, standing: Standing, died_on: date | None = None) -> Participant:
    ended = _change(state, number, lambda spell: replace(spell, ended=standing, died_on=died_on)) if number else state
    return replace(ended, standing=standing)


def _change(state: Participant, number: int, change: Callable[[Spell], Spell]) -> Participant:
    return replace(state, spells=tuple(change(spell) if spell.number == number else spell for spell in state.spells))
