"""Pages about participants, each within the scope of who asks, personal data as far as the role may see it.

An agent sees the own participants with the NIK masked, the branch sees all of its own, a person sees everything of
the own. Everybody else
sees who it is by number only (domain.md section 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.http import Principal, within
from chassis.privacy.vault import Vault
from contracts.events.participants import Person, Standing
from contracts.values import ParticipantId
from services.registration import states
from services.registration.domain.calendar import wib_date
from services.registration.domain.participant import Participant
from services.registration.tables import participants, people


class Filter(StrEnum):
    """What an agent looks for; `unreachable` crosses the others."""

    UNPAID = "unpaid"
    PROTECTED = "protected"
    GRACE = "grace"
    LAPSED = "lapsed"
    INACTIVE = "inactive"
    EXPIRED = "expired"
    CLOSED = "closed"
    UNREACHABLE = "unreachable"


STANDING_OF = {
    Filter.UNPAID: Standing.REGISTERED,
    Filter.PROTECTED: Standing.ACTIVE,
    Filter.GRACE: Standing.GRACE,
    Filter.LAPSED: Standing.LAPSED,
    Filter.INACTIVE: Standing.INACTIVE,
    Filter.EXPIRED: Standing.EXPIRED,
    Filter.CLOSED: Standing.CLOSED,
}
FILTER_OF = {standing: filter_ for filter_, standing in STANDING_OF.items()}


class Sight(StrEnum):
    """How much of a person a role may see."""

    FULL = "full"
    FIELD = "field"
    """Name and contact, the NIK masked."""
    NUMBERS = "numbers"


@dataclass(frozen=True, slots=True)
class Page:
    items: Sequence[Mapping[str, Any]]
    cursor: UUID | None
    """Ask again from here; None on the last page."""


def sight(principal: Principal) -> Sight:
    if principal.roles & {"officer", "checker", "participant"}:
        return Sight.FULL
    return Sight.FIELD if "agent" in principal.roles else Sight.NUMBERS


async def listed(
    conn: AsyncConnection,
    vault: Vault,
    principal: Principal,
    *,
    status: Filter | None,
    after: UUID | None,
    limit: int,
) -> Page:
    """Participants within scope, newest first; at most `limit`, those older than `after`."""
    query = (
        _with_person()
        .where(within(principal, participants))
        .order_by(participants.c.participant_id.desc())
        .limit(limit + 1)
    )
    if status is Filter.UNREACHABLE:
        query = query.where(participants.c.unreachable)
    elif status is not None:
        query = query.where(participants.c.standing == str(STANDING_OF[status]))
    if after is not None:
        query = query.where(participants.c.participant_id < after)
    rows = (await conn.execute(query)).all()
    items = [_summary(row, vault, sight(principal)) for row in rows[:limit]]
    return Page(items, UUID(items[-1]["participant_id"]) if len(rows) > limit else None)


async def one(
    conn: AsyncConnection, vault: Vault, principal: Principal, participant_id: ParticipantId
) -> dict[str, Any] | None:
    """One participant with form and spells; None when unknown or out of scope."""
    query = _with_person().where(within(principal, participants), participants.c.participant_id == participant_id)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else _details(row, vault, sight(principal))


async def found_by_nik(
    conn: AsyncConnection, vault: Vault, principal: Principal, nik: str
) -> Sequence[Mapping[str, Any]]:
    """Every registration of this NIK within scope, newest first; found by the keyed hash."""
    query = (
        _with_person()
        .where(within(principal, participants), participants.c.nik_hash == vault.nik_hash(nik))
        .order_by(participants.c.participant_id.desc())
        .limit(20)
    )
    return [_summary(row, vault, sight(principal)) for row in await conn.execute(query)]


async def counted(conn: AsyncConnection, principal: Principal) -> dict[str, int]:
    """How many participants stand how, within scope: all that a Wadah's board may read of them."""
    query = (
        sa.select(participants.c.standing, sa.func.count().label("number"))
        .where(within(principal, participants))
        .group_by(participants.c.standing)
    )
    numbers = {row.standing: row.number for row in await conn.execute(query)}
    return {str(FILTER_OF[standing]): numbers.get(standing, 0) for standing in Standing}


def _with_person() -> sa.Select[Any]:
    return sa.select(participants, people).outerjoin(people, people.c.participant_id == participants.c.participant_id)


def _summary(row: sa.Row[Any], vault: Vault, sight_: Sight) -> dict[str, Any]:
    """Of a person what a list shows is opened, and no more: what is opened is on record as seen."""
    state, cells = _read(row)
    if sight_ is Sight.NUMBERS:
        return _standing(state)
    name, phone = (states.personal_cell(cells, column, vault) for column in ("name", "phone"))
    return {**_standing(state), **({} if name is None else {"name": name, "phone": phone})}


def _standing(state: Participant) -> dict[str, Any]:
    return {
        "participant_id": str(state.participant_id),
        "contribution_code": state.contribution_code,
        "kpj": state.kpj,
        "status": str(FILTER_OF[state.standing]),
        "protected_until": _protected_until(state),
        "message_failed": state.unreachable,
        "registered_on": state.registered_on.isoformat(),
        "pay_until": _pay_until(state),
    }


def _details(row: sa.Row[Any], vault: Vault, sight_: Sight) -> dict[str, Any]:
    state, cells = _read(row)
    person = None if sight_ is Sight.NUMBERS else states.person_of(cells, vault)
    return {
        **_standing(state),
        **({"name": person.name, "phone": person.phone} if person else {}),
        "branch_id": _text(state.branch_id),
        "wadah_id": _text(state.wadah_id),
        "agent_id": _text(state.agent_id),
        "outreach_id": _text(state.outreach_id),
        "occupation": state.occupation,
        "sector": str(state.sector),
        "work_place": state.work_place,
        "working_hours": state.working_hours,
        "income": state.income,
        "employs_others": state.employs_others,
        "programmes": [str(programme) for programme in state.programmes],
        "funding_source": str(state.funding_source),
        "language": str(state.language),
        "consent": state.consent.model_dump(mode="json"),
        "spells": [
            {
                "spell": spell.number,
                "starts_at": spell.starts_at.isoformat() if spell.payments else None,
                "paid_through": _text(spell.paid_through),
                "ended": _text(spell.ended),
                "payments": len(spell.payments),
            }
            for spell in state.spells
        ],
        **(_person(person, sight_) if person else {}),
    }


def _read(row: sa.Row[Any]) -> tuple[Participant, states.Row]:
    """The participant, and the personal cells still closed."""
    known, cells = states.parts_of(row, participants, people)
    cells = {**cells, "participant_id": known["participant_id"], "nik_hash": known["nik_hash"]}
    return states.participant_of(known), cells


def _person(person: Person, sight_: Sight) -> dict[str, Any]:
    return {
        "nik": person.nik if sight_ is Sight.FULL else masked(person.nik),
        "birth_place": person.birth_place,
        "birth_date": person.birth_date.isoformat(),
        "sex": str(person.sex),
        "email": person.email,
        "address": person.address,
    }


def masked(nik: str) -> str:
    """The last four digits: enough to tell two people apart, nothing of birth or region."""
    return "*" * (len(nik) - 4) + nik[-4:]


def _protected_until(state: Participant) -> str | None:
    """The last day of protection, WIB."""
    if state.spell is None:
        return None
    return wib_date(state.spell.last_month.ends_at - timedelta(seconds=1)).isoformat()


def _pay_until(state: Participant) -> str | None:
    """The last day on which an unpaid registration can be paid, WIB."""
    if state.standing is not Standing.REGISTERED:
        return None
    return wib_date(state.expires_at - timedelta(seconds=1)).isoformat()


def _text(value: object) -> str | None:
    return None if value is None else str(value)
