"""Pages about branches, Wadah, agents and outreach sessions within the scope of who asks. Newest first, at most
`MOST`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.http import Principal, within
from chassis.privacy.vault import Vault
from services.registration import states
from services.registration.domain.outreach import Outreach
from services.registration.domain.parameters import AGENCY, in_force
from services.registration.domain.wadah import Agreement, Wadah, renewal_due
from services.registration.queries import renewals
from services.registration.tables import agents, branches, outreach, reassignments, wadah

MOST = 500
RENEW_OR_END: Mapping[str, str] = {
    "id": "Petugas cabang mencatat perjanjian berikutnya (POST /wadah/{wadah_id}/agreements), atau kepala cabang menyatakan perjanjian ini "
    "berakhir tanpa perpanjangan (POST /wadah/{wadah_id}/end dengan hari terakhirnya). Tanpa perjanjian, agen tidak dapat mendaftarkan "
    "siapa pun dan tidak ada insentif.",
    "en": "An officer of the branch records the next agreement (POST /wadah/{wadah_id}/agreements), or its head says that this one ends "
    "without a renewal (POST /wadah/{wadah_id}/end with its last day). Without an agreement agents register nobody and nothing is earned.",
}
_SEES_PROFILES = frozenset({"officer", "checker", "coordinator", "agent"})


async def all_branches(conn: AsyncConnection) -> Sequence[Mapping[str, Any]]:
    """Every branch: where to register is no secret."""
    rows = await conn.execute(sa.select(branches).order_by(branches.c.code).limit(MOST))
    return [{**states.part_of(row, branches), "branch_id": str(row.branch_id)} for row in rows]


async def listed_wadah(
    conn: AsyncConnection, principal: Principal, today: date, *, renewal_due: bool | None
) -> Sequence[Mapping[str, Any]]:
    query = sa.select(wadah).where(_of_organisation(principal)).order_by(wadah.c.wadah_id.desc()).limit(MOST)
    if renewal_due is not None:
        query = query.where(renewals.is_due(today) if renewal_due else sa.not_(renewals.is_due(today)))
    return [_wadah(states.wadah_of(states.part_of(row, wadah)), today) for row in await conn.execute(query)]


async def listed_agents(conn: AsyncConnection, vault: Vault, principal: Principal) -> Sequence[Mapping[str, Any]]:
    query = sa.select(agents).where(within(principal, agents)).order_by(agents.c.agent_id.desc()).limit(MOST)
    return [_agent(row, vault, principal) for row in await conn.execute(query)]


async def one_agent(
    conn: AsyncConnection, vault: Vault, principal: Principal, agent_id: UUID
) -> Mapping[str, Any] | None:
    query = sa.select(agents).where(within(principal, agents), agents.c.agent_id == agent_id)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else _agent(row, vault, principal)


async def listed_reassignments(conn: AsyncConnection, principal: Principal) -> Sequence[Mapping[str, Any]]:
    query = (
        sa.select(reassignments)
        .where(within(principal, reassignments))
        .order_by(reassignments.c.reassignment_id.desc())
        .limit(MOST)
    )
    return [_reassignment(states.part_of(row, reassignments)) for row in await conn.execute(query)]


async def listed_outreach(conn: AsyncConnection, principal: Principal) -> Sequence[Mapping[str, Any]]:
    query = sa.select(outreach).where(_of_session(principal)).order_by(outreach.c.outreach_id.desc()).limit(MOST)
    return [_outreach(states.outreach_of(states.part_of(row, outreach))) for row in await conn.execute(query)]


async def one_outreach(conn: AsyncConnection, principal: Principal, outreach_id: UUID) -> Mapping[str, Any] | None:
    query = sa.select(outreach).where(_of_session(principal), outreach.c.outreach_id == outreach_id)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else _outreach(states.outreach_of(states.part_of(row, outreach)))


def _of_organisation(principal: Principal) -> sa.ColumnElement[bool]:
    """An agent sees the own Wadah too."""
    own = wadah.c.wadah_id == principal.wadah_id if "agent" in principal.roles else sa.false()
    return sa.or_(within(principal, wadah), own)


def _of_session(principal: Principal) -> sa.ColumnElement[bool]:
    """An agent sees the sessions he takes part in."""
    if "agent" not in principal.roles or principal.agent_id is None:
        return within(principal, outreach)
    taking_part = outreach.c.agents.contains(sa.cast([str(principal.agent_id)], JSONB))
    return sa.or_(within(principal, outreach), taking_part)


def _wadah(state: Wadah, today: date) -> dict[str, Any]:
    return {
        "wadah_id": str(state.wadah_id),
        "branch_id": str(state.branch_id),
        "name": state.name,
        **_agreement(state.agreement_on(today)),
        "agreements": [{"agreement": n, **_agreement(one)} for n, one in enumerate(state.agreements, start=1)],
        "renewal_due": _renewal(renewal_due(state, today, in_force(AGENCY, today)), today),
    }


def _renewal(ending: Agreement | None, today: date) -> dict[str, Any] | None:
    """`days_left`: after today, the last day included; below 0: over for so long."""
    if ending is None:
        return None
    return {
        "agreement_number": ending.number,
        "last_day": ending.last_day.isoformat(),
        "days_left": (ending.last_day - today).days,
        "told_on": ending.told_on.isoformat() if ending.told_on else None,
        "what_to_do": RENEW_OR_END,
    }


def _agreement(agreement: Agreement) -> dict[str, Any]:
    return {
        "agreement_number": agreement.number,
        "scheme": str(agreement.scheme),
        "term_from": agreement.term_from.isoformat(),
        "term_to": agreement.term_to.isoformat(),
        "ended_on": agreement.ended_on.isoformat() if agreement.ended_on else None,
        "monthly_target": agreement.monthly_target,
    }


def _agent(row: sa.Row[Any], vault: Vault, principal: Principal) -> dict[str, Any]:
    """The profile is opened for who may see it: what is opened is on record as seen."""
    cells = states.part_of(row, agents)
    if not principal.roles & _SEES_PROFILES:
        cells = {**cells, "name": None, "phone": None}
    state = states.agent_of(cells, vault)
    profile = state.profile
    return {
        "agent_id": str(state.agent_id),
        "agent_code": state.code,
        "wadah_id": str(state.wadah_id),
        "branch_id": str(state.branch_id),
        "participant_id": str(state.participant_id),
        "status": str(state.status),
        "certificate_number": state.certificate_number,
        "certified_on": state.certified_on.isoformat() if state.certified_on else None,
        "activated_on": state.activated_on.isoformat() if state.activated_on else None,
        "departure_proposed": None if state.departure is None else str(state.departure.kind),
        "left_on": state.left_on.isoformat() if state.left_on else None,
        **({"name": profile.name, "phone": profile.phone} if profile else {}),
    }


def _reassignment(row: states.Row) -> dict[str, Any]:
    written = states.reassignment_row(states.reassignment_of(row))
    ids = ("reassignment_id", "branch_id", "agent_id", "wadah_id")
    named = {name: None if written[name] is None else str(written[name]) for name in ids}
    return {**written, **named, "proposed_at": written["proposed_at"].isoformat()}


def _outreach(state: Outreach) -> dict[str, Any]:
    return {
        "outreach_id": str(state.outreach_id),
        "branch_id": str(state.branch_id),
        "wadah_id": str(state.wadah_id),
        "kind": str(state.kind),
        "status": str(state.status),
        "place": state.place,
        "starts_at": state.starts_at.isoformat(),
        "ends_at": state.ends_at.isoformat(),
        "audience": [str(one) for one in state.audience],
        "agents": [str(one) for one in state.agents],
        "officers": list(state.officers),
        "head_count": state.head_count,
        "questions": state.questions,
    }
