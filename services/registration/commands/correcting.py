"""Corrections of participants, within the scope of whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.http import NOT_FOUND, Principal, covers
from chassis.outcomes import Accepted
from chassis.problems import Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.values import ParticipantId
from services.registration.domain.calendar import wib_date
from services.registration.domain.correction import Correction, correct
from services.registration.domain.parameters import REGISTRATION, in_force
from services.registration.domain.participant import Participant, evolve
from services.registration.queries import deciding

STREAM = "participants"


@dataclass(frozen=True, slots=True)
class CorrectParticipant:
    meta: Meta
    principal: Principal
    participant_id: ParticipantId
    correction: Correction


async def correct_participants(tx: Tx, items: Sequence[CorrectParticipant], /) -> list[Accepted | Rejected]:
    """Each correction sees those before it. A foreign participant is as unknown as one that is not there."""
    wanted = {item.participant_id for item in items}
    await tx.heads(STREAM, wanted)
    found = await deciding.participants_by_id(tx.conn, wanted)
    return [_correct(tx, found, item) for item in items]


def _correct(tx: Tx, found: dict[ParticipantId, Participant], item: CorrectParticipant) -> Accepted | Rejected:
    state = found.get(item.participant_id)
    if state is None or state.forgotten or not _may_correct(item.principal, state):
        return Rejected(NOT_FOUND)
    decision = correct(state, item.correction, now=tx.now)
    if isinstance(decision, Rejected):
        return decision
    if decision is not None:
        scope = Scope(state.branch_id, state.wadah_id, state.agent_id)
        rules = in_force(REGISTRATION, wib_date(tx.now)).version
        recorded = tx.record(decision, key=item.participant_id, meta=item.meta, scope=scope, rules=rules)
        found[item.participant_id] = evolve(state, recorded.envelope, decision)
    return Accepted({"participant_id": str(item.participant_id)}, 200)


def _may_correct(principal: Principal, state: Participant) -> bool:
    return covers(principal, branch_id=state.branch_id, agent_id=state.agent_id, participant_id=state.participant_id)
