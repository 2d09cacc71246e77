"""What deciders look at, each in one statement however many keys: participants with agent and agreement, who holds a
NIK, what is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.privacy.vault import Vault
from chassis.rows import matching
from contracts.values import AgentId, BranchId, OutreachId, ParticipantId, ReassignmentId, WadahId
from services.registration import states
from services.registration.domain.agent import Agent, AgentStatus
from services.registration.domain.erasure import Erasure
from services.registration.domain.export import Export
from services.registration.domain.outreach import Outreach
from services.registration.domain.participant import Participant
from services.registration.domain.reassignment import Reassignment
from services.registration.domain.registration import AtWork, Holder
from services.registration.domain.wadah import Wadah
from services.registration.tables import (
    PERSONAL,
    agents,
    agreement_numbers,
    branches,
    erasures,
    exports,
    forgotten_niks,
    outreach,
    participants,
    people,
    reassignments,
    wadah,
)

_own = participants.alias("own")
_of_agent = participants.alias("of_agent")
_own_person = people.alias("own_person")
_NAMELESS = [column for column in agents.c if column.name not in PERSONAL["agents"]]


def _asked(column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
    """`matching` for a statement that is built once: its values come under this name."""
    return column == sa.func.any(sa.bindparam(name, type_=ARRAY(column.type)))


@dataclass(frozen=True, slots=True)
class Engaged:
    """An agent with agreement, own participation and, for the age test, its birth date."""

    work: AtWork
    birth_date: date | None


@dataclass(frozen=True, slots=True)
class Subject:
    """A participant with what the effect of a payment depends on."""

    participant: Participant
    birth_date: date | None
    agent_active: bool
    agent_is_self: bool


_AT_WORK = (
    sa.select(*_NAMELESS, wadah, _own)
    .select_from(agents)
    .join(wadah, wadah.c.wadah_id == agents.c.wadah_id)
    .outerjoin(_own, _own.c.participant_id == agents.c.participant_id)
    .where(sa.or_(_asked(agents.c.agent_id, "ids"), _asked(agents.c.code, "codes")))
)
"""Built once, as `_HOLDERS`: to write down a statement of fifty columns costs as much as running it."""


async def at_work(
    conn: AsyncConnection, vault: Vault, *, ids: Iterable[AgentId], codes: Iterable[str]
) -> Sequence[AtWork]:
    """The agents of these ids or codes that exist, without name and phone; asks nothing when none is given."""
    wanted = {"ids": list(ids), "codes": list(codes)}
    if not any(wanted.values()):
        return []
    return [_at_work(row, vault) for row in await conn.execute(_AT_WORK, wanted)]


async def engaged(conn: AsyncConnection, vault: Vault, *, ids: Iterable[AgentId]) -> Sequence[Engaged]:
    """The agents of these ids that exist."""
    query = (
        sa.select(agents, wadah, _own, _own_person.c.birth_date.label("own_birth_date"))
        .join(wadah, wadah.c.wadah_id == agents.c.wadah_id)
        .outerjoin(_own, _own.c.participant_id == agents.c.participant_id)
        .outerjoin(_own_person, _own_person.c.participant_id == agents.c.participant_id)
        .where(matching(agents.c.agent_id, ids))
    )
    return [_engaged(row, vault) for row in await conn.execute(query)]


_presented = sa.func.unnest(sa.bindparam("nik_hashes", type_=ARRAY(sa.Text))).table_valued("nik_hash").render_derived()
_HOLDERS = (
    sa.select(
        participants, people, _presented.c.nik_hash, forgotten_niks.c.nik_hash.is_not(None).label("forgotten_nik")
    )
    .select_from(_presented)
    .outerjoin(participants, sa.and_(participants.c.holds_nik, participants.c.nik_hash == _presented.c.nik_hash))
    .outerjoin(people, people.c.participant_id == participants.c.participant_id)
    .outerjoin(forgotten_niks, forgotten_niks.c.nik_hash == _presented.c.nik_hash)
    .where(sa.or_(participants.c.participant_id.is_not(None), forgotten_niks.c.nik_hash.is_not(None)))
)


@dataclass(frozen=True, slots=True)
class Niks:
    """What presented NIKs stand for, by keyed hash: who holds them, and which are of persons who were erased."""

    holders: dict[str, Holder]
    forgotten: frozenset[str]


async def niks(conn: AsyncConnection, vault: Vault, nik_hashes: Iterable[str]) -> Niks:
    holders: dict[str, Holder] = {}
    forgotten: set[str] = set()
    for row in await conn.execute(_HOLDERS, {"nik_hashes": list(nik_hashes)}):
        *cells, nik_hash, is_forgotten = row
        if is_forgotten:
            forgotten.add(nik_hash)
        if cells[0] is not None:
            holders[nik_hash] = _holder(cells, vault)
    return Niks(holders, frozenset(forgotten))


async def nik_holders(conn: AsyncConnection, nik_hashes: Iterable[str]) -> dict[str, ParticipantId]:
    """Which registration holds each NIK, by the NIK's keyed hash; ids only."""
    query = sa.select(participants.c.nik_hash, participants.c.participant_id).where(
        participants.c.holds_nik, matching(participants.c.nik_hash, nik_hashes)
    )
    return {row.nik_hash: row.participant_id for row in await conn.execute(query)}


async def subjects(conn: AsyncConnection, vault: Vault, ids: Iterable[ParticipantId]) -> dict[ParticipantId, Subject]:
    """The participants of these ids that exist, with birth date and the standing of their agent."""
    query = (
        sa.select(
            participants,
            people.c.birth_date,
            agents.c.status.label("agent_status"),
            _of_agent.c.nik_hash.label("agent_nik"),
        )
        .outerjoin(people, people.c.participant_id == participants.c.participant_id)
        .outerjoin(agents, agents.c.agent_id == participants.c.agent_id)
        .outerjoin(_of_agent, _of_agent.c.participant_id == agents.c.participant_id)
        .where(matching(participants.c.participant_id, ids))
    )
    found = [_subject(row, vault) for row in await conn.execute(query)]
    return {subject.participant.participant_id: subject for subject in found}


async def participants_by_id(conn: AsyncConnection, ids: Iterable[ParticipantId]) -> dict[ParticipantId, Participant]:
    query = sa.select(participants).where(matching(participants.c.participant_id, ids))
    rows = (await conn.execute(query)).all()
    return {row.participant_id: states.participant_of(states.part_of(row, participants)) for row in rows}


async def outreach_by_id(conn: AsyncConnection, ids: Iterable[OutreachId]) -> dict[OutreachId, Outreach]:
    """Asks nothing when no id is given: most registrations name no session."""
    wanted = list(ids)
    if not wanted:
        return {}
    rows = (await conn.execute(sa.select(outreach).where(matching(outreach.c.outreach_id, wanted)))).all()
    return {row.outreach_id: states.outreach_of(states.part_of(row, outreach)) for row in rows}


async def wadah_by_id(conn: AsyncConnection, ids: Iterable[WadahId]) -> dict[WadahId, Wadah]:
    rows = (await conn.execute(sa.select(wadah).where(matching(wadah.c.wadah_id, ids)))).all()
    return {row.wadah_id: states.wadah_of(states.part_of(row, wadah)) for row in rows}


async def reassignments_by_id(
    conn: AsyncConnection, ids: Iterable[ReassignmentId]
) -> dict[ReassignmentId, Reassignment]:
    rows = (await conn.execute(sa.select(reassignments).where(matching(reassignments.c.reassignment_id, ids)))).all()
    return {row.reassignment_id: states.reassignment_of(states.part_of(row, reassignments)) for row in rows}


async def agents_by_id(conn: AsyncConnection, vault: Vault, ids: Iterable[AgentId]) -> dict[AgentId, Agent]:
    rows = (await conn.execute(sa.select(agents).where(matching(agents.c.agent_id, ids)))).all()
    return {row.agent_id: states.agent_of(states.part_of(row, agents), vault) for row in rows}


async def branch_ids(conn: AsyncConnection, ids: Iterable[BranchId]) -> set[BranchId]:
    """Those that exist; asks nothing when none is given."""
    wanted = list(ids)
    if not wanted:
        return set()
    found = await conn.execute(sa.select(branches.c.branch_id).where(matching(branches.c.branch_id, wanted)))
    return set(found.scalars())


async def branch_codes(conn: AsyncConnection, codes: Iterable[str]) -> set[str]:
    """Those in use."""
    found = await conn.execute(sa.select(branches.c.code).where(matching(branches.c.code, codes)))
    return set(found.scalars())


async def numbers_taken(conn: AsyncConnection, numbers: Iterable[str]) -> set[tuple[BranchId, str]]:
    """Those in use, with their branch."""
    table = agreement_numbers
    query = sa.select(table.c.branch_id, table.c.number).where(matching(table.c.number, numbers))
    return {(row.branch_id, row.number) for row in await conn.execute(query)}


async def participants_who_are_agents(conn: AsyncConnection, ids: Iterable[ParticipantId]) -> set[ParticipantId]:
    found = await conn.execute(sa.select(agents.c.participant_id).where(matching(agents.c.participant_id, ids)))
    return set(found.scalars())


async def erasures_by_id(conn: AsyncConnection, ids: Iterable[ParticipantId]) -> dict[ParticipantId, Erasure]:
    """The last request about each; asks nothing when no id is given."""
    wanted = list(ids)
    if not wanted:
        return {}
    rows = await conn.execute(sa.select(erasures).where(matching(erasures.c.participant_id, wanted)))
    return {row.participant_id: states.erasure_of(states.part_of(row, erasures)) for row in rows}


async def exports_by_id(conn: AsyncConnection, ids: Iterable[ParticipantId]) -> dict[ParticipantId, Export]:
    """The last request for a copy about each."""
    rows = await conn.execute(sa.select(exports).where(matching(exports.c.participant_id, ids)))
    return {row.participant_id: states.export_of(states.part_of(row, exports)) for row in rows}


async def agents_who_are(
    conn: AsyncConnection, vault: Vault, ids: Iterable[ParticipantId]
) -> dict[ParticipantId, list[Agent]]:
    """The agents that these participants are or were."""
    found: dict[ParticipantId, list[Agent]] = {}
    for row in await conn.execute(sa.select(agents).where(matching(agents.c.participant_id, ids))):
        found.setdefault(row.participant_id, []).append(states.agent_of(states.part_of(row, agents), vault))
    return found


def _at_work(row: Iterable[Any], vault: Vault) -> AtWork:
    values = iter(row)
    agent = {column.name: value for column, value in zip(_NAMELESS, values, strict=False)}
    of_wadah, own = states.parts_of(values, wadah, _own)
    return _work(states.agent_of({"name": None, "phone": None, **agent}, vault), of_wadah, own)


def _engaged(row: sa.Row[Any], vault: Vault) -> Engaged:
    of_agent, of_wadah, own = states.parts_of(row, agents, wadah, _own)
    agent = states.agent_of(of_agent, vault)
    return Engaged(_work(agent, of_wadah, own), _birth_date(agent.participant_id, row.own_birth_date, vault))


def _work(agent: Agent, of_wadah: states.Row, own: states.Row) -> AtWork:
    known = own["participant_id"] is not None
    return AtWork(agent=agent, wadah=states.wadah_of(of_wadah), own=states.participant_of(own) if known else None)


def _holder(row: Iterable[Any], vault: Vault) -> Holder:
    known, cells = states.parts_of(row, participants, people)
    person = {**cells, "participant_id": known["participant_id"], "nik_hash": known["nik_hash"]}
    return Holder(states.participant_of(known), states.person_of(person, vault))


def _subject(row: sa.Row[Any], vault: Vault) -> Subject:
    participant = states.participant_of(states.part_of(row, participants))
    return Subject(
        participant,
        _birth_date(participant.participant_id, row.birth_date, vault),
        agent_active=row.agent_status == AgentStatus.ACTIVE,
        agent_is_self=participant.nik_hash is not None and row.agent_nik == participant.nik_hash,
    )


def _birth_date(participant_id: UUID, box: bytes | None, vault: Vault) -> date | None:
    place: Mapping[str, Any] = {"participant_id": participant_id, "birth_date": box}
    return states.birth_date_of(place, vault)
