"""Erasing people: asked for over HTTP, carried out by a timer once everybody has answered. Key, copies and event go in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import faults, rows
from chassis.http import NOT_FOUND, Principal, covers
from chassis.ids import new_id
from chassis.outcomes import Accepted, Done
from chassis.privacy.forgetting import Forgetting
from chassis.privacy.vault import Vault
from chassis.problems import Rejected
from chassis.timers import Due
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.erasure import AgentForgotten, ErasureGround, ErasureRefused, ParticipantForgotten
from contracts.values import ErasureId, ParticipantId
from services.registration.domain import erasure as deciding
from services.registration.domain.agent import Agent
from services.registration.domain.duty import due_by
from services.registration.domain.erasure import OPEN, Erasure, ErasureStatus
from services.registration.domain.export import Export
from services.registration.domain.participant import Participant, evolve
from services.registration.problems import ERASURE_REFUSED
from services.registration.queries import deciding as loads
from services.registration.tables import import_results, imports

PARTICIPANTS, AGENTS = "participants", "agents"


@dataclass(frozen=True, slots=True)
class RequestErasure:
    meta: Meta
    principal: Principal
    participant_id: ParticipantId
    ground: ErasureGround


@dataclass(frozen=True, slots=True)
class _File:
    """People of one batch with requests and offices; each item sees those before it."""

    tx: Tx
    people: dict[ParticipantId, Participant]
    erasures: dict[ParticipantId, Erasure]
    agents: dict[ParticipantId, list[Agent]]
    copies: dict[ParticipantId, Export]

    @classmethod
    async def load(cls, tx: Tx, vault: Vault, ids: Collection[ParticipantId]) -> _File:
        """The first look-up only finds the agents' keys; they are read again after the heads."""
        offices = await loads.agents_who_are(tx.conn, vault, ids)
        await tx.heads(PARTICIPANTS, ids)
        await tx.heads(AGENTS, [agent.agent_id for agents in offices.values() for agent in agents])
        return cls(
            tx,
            await loads.participants_by_id(tx.conn, ids),
            await loads.erasures_by_id(tx.conn, ids),
            await loads.agents_who_are(tx.conn, vault, ids) if offices else {},
            await loads.exports_by_id(tx.conn, ids),
        )

    def record(self, person: Participant, event: Event, meta: Meta) -> None:
        scope = Scope(person.branch_id, person.wadah_id, person.agent_id)
        key, rules = person.participant_id, deciding.rules_on(self.tx.now).version
        recorded = self.tx.record(event, key=key, meta=meta, scope=scope, rules=rules)
        self.people[key] = evolve(person, recorded.envelope, event)
        self.erasures[key] = deciding.evolve(self.erasures.get(key), recorded.envelope, event)


class RequestingErasures:
    """The use case of the door. What stands against it in registration is recorded and refused at once; else the others are asked."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def __call__(self, tx: Tx, commands: Sequence[RequestErasure], /) -> list[Accepted | Rejected]:
        file = await _File.load(tx, self._vault, {command.participant_id for command in commands})
        return [self._request(file, command) for command in commands]

    def _request(self, file: _File, command: RequestErasure) -> Accepted | Rejected:
        key = command.participant_id
        person = file.people.get(key)
        if person is None or not covers(command.principal, branch_id=person.branch_id):
            return Rejected(NOT_FOUND)
        known = file.erasures.get(key)
        if known is None or known.status is ErasureStatus.REFUSED:
            asked = deciding.request(
                ErasureId(new_id()),
                person,
                file.agents.get(key, ()),
                file.copies.get(key),
                command.ground,
                now=file.tx.now,
            )
            file.record(person, asked, command.meta)
            if isinstance(asked, ErasureRefused):
                return _refusal(asked, deciding.rules_on(file.tx.now).version)
        standing = file.erasures[key]
        return Accepted(
            {
                "participant_id": str(key),
                "erasure_id": str(standing.erasure_id),
                "status": str(standing.status),
                "due_by": due_by(standing.requested_at).isoformat(),
            },
            202 if standing.status in OPEN else 200,
        )


def _refusal(refused: ErasureRefused, rules: str) -> Rejected:
    """Names every obstacle."""
    return Rejected(ERASURE_REFUSED, "participant_id", {}, rules, tuple(deciding.obstacles_told(refused)))


class Erasing:
    """The use case of the timer: a cleared request is carried out, or refused where something has come in between. A key is a participant.

    Offices of people who are forgotten are looked at again, should one have been taken up in the same moment.
    """

    def __init__(self, vault: Vault, forget: Forgetting) -> None:
        self._vault, self._forget = vault, forget

    async def __call__(self, tx: Tx, items: Sequence[Due], /) -> list[Done]:
        faults.point("E1")
        file = await _File.load(tx, self._vault, {ParticipantId(UUID(item.key)) for item in items})
        hashes = {person.nik_hash for person in file.people.values() if person.nik_hash is not None}
        gone = [subject for item in items for subject in self._carry_out(file, item)]
        self._forget(tx, gone)
        if gone and hashes:
            tx.defer(lambda conn: _clear_results(conn, gone, hashes))
        return [Done() for _ in items]

    def _carry_out(self, file: _File, item: Due) -> list[UUID]:
        """Whose keys are destroyed."""
        key = ParticipantId(UUID(item.key))
        person, known, agents = file.people.get(key), file.erasures.get(key), file.agents.get(key, [])
        if person is None or known is None:
            return []
        if known.status is ErasureStatus.CLEARED:
            done = deciding.carry_out(known, person, agents, file.copies.get(key), now=file.tx.now)
            file.record(person, done, item.meta)
        person = file.people[key]
        if not person.forgotten:
            return []
        for agent in agents:
            if agent.profile is not None:
                self._name_no_more(file, person, agent, item.meta)
        return [key, *(agent.agent_id for agent in agents)]

    def _name_no_more(self, file: _File, person: Participant, agent: Agent, meta: Meta) -> None:
        file.tx.record(
            AgentForgotten(agent_id=agent.agent_id, participant_id=person.participant_id),
            key=agent.agent_id,
            meta=meta,
            scope=Scope(agent.branch_id, agent.wadah_id, agent.agent_id),
            rules=deciding.rules_on(file.tx.now).version,
        )


async def clear_results(conn: AsyncConnection, gone: Sequence[ParticipantForgotten]) -> None:
    """Again after a restore."""
    hashes = {event.nik_hash for event in gone if event.nik_hash is not None}
    await _clear_results(conn, [event.participant_id for event in gone], hashes)


async def _clear_results(conn: AsyncConnection, gone: Collection[UUID], hashes: Collection[str]) -> None:
    """Results of uploaded files find doubles by the NIK's keyed hash (index import_results_nik, one look per import)."""
    await conn.execute(
        sa.update(import_results)
        .where(
            import_results.c.import_id == imports.c.import_id,
            rows.matching(import_results.c.nik_hash, hashes),
            rows.matching(import_results.c.participant_id, gone),
        )
        .values(nik_hash=sa.null())
    )
