"""Branches and agreements: opened by the central office, engaged, renewed and ended by the branch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from chassis.http import NOT_FOUND, Principal, covers
from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.values import BranchId, WadahId
from services.registration.domain import branch as branches
from services.registration.domain import wadah as agreements
from services.registration.domain.calendar import wib_date
from services.registration.domain.parameters import AGENCY, AgencyRules, in_force
from services.registration.domain.wadah import Agreement, Wadah
from services.registration.problems import BRANCH_UNKNOWN
from services.registration.queries import deciding


@dataclass(frozen=True, slots=True)
class OpenBranch:
    meta: Meta
    code: str
    name: str
    city: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class EngageWadah:
    meta: Meta
    branch_id: BranchId
    name: str
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class RenewAgreement:
    meta: Meta
    principal: Principal
    wadah_id: WadahId
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class EndWadah:
    meta: Meta
    principal: Principal
    wadah_id: WadahId
    ended_on: date
    reason: str


def rules_of(tx: Tx) -> AgencyRules:
    """The rules in force on the WIB date of this batch."""
    return in_force(AGENCY, wib_date(tx.now))


async def open_branches(tx: Tx, commands: Sequence[OpenBranch], /) -> list[Accepted | Rejected]:
    taken = await deciding.branch_codes(tx.conn, (command.code for command in commands))
    return [_open_branch(tx, command, taken) for command in commands]


async def engage_wadah(tx: Tx, commands: Sequence[EngageWadah], /) -> list[Accepted | Rejected]:
    known = await deciding.branch_ids(tx.conn, (command.branch_id for command in commands))
    taken = await deciding.numbers_taken(tx.conn, (command.agreement.number for command in commands))
    return [_engage(tx, command, known, taken) for command in commands]


async def renew_agreements(tx: Tx, commands: Sequence[RenewAgreement], /) -> list[Accepted | Rejected]:
    await tx.heads("wadah", (command.wadah_id for command in commands))
    known = await deciding.wadah_by_id(tx.conn, (command.wadah_id for command in commands))
    taken = await deciding.numbers_taken(tx.conn, (command.agreement.number for command in commands))
    return [_renew(tx, command, known, taken) for command in commands]


async def end_wadah(tx: Tx, commands: Sequence[EndWadah], /) -> list[Accepted | Rejected]:
    await tx.heads("wadah", (command.wadah_id for command in commands))
    known = await deciding.wadah_by_id(tx.conn, (command.wadah_id for command in commands))
    return [_end(tx, command, known) for command in commands]


def _open_branch(tx: Tx, command: OpenBranch, taken: set[str]) -> Accepted | Rejected:
    branch_id = BranchId(new_id())
    decision = branches.open_branch(
        branch_id,
        code=command.code,
        name=command.name,
        city=command.city,
        time_zone=command.time_zone,
        code_taken=command.code in taken,
    )
    if isinstance(decision, Rejected):
        return decision
    tx.new("branches", branch_id)
    tx.record(decision, key=branch_id, meta=command.meta, scope=Scope(branch_id), rules=rules_of(tx).version)
    taken.add(command.code)
    return Accepted({"branch_id": str(branch_id)})


def _engage(
    tx: Tx, command: EngageWadah, known: set[BranchId], taken: set[tuple[BranchId, str]]
) -> Accepted | Rejected:
    if command.branch_id not in known:
        return Rejected(BRANCH_UNKNOWN)
    number, wadah_id = (command.branch_id, command.agreement.number), WadahId(new_id())
    decision = agreements.engage(
        wadah_id,
        command.branch_id,
        command.name,
        command.agreement,
        number_taken=number in taken,
        rules=rules_of(tx),
    )
    if isinstance(decision, Rejected):
        return decision
    tx.new("wadah", wadah_id)
    scope = Scope(command.branch_id, wadah_id)
    tx.record(decision, key=wadah_id, meta=command.meta, scope=scope, rules=rules_of(tx).version)
    taken.add(number)
    return Accepted({"wadah_id": str(wadah_id)})


def _renew(
    tx: Tx, command: RenewAgreement, known: dict[WadahId, Wadah], taken: set[tuple[BranchId, str]]
) -> Accepted | Rejected:
    state = known.get(command.wadah_id)
    if state is None or not covers(command.principal, branch_id=state.branch_id):
        return Rejected(NOT_FOUND)
    number = (state.branch_id, command.agreement.number)
    decision = agreements.renew(state, command.agreement, number_taken=number in taken, rules=rules_of(tx))
    if isinstance(decision, Rejected):
        return decision
    _record(tx, command.meta, state, decision, known)
    taken.add(number)
    return Accepted({"wadah_id": str(state.wadah_id), "agreement": decision.agreement})


def _end(tx: Tx, command: EndWadah, known: dict[WadahId, Wadah]) -> Accepted | Rejected:
    state = known.get(command.wadah_id)
    if state is None or not covers(command.principal, branch_id=state.branch_id):
        return Rejected(NOT_FOUND)
    today = wib_date(tx.now)
    decision = agreements.end(state, ended_on=command.ended_on, today=today, reason=command.reason)
    if isinstance(decision, Rejected):
        return decision
    _record(tx, command.meta, state, decision, known)
    return Accepted({"wadah_id": str(state.wadah_id)}, 200)


def _record(tx: Tx, meta: Meta, state: Wadah, decision: Event, known: dict[WadahId, Wadah]) -> None:
    """Later commands of the batch see it."""
    scope = Scope(state.branch_id, state.wadah_id)
    recorded = tx.record(decision, key=state.wadah_id, meta=meta, scope=scope, rules=rules_of(tx).version)
    known[state.wadah_id] = agreements.evolve(state, recorded.envelope, decision)
