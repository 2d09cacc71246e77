"""Dated parameters: what is law, its history, and the two people of the central office who change it."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, JsonValue, StringConstraints, ValidationError

from chassis.http import NOT_FOUND, Day, Principal, accepts_command, allow, answer, body, meta, names_nobody, problems
from chassis.http.bodies import invalid
from chassis.http.faults import field_errors
from chassis.problems import FieldError, Refusal, Rejected
from chassis.service import App
from contracts.values import ParameterSetId
from services.payments import lawbook
from services.payments.commands.incentives.used import months_used
from services.payments.commands.parameters import ApproveSet, ChangeParameters, ProposeSet, WithdrawSet
from services.payments.domain.parameters import KINDS, day_of
from services.payments.domain.parameters.kinds import AnyKind
from services.payments.domain.parameters.proposing import WantedSet
from services.payments.parameters import Parameters
from services.payments.problems import PARAMETERS_TOO_EARLY, SAME_PERSON, SET_DECIDED
from services.payments.queries import parameters as queries

Central = Annotated[Principal, Depends(allow("central"))]
Reader = Annotated[Principal, Depends(allow("central", "auditor", "operator"))]
Subject = Annotated[UUID | None, Query(description="whose own sets; without it those for everybody")]
Text = Annotated[str, StringConstraints(min_length=3, max_length=1_000), AfterValidator(names_nobody)]
ANSWER = ("set_id", "version", "status")


class SetWanted(BaseModel):
    """A set to be approved by somebody else. `value` is what the kind declares; `source` names the regulation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    valid_from: Day
    source: Text
    value: dict[str, JsonValue]
    subject: UUID | None = None


class WithdrawWanted(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Text


class SetShown(BaseModel):
    """`set_id` and who set it are null for a set that the software brings along (`DEFAULT`); `valid_to` is its last day, null while open.

    `displaced_by`: the version that was approved later for the same day and counts instead; `valid_to` then lies before `valid_from`.
    """

    set_id: UUID | None
    version: str
    status: str
    valid_from: date
    valid_to: date | None = None
    displaced_by: str | None = None
    source: str
    value: dict[str, JsonValue]
    proposed_by: str | None = None
    proposed_at: datetime | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None


class KindShown(BaseModel):
    """A kind with the set that holds today; `subject` says for whom sets of their own may be approved."""

    kind: str
    subject: str | None
    in_force: SetShown | None


class ProposalShown(BaseModel):
    kind: str
    subject: str | None
    set_id: UUID
    version: str
    valid_from: date
    source: str
    value: dict[str, JsonValue]
    proposed_by: str
    proposed_at: datetime


def router(app: App, parameters: Parameters) -> APIRouter:
    routes = APIRouter(prefix="/parameters", tags=["parameters"])
    door = app.command_door(ChangeParameters(parameters.forget, months_used(parameters)))

    @routes.get("")
    async def kinds(principal: Reader, day: Annotated[Day | None, Query()] = None) -> list[KindShown]:
        """Every kind with what holds on a WIB day, by default today."""
        async with app.read() as conn:
            sets = await parameters.sets(conn)
        on = day or day_of(app.clock.business())
        return [
            KindShown.model_validate(
                {"kind": kind.name, "subject": kind.subject, "in_force": lawbook.in_force(sets, kind, on)}
            )
            for kind in KINDS.values()
        ]

    @routes.get("/proposals")
    async def proposals(principal: Reader) -> list[ProposalShown]:
        """What waits for a second person, the oldest first."""
        async with app.read() as conn:
            found = await queries.open_proposals(conn)
        return [ProposalShown.model_validate({**row}) for row in found]

    @routes.get("/{kind}", responses=problems(NOT_FOUND))
    async def history(principal: Reader, kind: str, subject: Subject = None) -> list[SetShown]:
        """Every set there was and will be, newest day first: approved, proposed, withdrawn, and what the software brings along."""
        known = _kind(kind)
        async with app.read() as conn:
            found = await queries.history(conn, known.name, str(subject) if subject else None)
        shown = lawbook.history(known, found, for_everybody=subject is None)
        return [SetShown.model_validate(one) for one in shown]

    @routes.post(
        "/{kind}/proposals",
        status_code=201,
        openapi_extra=accepts_command(SetWanted, gives=ANSWER, status=201),
        responses=problems(NOT_FOUND, PARAMETERS_TOO_EARLY),
    )
    async def propose(request: Request, principal: Central, kind: str) -> Response:
        """Proposes a set; it holds once another person has approved it, from `valid_from` on."""
        known = _kind(kind)
        wanted = await body(request, SetWanted)
        command = ProposeSet(_wanted(known, wanted), meta(request, principal))
        return await answer(request, principal, door, command)

    @routes.post(
        "/{kind}/proposals/{set_id}/approve",
        openapi_extra=accepts_command(gives=(*ANSWER, "displaces[]")),
        responses=problems(NOT_FOUND, SAME_PERSON, SET_DECIDED, PARAMETERS_TOO_EARLY),
    )
    async def approve(request: Request, principal: Central, kind: str, set_id: UUID) -> Response:
        """Makes a proposal law from its day on. Whoever proposed it cannot. `displaces`: the version that counted for that day until now."""
        command = ApproveSet(kind, ParameterSetId(set_id), meta(request, principal))
        return await answer(request, principal, door, command)

    @routes.post(
        "/{kind}/proposals/{set_id}/withdraw",
        openapi_extra=accepts_command(WithdrawWanted, gives=ANSWER),
        responses=problems(NOT_FOUND, SET_DECIDED),
    )
    async def withdraw(request: Request, principal: Central, kind: str, set_id: UUID) -> Response:
        """Ends a proposal. What was approved stays."""
        wanted = await body(request, WithdrawWanted)
        command = WithdrawSet(kind, ParameterSetId(set_id), wanted.reason, meta(request, principal))
        return await answer(request, principal, door, command)

    return routes


def _kind(name: str) -> AnyKind:
    """Raises Refusal `not_found`."""
    if name not in KINDS:
        raise Refusal(Rejected(NOT_FOUND))
    return KINDS[name]


def _wanted(kind: AnyKind, wanted: SetWanted) -> WantedSet:
    """Reads `value` as the kind demands, and keeps it in full, defaults included. Raises Refusal `invalid`."""
    if wanted.subject is not None and kind.subject is None:
        raise invalid([_NO_SUBJECT])
    try:
        value = kind.read(wanted.value)
    except ValidationError as error:
        faults = [
            {**fault, "loc": ("value", *fault["loc"])} for fault in error.errors(include_input=False, include_url=False)
        ]
        raise invalid(field_errors(faults)) from None
    return WantedSet(
        kind=kind,
        subject=str(wanted.subject) if wanted.subject else None,
        valid_from=wanted.valid_from,
        source=wanted.source,
        value=json.loads(value.model_dump_json()),
    )


_NO_SUBJECT = FieldError(
    "subject",
    "no_subject",
    "Parameter ini satu untuk semua; hapus isian subject.",
    "There is one set of this parameter for everybody; leave subject out.",
)
