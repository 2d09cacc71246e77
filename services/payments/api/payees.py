"""Accounts that money may go to: an officer records one, the branch head verifies it. Nobody else sees a number or a holder."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems, within
from chassis.ids import new_id
from chassis.problems import Refusal, Rejected
from chassis.service import App
from chassis.transaction import Scope
from contracts.events.astray import OtherPayeeAccountRecorded, PayeeAccount, PayeeAccountRecorded, PayeeKind
from contracts.sealed import Sealed
from contracts.values import ParticipantId, PayeeAccountId, WadahId
from services.payments.api.shapes_astray import PayeeInFull, PayeeShown, PayeeWanted, Refusing, Verifying
from services.payments.api.sight import PAGE, must_exist
from services.payments.commands.payees import RecordPayee, RetirePayee, VerifyPayee, change_payees
from services.payments.problems_astray import VERIFYING_PROBLEMS
from services.payments.projections.astray import open_details, seal_details
from services.payments.queries import shown, shown_astray
from services.payments.tables import payee_accounts, payers
from services.payments.tables.incentives import agreements

Recorder = Annotated[Principal, Depends(allow("officer"))]
Verifier = Annotated[Principal, Depends(allow("checker"))]
Looker = Annotated[Principal, Depends(allow("officer", "checker"))]
ID = ("payee_account_id",)


def router(app: App) -> APIRouter:
    routes, door = APIRouter(prefix="/payee-accounts", tags=["transfers"]), app.command_door(change_payees)

    async def found(principal: Principal, payee_account_id: UUID) -> Mapping[Any, Any]:
        async with app.read() as conn:
            row = await shown_astray.payee(conn, payee_account_id, within(principal, payee_accounts))
        if row is None:
            raise Refusal(Rejected(NOT_FOUND))
        return row

    @routes.post(
        "",
        status_code=201,
        openapi_extra=accepts_command(PayeeWanted, gives=ID, status=201),
        responses=problems(NOT_FOUND),
    )
    async def record(request: Request, principal: Recorder) -> Response:
        """Records an account of the officer's branch; no money goes there before another person verified it.

        Participant and Wadah are of that branch: those of another and those unknown here are the same 404.
        """
        wanted = await body(request, PayeeWanted)
        command = await _recorded(app, request, principal, wanted)
        return await answer(request, principal, door, command)

    @routes.get("")
    async def accounts(principal: Looker, owner_id: UUID | None = None) -> list[PayeeShown]:
        """The last digits only."""
        async with app.read() as conn:
            rows = await shown_astray.payees(conn, owner_id, within(principal, payee_accounts), PAGE)
        return [PayeeShown.model_validate(_known(app, row)) for row in rows]

    @routes.get("/{payee_account_id}", responses=problems(NOT_FOUND))
    async def account(principal: Looker, payee_account_id: UUID) -> PayeeInFull:
        """Number and holder, to compare and to transfer."""
        return PayeeInFull.model_validate(_known(app, await found(principal, payee_account_id)))

    @routes.post(
        "/{payee_account_id}/verification",
        openapi_extra=accepts_command(Verifying, gives=ID),
        responses=problems(NOT_FOUND, *VERIFYING_PROBLEMS.values()),
    )
    async def verify(request: Request, principal: Verifier, payee_account_id: UUID) -> Response:
        """A second person compared it with what the evidence names."""
        wanted = await body(request, Verifying)
        row = await found(principal, payee_account_id)
        if row["kind"] == PayeeKind.WADAH:  # recorded before that was asked, it may be another branch's
            await _must_be_of_branch(app, principal, row["owner_id"])
        scope = _scope(row)
        key = PayeeAccountId(payee_account_id)
        return await answer(
            request, principal, door, VerifyPayee(key, wanted.evidence, scope, meta(request, principal))
        )

    @routes.post(
        "/{payee_account_id}/retirement",
        openapi_extra=accepts_command(Refusing, gives=ID),
        responses=problems(NOT_FOUND, *VERIFYING_PROBLEMS.values()),
    )
    async def retire(request: Request, principal: Looker, payee_account_id: UUID) -> Response:
        """No money goes there any more."""
        wanted = await body(request, Refusing)
        scope = _scope(await found(principal, payee_account_id))
        key = PayeeAccountId(payee_account_id)
        return await answer(request, principal, door, RetirePayee(key, wanted.reason, scope, meta(request, principal)))

    return routes


async def _recorded(app: App, request: Request, principal: Principal, wanted: PayeeWanted) -> RecordPayee:
    """The command, sealed: a participant's under the key of that person, fetched beforehand (503 when it cannot be)."""
    key, account = PayeeAccountId(new_id()), PayeeAccount(number=wanted.number, holder=wanted.holder)
    event: PayeeAccountRecorded | OtherPayeeAccountRecorded
    scope = Scope(principal.branch_id, wanted.owner_id if wanted.kind is PayeeKind.WADAH else None)
    if wanted.kind is PayeeKind.WADAH:
        assert wanted.owner_id is not None
        await _must_be_of_branch(app, principal, wanted.owner_id, "owner_id")
    if wanted.kind is PayeeKind.PARTICIPANT:
        assert wanted.owner_id is not None
        await _must_be_reachable(app, principal, wanted.owner_id)
        event = PayeeAccountRecorded(
            payee_account_id=key,
            participant_id=ParticipantId(wanted.owner_id),
            bank_code=wanted.bank_code,
            account=Sealed(wanted.owner_id, account),
            recorded_by=principal.subject,
        )
    else:
        box = seal_details(app.vault, key, account.model_dump_json())
        assert box is not None
        event = OtherPayeeAccountRecorded(
            payee_account_id=key,
            kind=wanted.kind,
            wadah_id=None if wanted.owner_id is None else WadahId(wanted.owner_id),
            bank_code=wanted.bank_code,
            box=base64.b64encode(box).decode(),
            recorded_by=principal.subject,
        )
    return RecordPayee(event, scope, meta(request, principal))


async def _must_be_of_branch(app: App, principal: Principal, wadah_id: UUID, field: str | None = None) -> None:
    """A Wadah with whom the caller's branch has, or had, an agreement that is known here (decision 230)."""
    async with app.read() as conn:
        await must_exist(conn, agreements.c.wadah_id, wadah_id, within(principal, agreements), field=field)


async def _must_be_reachable(app: App, principal: Principal, participant_id: UUID) -> None:
    """A participant of the caller's branch who was not forgotten."""
    async with app.read() as conn:
        if not await shown.is_visible(conn, participant_id, within(principal, payers)):
            raise Refusal(Rejected(NOT_FOUND, "owner_id"))
    await app.keys.fetch([participant_id])
    if app.keys.cache[participant_id] is None:
        raise Refusal(Rejected(NOT_FOUND, "owner_id"))


def _known(app: App, row: Mapping[Any, Any]) -> dict[str, Any]:
    of = row["owner_id"] if row["kind"] == PayeeKind.PARTICIPANT else None
    details = open_details(app.vault, row["payee_account_id"], row["details"], of=of)
    number = details.get("number")
    return {
        **{name: row[name] for name in PayeeShown.model_fields if name != "number_ends"},
        "number": number,
        "holder": details.get("holder"),
        "number_ends": None if number is None else number[-4:],
    }


def _scope(row: Mapping[Any, Any]) -> Scope:
    return Scope(row["branch_id"], row["wadah_id"])
