"""Branches and agreements: opened by the central office, engaged and ended by the branch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from chassis.http import NOT_FOUND, Principal, covers
from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.events.agency import IncentiveScheme
from contracts.values import BranchId, WadahId
from services.registration.domain import branch as branches
from services.registration.domain import wadah as agreements
from services.registration.domain.calendar import wib_date
from services.registration.domain.parameters import AGENCY, AgencyRules, in_force
from services.registration.domain.wadah import Wadah
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
    agreement_number: str
    scheme: IncentiveScheme
    term_from: date
    term_to: date
    monthly_target: int | None = None


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
    taken = await deciding.agreement_numbers(tx.conn, (command.agreement_number for command in commands))
    return [_engage(tx, command, known, taken) for command in commands]


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
    number = (command.branch_id, command.agreement_number)
    wanted = Wadah(
        wadah_id=WadahId(new_id()),
        branch_id=command.branch_id,
        name=command.name,
        agreement_number=command.agreement_number,
        scheme=command.scheme,
        term_from=command.term_from,
        term_to=command.term_to,
        monthly_target=command.monthly_target,
    )
    decision = agreements.engage(wanted, number_taken=number in taken, rules=rules_of(tx))
    if isinstance(decision, Rejected):
        return decision
    tx.new("wadah", wanted.wadah_id)
    scope = Scope(wanted.branch_id, wanted.wadah_id)
    tx.record(decision, key=wanted.wadah_id, meta=command.meta, scope=scope, rules=rules_of(tx).version)
    taken.add(number)
    return Accepted({"wadah_id": str(wanted.wadah_id)})


def _end(tx: Tx, command: EndWadah, known: dict[WadahId, Wadah]) -> Accepted | Rejected:
    state = known.get(command.wadah_id)
    if state is None or not covers(command.principal, branch_id=state.branch_id):
        return Rejected(NOT_FOUND)
    decision = agreements.end(state, ended_on=command.ended_on, reason=command.reason)
    if isinstance(decision, Rejected):
        return decision
    scope = Scope(state.branch_id, state.wadah_id)
    recorded = tx.record(decision, key=state.wadah_id, meta=command.meta, scope=scope, rules=rules_of(tx).version)
    known[state.wadah_id] = agreements.evolve(state, recorded.envelope, decision)
    return Accepted({"wadah_id": str(state.wadah_id)}, 200)
