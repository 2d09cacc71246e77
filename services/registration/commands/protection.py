"""Payments, reversals, the calendar, message receipts and answers about erasures, applied to participants: one load for any number of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from chassis.http import NOT_FOUND, Principal, covers
from chassis.numbers import NumberBlocks
from chassis.outcomes import Accepted, Done, NotYet
from chassis.privacy.vault import Vault
from chassis.problems import Rejected
from chassis.timers import Due as DueRow
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.contributions import ContributionPaid, ContributionReversed
from contracts.events.erasure import ErasureChecked, ErasureCleared, ErasureRefused
from contracts.events.notifications import NotificationDelivered, NotificationFailed
from contracts.events.participants import ParticipantReachable, ParticipantUnreachable, RegistrationExpired
from contracts.values import ParticipantId
from services.registration.domain import erasure, protection
from services.registration.domain.calendar import wib_date
from services.registration.domain.codes import kpj
from services.registration.domain.erasure import Erasure
from services.registration.domain.parameters import ERASURE, PROTECTION, REGISTRATION, in_force
from services.registration.domain.participant import Participant, evolve
from services.registration.domain.protection import Due, PaymentFacts
from services.registration.queries import deciding
from services.registration.queries.deciding import Subject

KPJ = "kpj"
NOT_SENT_AT_ALL = ("too_late", "forgotten")
"""A message that was held back for its time limit, or for a person who was erased, says nothing of the phone."""

Consumed = ContributionPaid | ContributionReversed | NotificationFailed | NotificationDelivered | ErasureChecked


@dataclass(frozen=True, slots=True)
class Happened:
    """Another service's event about one participant."""

    event: Consumed
    meta: Meta


@dataclass(frozen=True, slots=True)
class CloseParticipation:
    """A branch head records a death."""

    meta: Meta
    principal: Principal
    participant_id: ParticipantId
    died_on: date


class ApplyingEvents:
    """The use case of the consumers. `NotYet` for a participant who is not known here."""

    def __init__(self, vault: Vault, numbers: NumberBlocks) -> None:
        self._vault, self._numbers = vault, numbers

    async def __call__(self, tx: Tx, items: Sequence[Happened], /) -> list[Done | NotYet]:
        file = await _File.load(tx, self._vault, (item.event.participant_id for item in items))
        checked = {item.event.participant_id for item in items if isinstance(item.event, ErasureChecked)}
        file.erasures.update(await deciding.erasures_by_id(tx.conn, checked))
        first = sum(isinstance(i.event, ContributionPaid) and file.needs_kpj(i.event.participant_id) for i in items)
        numbers = iter(await self._numbers.take(KPJ, first)) if first else iter(())
        return [self._apply(file, item, lambda: kpj(next(numbers))) for item in items]

    def _apply(self, file: _File, item: Happened, new_kpj: Callable[[], str]) -> Done | NotYet:
        participant_id = item.event.participant_id
        subject = file.subjects.get(participant_id)
        if subject is None:
            return NotYet("participant")
        state = subject.participant
        match item.event:
            case ContributionPaid() as paid:
                number = "" if state.kpj else new_kpj()
                changes = protection.on_paid(state, paid, file.facts(subject, number))
            case ContributionReversed() as reversed_:
                changes = [Due(event) for event in protection.on_reversed(state, reversed_, now=file.tx.now)]
            case NotificationFailed() | NotificationDelivered() as told:
                changes = _reachability(state, told)
            case ErasureChecked() as checked:
                event = erasure.on_checked(file.erasures.get(participant_id), checked)
                changes = [] if event is None else [Due(event)]
        file.record(participant_id, changes, item.meta)
        return Done()


class WorkingTheCalendar:
    """The use case of the timer: what the calendar brings to each due participant, at the instants of the rules."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def __call__(self, tx: Tx, items: Sequence[DueRow], /) -> list[Done]:
        file = await _File.load(tx, self._vault, (ParticipantId(UUID(item.key)) for item in items))
        for item in items:
            subject = file.subjects.get(ParticipantId(UUID(item.key)))
            if subject is not None:
                changes = protection.due(subject.participant, item.now)
                file.record(subject.participant.participant_id, changes, item.meta)
        return [Done() for _ in items]


class ClosingParticipations:
    """The use case of T12."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def __call__(self, tx: Tx, commands: Sequence[CloseParticipation], /) -> list[Accepted | Rejected]:
        file = await _File.load(tx, self._vault, (command.participant_id for command in commands))
        return [self._close(file, command) for command in commands]

    def _close(self, file: _File, command: CloseParticipation) -> Accepted | Rejected:
        subject = file.subjects.get(command.participant_id)
        if subject is None or not covers(command.principal, branch_id=subject.participant.branch_id):
            return Rejected(NOT_FOUND)
        if subject.participant.forgotten:
            return Rejected(NOT_FOUND)
        decision = protection.close(subject.participant, died_on=command.died_on, today=wib_date(file.tx.now))
        if isinstance(decision, Rejected):
            return decision
        file.record(command.participant_id, [Due(decision)], command.meta)
        return Accepted({"participant_id": str(command.participant_id)}, 200)


def _reachability(state: Participant, told: NotificationFailed | NotificationDelivered) -> Sequence[Due]:
    """The agent sees that a message failed until a later one arrives."""
    participant_id, notification_id = state.participant_id, told.notification_id
    if isinstance(told, NotificationDelivered):
        arrived = ParticipantReachable(participant_id=participant_id, notification_id=notification_id)
        return [Due(arrived)] if state.unreachable else []
    if state.unreachable or told.reason in NOT_SENT_AT_ALL:
        return []
    failed = ParticipantUnreachable(participant_id=participant_id, notification_id=notification_id, reason=told.reason)
    return [Due(failed)]


@dataclass(frozen=True, slots=True)
class _File:
    """The participants of one batch, heads read before them; each change is seen by the next item."""

    tx: Tx
    subjects: dict[ParticipantId, Subject]
    nik_holders: dict[str, ParticipantId]
    erasures: dict[ParticipantId, Erasure] = field(default_factory=dict)

    @classmethod
    async def load(cls, tx: Tx, vault: Vault, ids: Iterable[ParticipantId]) -> _File:
        wanted = set(ids)
        await tx.heads("participants", wanted)
        subjects = await deciding.subjects(tx.conn, vault, wanted)
        lost = {
            s.participant.nik_hash for s in subjects.values() if s.participant.nik_hash and not s.participant.holds_nik
        }
        holders = await deciding.nik_holders(tx.conn, lost) if lost else {}
        return cls(tx, subjects, holders)

    def needs_kpj(self, participant_id: ParticipantId) -> bool:
        subject = self.subjects.get(participant_id)
        return subject is not None and subject.participant.kpj is None

    def facts(self, subject: Subject, number: str) -> PaymentFacts:
        state = subject.participant
        holder = self.nik_holders.get(state.nik_hash) if state.nik_hash else None
        return PaymentFacts(
            birth_date=subject.birth_date,
            nik_free=holder in (None, state.participant_id),
            agent_active=subject.agent_active,
            agent_is_self=subject.agent_is_self,
            kpj=number,
        )

    def record(self, participant_id: ParticipantId, changes: Sequence[Due], meta: Meta) -> None:
        """Records the changes and lets the following items see them, the NIK they take or free included."""
        for change in changes:
            subject = self.subjects[participant_id]
            recorded = self.tx.record(
                change.event,
                key=participant_id,
                meta=meta,
                scope=_scope(subject.participant),
                rules=_rules(change.event, wib_date(self.tx.now)),
                occurred_at=change.at,
            )
            self._seen(subject, evolve(subject.participant, recorded.envelope, recorded.event))
            if isinstance(change.event, erasure.OfErasure):
                known = self.erasures.get(participant_id)
                self.erasures[participant_id] = erasure.evolve(known, recorded.envelope, change.event)

    def _seen(self, subject: Subject, state: Participant) -> None:
        self.subjects[state.participant_id] = replace(subject, participant=state)
        if state.nik_hash and state.holds_nik and not subject.participant.holds_nik:
            self.nik_holders[state.nik_hash] = state.participant_id


def _scope(state: Participant) -> Scope:
    return Scope(state.branch_id, state.wadah_id, state.agent_id)


def _rules(event: Event, on: date) -> str:
    if isinstance(event, ErasureCleared | ErasureRefused):
        return in_force(ERASURE, on).version
    return in_force(REGISTRATION if isinstance(event, RegistrationExpired) else PROTECTION, on).version
