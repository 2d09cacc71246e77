"""The only writer of the state tables: own events in, rows out. `evolve` is the fold, so state is the same live and
in replay.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.privacy.vault import Vault
from chassis.transaction import Projection, Recorded
from contracts.envelope import Envelope
from contracts.event import Event
from contracts.events.agency import AgreementRenewed, WadahEngaged
from contracts.events.erasure import ParticipantForgotten
from contracts.events.participants import ParticipantRegistered
from services.registration import states
from services.registration.domain import agent, branch, erasure, export, outreach, participant, reassignment, wadah
from services.registration.tables import (
    agents,
    agreement_numbers,
    branches,
    erasures,
    exports,
    forgotten_niks,
    participants,
    people,
    reassignments,
)
from services.registration.tables import outreach as outreach_table
from services.registration.tables import wadah as wadah_table

S = TypeVar("S")
_Evolve = Callable[[S | None, Envelope, Event], S]


def projection(vault: Vault) -> Projection:
    """The fold of streams `branches`, `wadah`, `agents`, `reassignments`, `outreach`, `participants` and `exports`."""

    folds: Mapping[str, Callable[[AsyncConnection, Sequence[Recorded]], Awaitable[None]]] = {
        "branches": _Fold(branches, branch.evolve, states.branch_of, states.branch_row, order=("code",)),
        "wadah": _Fold(wadah_table, wadah.evolve, states.wadah_of, states.wadah_row),
        "agents": _Fold(
            agents,
            agent.evolve,
            lambda row: states.agent_of(row, vault),
            lambda state: states.agent_row(state, vault),
            order=("participant_id",),
        ),
        "reassignments": _Fold(reassignments, reassignment.evolve, states.reassignment_of, states.reassignment_row),
        "outreach": _Fold(outreach_table, outreach.evolve, states.outreach_of, states.outreach_row),
        "participants": _Fold(
            participants, participant.evolve, states.participant_of, states.participant_row, order=("nik_hash",)
        ),
        "exports": _Fold(exports, export.evolve, states.export_of, states.export_row),
    }

    async def project(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
        for stream, fold in folds.items():
            if events := [one for one in recorded if one.envelope.stream == stream]:
                await fold(conn, events)
        await rows.insert(conn, people, [*_new_people(recorded, vault)])
        await _erasures(conn, recorded)
        await rows.insert(conn, agreement_numbers, [*_new_numbers(recorded)])

    return project


class _Fold:
    """Loads the states that a batch of one stream touches, folds its events, writes them: one statement for what is new, two for what is
    known.
    """

    def __init__(
        self,
        table: sa.Table,
        evolve: _Evolve[Any],
        read: Callable[[Mapping[str, Any]], Any],
        write: Callable[[Any], dict[str, Any]],
        order: Sequence[str] = (),
    ) -> None:
        """`order` names the columns of a unique index that spans keys: rows are written in its order."""
        (self._key,) = table.primary_key.columns
        self._table, self._evolve, self._read, self._write, self._order = table, evolve, read, write, order

    async def __call__(self, conn: AsyncConnection, events: Sequence[Recorded]) -> None:
        new = {one.envelope.key for one in events if one.envelope.seq == 1}
        known = {one.envelope.key for one in events} - new
        state = await self._load(conn, known)
        for one in events:
            key = one.envelope.key
            state[key] = self._evolve(state.get(key), one.envelope, one.event)
        written = {key: self._write(one) for key, one in state.items()}
        added = [row for key, row in written.items() if key in new]
        await rows.insert(conn, self._table, added, order=self._order)
        await rows.upsert(conn, self._table, [written[key] for key in known], order=self._order)

    async def _load(self, conn: AsyncConnection, keys: Iterable[str]) -> dict[str, Any]:
        wanted = [UUID(key) for key in keys]
        if not wanted:
            return {}
        found = await conn.execute(sa.select(self._table).where(rows.matching(self._key, wanted)))
        return {str(row._mapping[self._key]): self._read(states.part_of(row, self._table)) for row in found}


async def _erasures(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    """Requests with what became of them; who was forgotten leaves `people`, and the NIK's keyed hash stays. No statement where nobody asks."""
    told = [one for one in recorded if isinstance(one.event, erasure.OfErasure)]
    if not told:
        return
    wanted = {UUID(one.envelope.key) for one in told}
    found = await conn.execute(sa.select(erasures).where(rows.matching(erasures.c.participant_id, wanted)))
    kept = {row.participant_id: states.erasure_of(states.part_of(row, erasures)) for row in found}
    for one in told:
        key = UUID(one.envelope.key)
        kept[key] = erasure.evolve(kept.get(key), one.envelope, one.event)
    await rows.upsert(conn, erasures, [states.erasure_row(state) for state in kept.values()])
    gone = [one.event for one in told if isinstance(one.event, ParticipantForgotten)]
    await rows.delete(conn, people, [{"participant_id": event.participant_id} for event in gone])
    tombstones = {event.nik_hash for event in gone if event.nik_hash is not None}
    await rows.keep(conn, forgotten_niks, [{"nik_hash": nik_hash} for nik_hash in tombstones])


def _new_numbers(recorded: Sequence[Recorded]) -> Iterable[dict[str, Any]]:
    for one in recorded:
        if isinstance(one.event, WadahEngaged | AgreementRenewed):
            event = one.event
            yield {"branch_id": event.branch_id, "number": event.agreement_number, "wadah_id": event.wadah_id}


def _new_people(recorded: Sequence[Recorded], vault: Vault) -> Iterable[dict[str, Any]]:
    for one in recorded:
        if isinstance(one.event, ParticipantRegistered) and one.event.person.value is not None:
            yield states.person_row(one.event.participant_id, one.event.person.value, vault)
