"""How each state is a row and back. A projection writes what a fold gave; a load gives the fold its state again: the
two are inverse.

Personal data goes through the vault, cell by cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.privacy.vault import Vault
from contracts.events.agency import AgentProfile, Audience, DepartureKind, IncentiveScheme, OutreachKind
from contracts.events.erasure import ErasureGround, ErasureObstacle
from contracts.events.participants import Consent, Entry, Person, Standing
from contracts.values import (
    AgentId,
    ContributionMonth,
    FundingSource,
    Language,
    ParticipantId,
    PaymentId,
    Programme,
    Sector,
    Sex,
)
from services.registration.domain.agent import Agent, AgentStatus, Departure
from services.registration.domain.branch import Branch
from services.registration.domain.erasure import Erasure, ErasureStatus
from services.registration.domain.export import Export
from services.registration.domain.outreach import Outreach, OutreachStatus
from services.registration.domain.participant import Participant, Payment, Spell
from services.registration.domain.protection import next_change
from services.registration.domain.reassignment import Reassignment, ReassignmentStatus
from services.registration.domain.wadah import Agreement, Wadah
from services.registration.tables import PERSONAL_COLUMNS

Row = Mapping[str, Any]
NewRow = dict[str, Any]


def part_of(row: sa.Row[Any], table: sa.FromClause) -> Row:
    """The columns of one table (or alias) in a row of a join that selects it first and whole."""
    return parts_of(row, table)[0]


def parts_of(row: Iterable[Any], *tables: sa.FromClause) -> list[Row]:
    """The columns of each table (or alias) in a row of a join that selects them first, whole and in this order.

    By place: looking a column up in a row costs as much as ten places.
    """
    values = iter(row)
    return [dict(zip(_names(table), values, strict=False)) for table in tables]


@lru_cache(maxsize=64)
def _names(table: sa.FromClause) -> tuple[str, ...]:
    return tuple(column.name for column in table.c)


def branch_of(row: Row) -> Branch:
    return Branch(
        branch_id=row["branch_id"], code=row["code"], name=row["name"], city=row["city"], time_zone=row["time_zone"]
    )


def branch_row(state: Branch) -> NewRow:
    return {
        "branch_id": state.branch_id,
        "code": state.code,
        "name": state.name,
        "city": state.city,
        "time_zone": state.time_zone,
    }


def wadah_of(row: Row) -> Wadah:
    return Wadah(
        wadah_id=row["wadah_id"],
        branch_id=row["branch_id"],
        name=row["name"],
        agreements=tuple(_agreement_of(one) for one in row["agreements"]),
    )


def _agreement_of(cell: Mapping[str, Any]) -> Agreement:
    ended, told = cell["ended"], cell["told"]
    return Agreement(
        number=cell["number"],
        scheme=IncentiveScheme(cell["scheme"]),
        term_from=date.fromisoformat(cell["from"]),
        term_to=date.fromisoformat(cell["to"]),
        ended_on=None if ended is None else date.fromisoformat(ended),
        monthly_target=cell["target"],
        told_on=None if told is None else date.fromisoformat(told),
    )


def wadah_row(state: Wadah) -> NewRow:
    return {
        "wadah_id": state.wadah_id,
        "branch_id": state.branch_id,
        "name": state.name,
        "agreements": [_agreement_json(one) for one in state.agreements],
    }


def _agreement_json(agreement: Agreement) -> dict[str, Any]:
    return {
        "number": agreement.number,
        "scheme": str(agreement.scheme),
        "from": agreement.term_from.isoformat(),
        "to": agreement.term_to.isoformat(),
        "ended": None if agreement.ended_on is None else agreement.ended_on.isoformat(),
        "target": agreement.monthly_target,
        "told": None if agreement.told_on is None else agreement.told_on.isoformat(),
    }


def agent_of(row: Row, vault: Vault) -> Agent:
    name, phone = (
        vault.open("agents", column, row["agent_id"], row[column], of=row["participant_id"])
        for column in ("name", "phone")
    )
    return Agent(
        agent_id=row["agent_id"],
        code=row["code"],
        wadah_id=row["wadah_id"],
        branch_id=row["branch_id"],
        participant_id=row["participant_id"],
        status=AgentStatus(row["status"]),
        profile=AgentProfile(name=name, phone=phone) if name is not None and phone is not None else None,
        certificate_number=row["certificate_number"],
        certified_on=row["certified_on"],
        certified_by=row["certified_by"],
        activated_on=row["activated_on"],
        departure=_departure_of(row["departure"]) if row["departure"] else None,
        left_on=row["left_on"],
    )


def _departure_of(cell: Mapping[str, str]) -> Departure:
    return Departure(DepartureKind(cell["kind"]), cell["reason"], cell["proposed_by"])


def agent_row(state: Agent, vault: Vault) -> NewRow:
    profile = state.profile
    return {
        "agent_id": state.agent_id,
        "code": state.code,
        "wadah_id": state.wadah_id,
        "branch_id": state.branch_id,
        "participant_id": state.participant_id,
        "status": str(state.status),
        "certificate_number": state.certificate_number,
        "certified_on": state.certified_on,
        "certified_by": state.certified_by,
        "activated_on": state.activated_on,
        "departure": None
        if state.departure is None
        else {
            "kind": str(state.departure.kind),
            "reason": state.departure.reason,
            "proposed_by": state.departure.proposed_by,
        },
        "left_on": state.left_on,
        "name": vault.seal("agents", "name", state.agent_id, profile.name if profile else None),
        "phone": vault.seal("agents", "phone", state.agent_id, profile.phone if profile else None),
    }


def reassignment_of(row: Row) -> Reassignment:
    return Reassignment(
        reassignment_id=row["reassignment_id"],
        branch_id=row["branch_id"],
        participants=tuple(ParticipantId(UUID(one)) for one in row["participants"]),
        agent_id=row["agent_id"],
        wadah_id=row["wadah_id"],
        reason=row["reason"],
        proposed_by=row["proposed_by"],
        proposed_at=row["proposed_at"],
        status=ReassignmentStatus(row["status"]),
        decided_by=row["decided_by"],
        decision=row["decision"],
        from_month=None if row["from_month"] is None else ContributionMonth.parse(row["from_month"]),
    )


def reassignment_row(state: Reassignment) -> NewRow:
    return {
        "reassignment_id": state.reassignment_id,
        "branch_id": state.branch_id,
        "participants": [str(one) for one in state.participants],
        "agent_id": state.agent_id,
        "wadah_id": state.wadah_id,
        "reason": state.reason,
        "proposed_by": state.proposed_by,
        "proposed_at": state.proposed_at,
        "status": str(state.status),
        "decided_by": state.decided_by,
        "decision": state.decision,
        "from_month": None if state.from_month is None else str(state.from_month),
    }


def outreach_of(row: Row) -> Outreach:
    return Outreach(
        outreach_id=row["outreach_id"],
        branch_id=row["branch_id"],
        wadah_id=row["wadah_id"],
        kind=OutreachKind(row["kind"]),
        status=OutreachStatus(row["status"]),
        place=row["place"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        audience=tuple(Audience(one) for one in row["audience"]),
        agents=tuple(AgentId(UUID(one)) for one in row["agents"]),
        officers=tuple(row["officers"]),
        head_count=row["head_count"],
        questions=row["questions"],
    )


def outreach_row(state: Outreach) -> NewRow:
    return {
        "outreach_id": state.outreach_id,
        "branch_id": state.branch_id,
        "wadah_id": state.wadah_id,
        "kind": str(state.kind),
        "status": str(state.status),
        "place": state.place,
        "starts_at": state.starts_at,
        "ends_at": state.ends_at,
        "audience": [str(one) for one in state.audience],
        "agents": [str(one) for one in state.agents],
        "officers": list(state.officers),
        "head_count": state.head_count,
        "questions": state.questions,
    }


def participant_of(row: Row) -> Participant:
    return Participant(
        participant_id=row["participant_id"],
        contribution_code=row["contribution_code"],
        nik_hash=row["nik_hash"],
        standing=Standing(row["standing"]),
        branch_id=row["branch_id"],
        wadah_id=row["wadah_id"],
        agent_id=row["agent_id"],
        entry=Entry(row["entry"]),
        registered_at=row["registered_at"],
        registered_on=row["registered_on"],
        registered_by=row["registered_by"],
        expires_at=row["expires_at"],
        occupation=row["occupation"],
        sector=Sector(row["sector"]),
        work_place=row["work_place"],
        working_hours=row["working_hours"],
        income=row["income"],
        employs_others=row["employs_others"],
        programmes=tuple(Programme(name) for name in row["programmes"].split(",")),
        funding_source=FundingSource(row["funding_source"]),
        language=Language(row["language"]),
        new_to_bpu=row["new_to_bpu"],
        outreach_id=row["outreach_id"],
        consent=Consent(
            text_version=row["consent_text_version"],
            given_at=row["consent_given_at"],
            channel=row["consent_channel"],
            taken_by=row["consent_taken_by"],
        ),
        kpj=row["kpj"],
        spells=tuple(_spell_of(spell) for spell in row["spells"]),
        unreachable=row["unreachable"],
        forgotten=row["forgotten"],
    )


def participant_row(state: Participant) -> NewRow:
    spell = state.spell
    return {
        "participant_id": state.participant_id,
        "contribution_code": state.contribution_code,
        "kpj": state.kpj,
        "nik_hash": state.nik_hash,
        "holds_nik": state.holds_nik,
        "standing": str(state.standing),
        "branch_id": state.branch_id,
        "wadah_id": state.wadah_id,
        "agent_id": state.agent_id,
        "entry": str(state.entry),
        "registered_at": state.registered_at,
        "registered_on": state.registered_on,
        "registered_by": state.registered_by,
        "expires_at": state.expires_at,
        "occupation": state.occupation,
        "sector": str(state.sector),
        "work_place": state.work_place,
        "working_hours": state.working_hours,
        "income": state.income,
        "employs_others": state.employs_others,
        "programmes": ",".join(state.programmes),
        "funding_source": str(state.funding_source),
        "language": str(state.language),
        "new_to_bpu": state.new_to_bpu,
        "outreach_id": state.outreach_id,
        "consent_text_version": state.consent.text_version,
        "consent_given_at": state.consent.given_at,
        "consent_channel": state.consent.channel,
        "consent_taken_by": state.consent.taken_by,
        "spells": [_spell_json(one) for one in state.spells],
        "paid_through": str(spell.paid_through) if spell else None,
        "due_at": next_change(state),
        "unreachable": state.unreachable,
        "forgotten": state.forgotten,
    }


def person_of(row: Row, vault: Vault) -> Person | None:
    """The person of a row that carries `nik_hash` and every cell of `people`; None once forgotten."""
    clear = {name: personal_cell(row, name, vault) for name in PERSONAL_COLUMNS}
    if clear["nik"] is None:
        return None
    return Person.model_validate(
        {
            **clear,
            "nik_hash": row["nik_hash"],
            "birth_date": date.fromisoformat(clear["birth_date"] or ""),
            "sex": Sex(clear["sex"] or ""),
        }
    )


def personal_cell(row: Row, column: str, vault: Vault) -> str | None:
    """One cell of `people`, of a row with `participant_id`; None once forgotten."""
    return vault.open("people", column, row["participant_id"], row[column], of=row["participant_id"])


def person_row(participant_id: ParticipantId, person: Person, vault: Vault) -> NewRow:
    clear: dict[str, str | None] = {
        "nik": person.nik,
        "name": person.name,
        "birth_place": person.birth_place,
        "birth_date": person.birth_date.isoformat(),
        "sex": str(person.sex),
        "phone": person.phone,
        "email": person.email,
        "address": person.address,
    }
    row = str(participant_id)
    cells = {name: vault.seal("people", name, row, clear[name]) for name in PERSONAL_COLUMNS}
    return {"participant_id": participant_id, **cells}


def birth_date_of(row: Row, vault: Vault) -> date | None:
    """Of a row with `participant_id` and `birth_date`; None once forgotten."""
    text = personal_cell(row, "birth_date", vault)
    return None if text is None else date.fromisoformat(text)


def erasure_of(row: Row) -> Erasure:
    return Erasure(
        participant_id=row["participant_id"],
        erasure_id=row["erasure_id"],
        ground=ErasureGround(row["ground"]),
        status=ErasureStatus(row["status"]),
        branch_id=row["branch_id"],
        requested_by=row["requested_by"],
        requested_at=row["requested_at"],
        decided_at=row["decided_at"],
        obstacles=tuple(ErasureObstacle(one) for one in row["obstacles"]),
        retained_until=row["retained_until"],
        copy_owed=row["copy_owed"],
    )


def erasure_row(state: Erasure) -> NewRow:
    return {
        "participant_id": state.participant_id,
        "erasure_id": state.erasure_id,
        "ground": str(state.ground),
        "status": str(state.status),
        "branch_id": state.branch_id,
        "requested_by": state.requested_by,
        "requested_at": state.requested_at,
        "decided_at": state.decided_at,
        "obstacles": [str(one) for one in state.obstacles],
        "retained_until": state.retained_until,
        "copy_owed": state.copy_owed,
    }


def export_of(row: Row) -> Export:
    return Export(
        participant_id=row["participant_id"],
        export_id=row["export_id"],
        requested_by=row["requested_by"],
        requested_at=row["requested_at"],
        given_by=row["given_by"],
        given_at=row["given_at"],
    )


def export_row(state: Export) -> NewRow:
    return {
        "participant_id": state.participant_id,
        "export_id": state.export_id,
        "requested_by": state.requested_by,
        "requested_at": state.requested_at,
        "given_by": state.given_by,
        "given_at": state.given_at,
    }


def _spell_of(spell: Row) -> Spell:
    through = spell["through"]
    return Spell(
        number=spell["number"],
        payments=tuple(_payment_of(payment) for payment in spell["payments"]),
        paid_through=ContributionMonth.parse(through) if through else None,
        ended=Standing(spell["ended"]) if spell["ended"] else None,
        died_on=date.fromisoformat(died_on) if (died_on := spell.get("died_on")) else None,
    )


def _spell_json(spell: Spell) -> dict[str, Any]:
    died = {"died_on": spell.died_on.isoformat()} if spell.died_on else {}
    return {
        "number": spell.number,
        "payments": [_payment_json(payment) for payment in spell.payments],
        "through": str(spell.paid_through) if spell.paid_through else None,
        "ended": str(spell.ended) if spell.ended else None,
        **died,
    }


def _payment_of(payment: Row) -> Payment:
    return Payment(
        payment_id=PaymentId(UUID(payment["id"])),
        effective_at=datetime.fromisoformat(payment["at"]),
        months=tuple(ContributionMonth.parse(month) for month in payment["months"]),
        grace_months=tuple(payment.get("graces", ())),
    )


def _payment_json(payment: Payment) -> dict[str, Any]:
    graces = {"graces": list(payment.grace_months)} if payment.grace_months else {}
    return {
        "id": str(payment.payment_id),
        "at": payment.effective_at.astimezone(UTC).isoformat(),
        "months": [str(month) for month in payment.months],
        **graces,
    }
