"""Copies of everything held about people: asked for, and noted as handed over. What is in a copy is read by the doors of `chassis/held.py`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from chassis.held import erased, erased_at
from chassis.http import NOT_FOUND, Principal, covers
from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.exports import ExportGiven, ExportRequested
from contracts.values import ExportId, ParticipantId
from services.registration.domain.duty import due_by
from services.registration.domain.export import Export, evolve, rules_on
from services.registration.domain.participant import Participant
from services.registration.problems import EXPORT_NOT_ASKED
from services.registration.queries import deciding as loads

STREAM = "exports"


@dataclass(frozen=True, slots=True)
class ExportCommand:
    meta: Meta
    principal: Principal
    participant_id: ParticipantId


@dataclass(frozen=True, slots=True)
class _Desk:
    """Requests of one batch; each item sees those before it."""

    tx: Tx
    people: dict[ParticipantId, Participant]
    known: dict[ParticipantId, Export]

    @classmethod
    async def load(cls, tx: Tx, ids: Collection[ParticipantId]) -> _Desk:
        await tx.heads(STREAM, ids)
        return cls(tx, await loads.participants_by_id(tx.conn, ids), await loads.exports_by_id(tx.conn, ids))

    def person(self, command: ExportCommand) -> Participant | None:
        """None for a person who is unknown or out of the caller's scope."""
        person = self.people.get(command.participant_id)
        if person is None:
            return None
        own = covers(
            command.principal,
            branch_id=person.branch_id,
            agent_id=person.agent_id,
            participant_id=person.participant_id,
        )
        return person if own else None

    def record(self, person: Participant, event: Event, meta: Meta) -> Export:
        scope = Scope(person.branch_id, person.wadah_id, person.agent_id)
        key, rules = person.participant_id, rules_on(self.tx.now).version
        recorded = self.tx.record(event, key=key, meta=meta, scope=scope, rules=rules)
        self.known[key] = evolve(self.known.get(key), recorded.envelope, event)
        return self.known[key]


async def request_exports(tx: Tx, commands: Sequence[ExportCommand], /) -> list[Accepted | Rejected]:
    """One request per person is open at a time; asked again, the answer is that one."""
    ids = {command.participant_id for command in commands}
    desk = await _Desk.load(tx, ids)
    gone = {key for key, person in desk.people.items() if person.forgotten}
    since = await erased_at(tx.conn, gone)

    def decide(command: ExportCommand) -> Accepted | Rejected:
        person = desk.person(command)
        if person is None:
            return Rejected(NOT_FOUND)
        key = person.participant_id
        if person.forgotten:
            return erased(since[key])
        known = desk.known.get(key)
        if known is None or not known.is_open:
            asked = ExportRequested(participant_id=key, export_id=ExportId(new_id()))
            known = desk.record(person, asked, command.meta)
        return Accepted({**_told(known), "due_by": due_by(known.requested_at).isoformat()}, 202)

    return [decide(command) for command in commands]


async def note_given(tx: Tx, commands: Sequence[ExportCommand], /) -> list[Accepted | Rejected]:
    """The person has the copy: the request is closed."""
    desk = await _Desk.load(tx, {command.participant_id for command in commands})

    def decide(command: ExportCommand) -> Accepted | Rejected:
        person = desk.person(command)
        if person is None:
            return Rejected(NOT_FOUND)
        known = desk.known.get(person.participant_id)
        if known is None or not known.is_open:
            return Rejected(EXPORT_NOT_ASKED, rules=rules_on(tx.now).version)
        given = ExportGiven(participant_id=person.participant_id, export_id=known.export_id)
        return Accepted(_told(desk.record(person, given, command.meta)), 200)

    return [decide(command) for command in commands]


def _told(known: Export) -> dict[str, str]:
    return {
        "participant_id": str(known.participant_id),
        "export_id": str(known.export_id),
        "status": str(known.status()),
    }
