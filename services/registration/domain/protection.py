"""Protection follows payments and the calendar: transitions T2–T8, T11–T14 of domain.md section 6, each an event.

What counts is the payment's `effective_at`, never its arrival; what arose in between (NIK taken, reactivation paid)
stands. The calendar's own
instants count, never those of the run that works them off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from chassis.problems import Rejected
from contracts.event import Event
from contracts.events.contributions import ContributionPaid, ContributionReversed
from contracts.events.participants import (
    CorrectionCause,
    GraceEntered,
    LapseKind,
    ParticipationClosed,
    ParticipationLapsed,
    ProtectionCorrected,
    ProtectionExtended,
    ProtectionRefused,
    ProtectionStarted,
    RefusalReason,
    RegistrationExpired,
    Standing,
)
from contracts.values import USUAL_GRACE_MONTHS, AgentId, ContributionMonth
from services.registration.domain.calendar import completed_years, wib_date
from services.registration.domain.parameters import REGISTRATION, in_force
from services.registration.domain.participant import Participant, Payment, Spell, paid_through
from services.registration.problems import CLOSURE_DATE, CLOSURE_STEP

VOID_WITHOUT_EFFECT = "protection_refused"
"""payments moved refused money to suspense: registration said so itself, nothing is left to correct."""
_PROTECTED = (Standing.ACTIVE, Standing.GRACE)
_ENDED = (Standing.LAPSED, Standing.INACTIVE, Standing.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFacts:
    """What a payment's effect depends on besides the participant."""

    birth_date: date | None
    """None when the person was forgotten: no age is left to judge."""
    nik_free: bool
    """No other registration holds the NIK."""
    agent_active: bool
    """The participant's agent is ACTIVE now."""
    agent_is_self: bool
    """The participant is that agent."""
    kpj: str
    """Freshly drawn; used when the participant has none."""


@dataclass(frozen=True, slots=True)
class Due:
    """An event, and the instant the calendar brings it at; None for what a payment brings: the moment of the
    decision.
    """

    event: Event
    at: datetime | None = None


def lapse_instant(month: ContributionMonth, grace_months: int = USUAL_GRACE_MONTHS) -> datetime:
    """00:00 WIB of the first day of M+4: M+1 to M+3 may still be paid (Perdir 22/2022; the instant is ours)."""
    return (month + grace_months + 1).starts_at


def lapses_at(spell: Spell) -> datetime:
    """The lapse instant of a spell, by the grace that its last month was paid with."""
    return lapse_instant(spell.last_month, spell.grace_months)


def next_change(state: Participant) -> datetime | None:
    """When the calendar next changes how this participation stands; None when only a payment can."""
    if state.standing is Standing.REGISTERED:
        return state.expires_at
    if state.standing not in _PROTECTED or state.spell is None:
        return None
    return state.spell.last_month.ends_at if state.standing is Standing.ACTIVE else lapses_at(state.spell)


def due(state: Participant, now: datetime) -> Sequence[Due]:
    """T2, T5, T8: everything that fell due up to `now`, oldest first. T9 comes with claims: no JHT claim is known
    here yet.
    """
    at = next_change(state)
    if at is None or now < at:
        return ()
    if state.standing is Standing.REGISTERED:
        return (Due(RegistrationExpired(participant_id=state.participant_id), at),)
    spell = _running(state)
    if state.standing is Standing.ACTIVE:
        entered = GraceEntered(
            participant_id=state.participant_id, paid_through=spell.last_month, grace_months=spell.grace_months
        )
        return (Due(entered, at), *due(replace(state, standing=Standing.GRACE), now))
    lapsed = ParticipationLapsed(
        participant_id=state.participant_id, spell=spell.number, paid_through=spell.last_month, kind=LapseKind.LAPSED
    )
    return (Due(lapsed, at),)


def standing_at(state: Participant, now: datetime) -> Standing:
    """How the participation stands at `now` by the table's instants, whether or not a timer has worked them off."""
    standing = state.standing
    for change in due(state, now):
        match change.event:
            case RegistrationExpired():
                standing = Standing.EXPIRED
            case GraceEntered():
                standing = Standing.GRACE
            case _:
                standing = Standing.LAPSED
    return standing


def on_paid(state: Participant, paid: ContributionPaid, facts: PaymentFacts) -> Sequence[Due]:
    """What a posted payment does: T2 (revival), T3, T4, T6, T7, T11, T14, or `ProtectionRefused`."""
    spell, before = state.spell, state.before_spell
    if state.forgotten:  # money that was on its way while the person was erased: payments gives it back
        return _refused(state, paid, RefusalReason.PARTICIPANT_CLOSED)
    if state.standing is Standing.CLOSED:
        if spell is not None and _is_owed_after_death(spell, paid):
            return (Due(_extension(state, spell, paid)),)
        return _refused(state, paid, RefusalReason.PARTICIPANT_CLOSED)
    if spell is None:
        return _first(state, paid, facts)
    if before is not None and paid.effective_at < lapses_at(before):
        return _refused(state, paid, RefusalReason.REACTIVATED_MEANWHILE)
    if paid.effective_at < lapses_at(spell):
        return (*_lapse_undone(state, spell, paid), Due(_extension(state, spell, paid)))
    manager = state.agent_id if facts.agent_active else None
    calendar = due(state, paid.effective_at) if state.standing in _PROTECTED else ()
    return (*calendar, Due(_start(state, paid, facts, manager=manager, acquisition=False)))


def on_reversed(state: Participant, reversed_: ContributionReversed, *, now: datetime) -> Sequence[ProtectionCorrected]:
    """T13: the state as if that payment had not been. A payment that protects nothing (refused earlier) changes
    nothing.
    """
    spell = next((s for s in state.spells if any(p.payment_id == reversed_.payment_id for p in s.payments)), None)
    if reversed_.reason == VOID_WITHOUT_EFFECT or spell is None:
        return ()
    left = tuple(payment for payment in spell.payments if payment.payment_id != reversed_.payment_id)
    return (
        ProtectionCorrected(
            participant_id=state.participant_id,
            spell=spell.number,
            payment_id=reversed_.payment_id,
            paid_through=paid_through(left),
            standing=_standing_without(state, spell, left, now),
            cause=CorrectionCause.PAYMENT_VOIDED,
        ),
    )


def close(state: Participant, *, died_on: date, today: date) -> ParticipationClosed | Rejected:
    """T12: a death was recorded; a running spell ends on that day."""
    if state.standing in (Standing.EXPIRED, Standing.CLOSED):
        return Rejected(CLOSURE_STEP, None, {"standing": state.standing})
    if not state.registered_on <= died_on <= today:
        return Rejected(CLOSURE_DATE, "died_on")
    running = state.spell.number if state.standing in _PROTECTED and state.spell else 0
    return ParticipationClosed(participant_id=state.participant_id, spell=running, died_on=died_on)


def _first(state: Participant, paid: ContributionPaid, facts: PaymentFacts) -> Sequence[Due]:
    """T3, or T2's revival: age is judged again on `effective_at`, the NIK must still be free (domain.md sections 4
    and 6).
    """
    if state.standing is Standing.EXPIRED and not facts.nik_free:
        return _refused(state, paid, RefusalReason.NIK_TAKEN)
    on = wib_date(paid.effective_at)
    if facts.birth_date and completed_years(facts.birth_date, on) > in_force(REGISTRATION, on).entry_age_max:
        return _refused(state, paid, RefusalReason.ENTRY_AGE_EXCEEDED)
    acquisition = state.new_to_bpu and state.agent_id is not None and facts.agent_active and not facts.agent_is_self
    return (Due(_start(state, paid, facts, manager=state.agent_id, acquisition=acquisition)),)


def _start(
    state: Participant, paid: ContributionPaid, facts: PaymentFacts, *, manager: AgentId | None, acquisition: bool
) -> ProtectionStarted:
    months = tuple(charge.month for charge in paid.months)
    return ProtectionStarted(
        participant_id=state.participant_id,
        kpj=state.kpj or facts.kpj,
        spell=len(state.spells) + 1,
        payment_id=paid.payment_id,
        amount=paid.amount,
        starts_at=paid.effective_at,
        months=months,
        paid_through=_reaches((_payment(paid),)),
        acquisition=acquisition,
        agent=manager,
        grace_months=_graces(paid),
    )


def _extension(state: Participant, spell: Spell, paid: ContributionPaid) -> ProtectionExtended:
    return ProtectionExtended(
        participant_id=state.participant_id,
        spell=spell.number,
        payment_id=paid.payment_id,
        amount=paid.amount,
        effective_at=paid.effective_at,
        months=tuple(charge.month for charge in paid.months),
        paid_through=_reaches((*spell.payments, _payment(paid))),
        grace_months=_graces(paid),
        after_death=state.standing is Standing.CLOSED,
    )


def _is_owed_after_death(spell: Spell, paid: ContributionPaid) -> bool:
    """T12: who died in grace owed the months up to that of the death; they stay payable until the lapse instant."""
    if spell.died_on is None or paid.effective_at >= lapses_at(spell):
        return False
    last = ContributionMonth(spell.died_on.year, spell.died_on.month)
    return all(charge.month <= last for charge in paid.months)


def _lapse_undone(state: Participant, spell: Spell, paid: ContributionPaid) -> Sequence[Due]:
    """T14: money paid before the lapse instant arrived after it, so the spell stands again as it stood then."""
    if state.standing not in _ENDED:
        return ()
    in_grace = paid.effective_at >= spell.last_month.ends_at
    corrected = ProtectionCorrected(
        participant_id=state.participant_id,
        spell=spell.number,
        payment_id=paid.payment_id,
        paid_through=spell.last_month,
        standing=Standing.GRACE if in_grace else Standing.ACTIVE,
        cause=CorrectionCause.LAPSE_UNDONE,
    )
    return (Due(corrected),)


def _standing_without(state: Participant, spell: Spell, left: tuple[Payment, ...], now: datetime) -> Standing:
    """How the participation stands once `spell` holds only the payments `left`."""
    if spell is not state.spell or (left and state.standing in _ENDED):
        return state.standing
    reached = paid_through(left)
    if reached is not None:
        return Standing.ACTIVE if reached >= ContributionMonth.of(now) else Standing.GRACE
    if state.standing is Standing.CLOSED:
        return Standing.CLOSED
    before = state.before_spell
    return (before.ended or Standing.LAPSED) if before else Standing.REGISTERED


def _refused(state: Participant, paid: ContributionPaid, reason: RefusalReason) -> Sequence[Due]:
    return (Due(ProtectionRefused(participant_id=state.participant_id, payment_id=paid.payment_id, reason=reason)),)


def _payment(paid: ContributionPaid) -> Payment:
    months = tuple(charge.month for charge in paid.months)
    return Payment(payment_id=paid.payment_id, effective_at=paid.effective_at, months=months)


def _graces(paid: ContributionPaid) -> tuple[int, ...]:
    return tuple(charge.grace_months for charge in paid.months)


def _reaches(payments: tuple[Payment, ...]) -> ContributionMonth:
    reached = paid_through(payments)
    if reached is None:
        raise ValueError("a payment without a contribution month")
    return reached


def _running(state: Participant) -> Spell:
    if state.spell is None:
        raise ValueError(f"{state.standing} without a spell")
    return state.spell
