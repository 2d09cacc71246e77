"""Registering people: one use case for every door, so a form is judged the same over HTTP, in an import and in
self-service.

Who holds a NIK is arbitrated by the unique index on its keyed hash: of two registrations at one moment exactly one
wins, the other batch
re-runs and finds the NIK taken. Inside a batch each form sees the effects of those before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from chassis.ids import new_id
from chassis.numbers import NumberBlocks
from chassis.outcomes import Accepted
from chassis.privacy.vault import Vault
from chassis.problems import Rejected
from chassis.telemetry import log
from chassis.transaction import Meta, Scope, Tx
from contracts.envelope import Envelope
from contracts.events.participants import Entry, ParticipantRegistered
from contracts.values import AgentId, BranchId, OutreachId, ParticipantId, WadahId
from services.registration.domain.agent import Agent
from services.registration.domain.calendar import wib_date
from services.registration.domain.codes import contribution_code
from services.registration.domain.form import Form
from services.registration.domain.outreach import Outreach
from services.registration.domain.parameters import REGISTRATION, in_force
from services.registration.domain.participant import evolve
from services.registration.domain.registration import (
    AtWork,
    Holder,
    NewNumbers,
    Registered,
    Registrar,
    Repeated,
    register,
)
from services.registration.metrics import CLOSED_NIK_PRESENTED
from services.registration.problems import (
    AGENT_REQUIRED,
    AGENT_UNKNOWN,
    BRANCH_REQUIRED,
    BRANCH_UNKNOWN,
    REGISTRATION_NOT_POSSIBLE,
)
from services.registration.queries import deciding
from services.registration.queries.deciding import Niks

CODES = "contribution-code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bringer:
    """Who brings a form, as far as the token and the file say. An agent is named by id (own) or by code (in a file)."""

    actor: str
    channel: str
    entry: Entry
    agent_id: AgentId | None = None
    agent_code: str | None = None
    branch_id: BranchId | None = None
    wadah_id: WadahId | None = None
    agent_required: bool = False
    """A Wadah's board registers nobody itself: it names one of its agents."""


@dataclass(frozen=True, slots=True)
class RegisterParticipant:
    form: Form
    by: Bringer
    meta: Meta


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one form. `repeated`: the same form had been accepted before and is unpaid; this is its first
    result.
    """

    participant_id: ParticipantId
    contribution_code: str
    warnings: tuple[str, ...]
    repeated: bool


class Registering:
    """The use case. Answers a `Result` or a `Rejected` per form."""

    def __init__(self, vault: Vault, numbers: NumberBlocks) -> None:
        self._vault, self._numbers = vault, numbers

    async def __call__(self, tx: Tx, commands: Sequence[RegisterParticipant], /) -> list[Result | Rejected]:
        hashes = [self._vault.nik_hash(command.form.nik) for command in commands]
        desk = await self._load(tx, commands, hashes)
        codes = await self._numbers.take(CODES, len(commands))
        return [
            desk.serve(tx, command, nik_hash, contribution_code(number))
            for command, nik_hash, number in zip(commands, hashes, codes, strict=True)
        ]

    async def _load(self, tx: Tx, commands: Sequence[RegisterParticipant], hashes: Sequence[str]) -> _Desk:
        bringers = [command.by for command in commands]
        agent_ids = {by.agent_id for by in bringers if by.agent_id is not None}
        agent_codes = {by.agent_code for by in bringers if by.agent_code is not None}
        own_branch = {by.branch_id for by in bringers if by.branch_id is not None and by.agent_id is None}
        sessions = {c.form.outreach_id for c in commands if c.form.outreach_id is not None}
        works = await deciding.at_work(tx.conn, self._vault, ids=agent_ids, codes=agent_codes)
        return _Desk(
            by_id={work.agent.agent_id: work for work in works},
            by_code={work.agent.code: work for work in works},
            branches=await deciding.branch_ids(tx.conn, own_branch),
            outreach=await deciding.outreach_by_id(tx.conn, sessions),
            niks=await deciding.niks(tx.conn, self._vault, hashes),
        )


class RegisteringOnline:
    """The use case of the HTTP door: 201, or 200 with the first result of a form that was accepted before."""

    def __init__(self, registering: Registering) -> None:
        self._registering = registering

    async def __call__(self, tx: Tx, commands: Sequence[RegisterParticipant], /) -> list[Accepted | Rejected]:
        results = await self._registering(tx, commands)
        return [r if isinstance(r, Rejected) else Accepted(_body(r), 200 if r.repeated else 201) for r in results]


def _body(result: Result) -> Mapping[str, object]:
    return {
        "participant_id": str(result.participant_id),
        "contribution_code": result.contribution_code,
        "payable": "pending",
        "warnings": list(result.warnings),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What one batch loaded; `fresh` takes in what the batch itself registers, by NIK hash."""

    by_id: Mapping[AgentId, AtWork]
    by_code: Mapping[str, AtWork]
    branches: set[BranchId]
    outreach: Mapping[OutreachId, Outreach]
    niks: Niks
    fresh: dict[str, tuple[Envelope, ParticipantRegistered]] = field(default_factory=dict)

    def serve(self, tx: Tx, command: RegisterParticipant, nik_hash: str, code: str) -> Result | Rejected:
        registrar = self._registrar(command.by)
        if isinstance(registrar, Rejected):
            return registrar
        outreach_id = command.form.outreach_id
        holder = self._holder(nik_hash)
        decision = register(
            command.form,
            registrar,
            holder=holder,
            outreach=self.outreach.get(outreach_id) if outreach_id else None,
            new=NewNumbers(ParticipantId(new_id()), code, nik_hash, nik_hash in self.niks.forgotten),
            now=tx.now,
        )
        match decision:
            case Registered():
                return self._record(tx, command, registrar, decision, nik_hash)
            case Repeated(participant, warnings):
                return Result(participant.participant_id, participant.contribution_code, warnings, repeated=True)
            case Rejected():
                if holder is not None and decision.problem is REGISTRATION_NOT_POSSIBLE:
                    _alert(tx, registrar.branch_id, holder.participant.participant_id)
                return decision

    def _holder(self, nik_hash: str) -> Holder | None:
        """Folded only for who asks for the same NIK again, which few do."""
        if found := self.fresh.get(nik_hash):
            envelope, event = found
            return Holder(evolve(None, envelope, event), event.person.value)
        return self.niks.holders.get(nik_hash)

    def _registrar(self, by: Bringer) -> Registrar | Rejected:
        work = self._work(by)
        if isinstance(work, Rejected):
            return work
        if work is None and by.agent_required:
            return Rejected(AGENT_REQUIRED, "agent_code")
        branch_id = work.agent.branch_id if work else by.branch_id
        if branch_id is None:
            return Rejected(BRANCH_REQUIRED, "branch_id")
        if work is None and branch_id not in self.branches:
            return Rejected(BRANCH_UNKNOWN, "branch_id")
        return Registrar(
            actor=by.actor,
            branch_id=branch_id,
            channel=by.channel,
            entry=by.entry,
            work=work,
            wadah_claimed=by.wadah_id,
        )

    def _work(self, by: Bringer) -> AtWork | Rejected | None:
        """The agent that is named; one outside the bringer's scope is as unknown as one that does not exist."""
        if by.agent_code is None and by.agent_id is None:
            return None
        work = self.by_code.get(by.agent_code) if by.agent_code is not None else self._own(by)
        if work is None or not _may_name(by, work.agent):
            return Rejected(AGENT_UNKNOWN, "agent_code" if by.agent_code is not None else None)
        return work

    def _own(self, by: Bringer) -> AtWork | None:
        return None if by.agent_id is None else self.by_id.get(by.agent_id)

    def _record(
        self, tx: Tx, command: RegisterParticipant, registrar: Registrar, decision: Registered, nik_hash: str
    ) -> Result:
        event, work = decision.event, registrar.work
        tx.new("participants", event.participant_id)
        tx.new_person(event.participant_id)
        recorded = tx.record(
            event,
            key=event.participant_id,
            meta=command.meta,
            scope=Scope(
                registrar.branch_id,
                work.agent.wadah_id if work else None,
                work.agent.agent_id if work else None,
            ),
            rules=in_force(REGISTRATION, wib_date(tx.now)).version,
        )
        self.fresh[nik_hash] = recorded.envelope, event
        return Result(event.participant_id, event.contribution_code, decision.warnings, repeated=False)


def _may_name(by: Bringer, agent: Agent) -> bool:
    return (
        by.agent_id in (None, agent.agent_id)
        and by.branch_id in (None, agent.branch_id)
        and (not by.agent_required or by.wadah_id == agent.wadah_id)
    )


def _alert(tx: Tx, branch_id: UUID, participant_id: UUID) -> None:
    """Somebody uses the NIK of a person whose death is recorded: the branch must look at it."""
    tx.after_commit(
        lambda: log.warning(CLOSED_NIK_PRESENTED, branch_id=str(branch_id), participant_id=str(participant_id))
    )
