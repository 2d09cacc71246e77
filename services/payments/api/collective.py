"""Collective bills: issued by the Wadah's board for its own Wadah or by an officer for the own branch, followed until every share is posted."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis.batches import Batches
from chassis.door import Door
from chassis.http import (
    NOT_FOUND,
    Principal,
    accepts_command,
    allow,
    answer,
    body,
    body_limit,
    meta,
    problems,
    within,
)
from chassis.http.commands import CommandDoor
from chassis.idempotency import Idempotent
from chassis.problems import FORBIDDEN, INVALID, UNSUPPORTED_MEDIA_TYPE, Refusal, Rejected
from chassis.service import App
from contracts.values import BillId, FundingSource
from services.payments.api.group_shapes import (
    CancelWanted,
    CollectiveLineShown,
    CollectiveLinesShown,
    CollectiveShown,
    CollectivesShown,
    CollectiveWanted,
)
from services.payments.commands.collective import (
    CancelCollective,
    Head,
    IssueCollective,
    IssueCollectives,
    cancel_collectives,
)
from services.payments.domain.numbers import Block, number_of
from services.payments.group_problems import COLLECTIVE_BILL_ENDED
from services.payments.heads_file import FILE_HEADER, FILE_UNREADABLE, NOBODY_LISTED, heads_of
from services.payments.parameters import Parameters
from services.payments.queries import groups
from services.payments.tables import collective_bills

Issuer = Annotated[Principal, Depends(allow("coordinator", "officer"))]
Reader = Annotated[Principal, Depends(allow("coordinator", "officer", "checker", "central", "auditor", "operator"))]
BILL = ("bill_id", "code", "heads#", "amount#", "expires_at")
LARGEST_LIST = 1024 * 1024
"""10,000 ids are 390 kB."""
LISTS_AT_ONCE = 4
"""Lists in one transaction: each may have 10,000 lines."""
PAGE = 200
CSV = {
    "requestBody": {
        "required": True,
        "description": "Columns: one of contribution_code and participant_id, and months",
        "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def router(app: App, parameters: Parameters) -> APIRouter:
    routes = APIRouter(prefix="/collective-bills", tags=["collective bills"])
    issuing, cancelling = _small_door(app.batches, parameters), app.command_door(cancel_collectives)

    async def issue(
        request: Request, principal: Principal, heads: tuple[Head, ...], funding_source: FundingSource
    ) -> Response:
        branch_id, wadah_id = _owner(principal)
        (running,) = await app.numbers.take(Block.COLLECTIVE.kind, 1)
        code = number_of(Block.COLLECTIVE, running)
        command = IssueCollective(heads, funding_source, code, branch_id, wadah_id, meta(request, principal))
        return await answer(request, principal, issuing, command)

    @routes.post(
        "",
        status_code=201,
        openapi_extra=accepts_command(CollectiveWanted, gives=BILL, status=201),
        responses=problems(INVALID),
    )
    @body_limit(LARGEST_LIST)
    async def issue_list(request: Request, principal: Issuer) -> Response:
        """One code for all of them, payable in full until the end of the month. Refused as a whole when one cannot be billed."""
        wanted = await body(request, CollectiveWanted)
        heads = tuple(
            Head(who, wanted.months, f"participants.{place}") for place, who in enumerate(wanted.participants)
        )
        return await issue(request, principal, heads, wanted.funding_source)

    @routes.post(
        "/upload",
        status_code=201,
        openapi_extra=accepts_command(gives=BILL, status=201) | CSV,
        responses=problems(UNSUPPORTED_MEDIA_TYPE, FILE_UNREADABLE, FILE_HEADER, NOBODY_LISTED, INVALID),
    )
    @body_limit(LARGEST_LIST)
    async def issue_file(
        request: Request,
        principal: Issuer,
        funding_source: FundingSource,
        months: Annotated[int | None, Query(ge=1, le=12)] = None,
    ) -> Response:
        """The same from a CSV file; `months` for lines that name none."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "text/csv":
            raise Refusal(Rejected(UNSUPPORTED_MEDIA_TYPE, values={"expected": "text/csv"}))
        heads = await asyncio.to_thread(heads_of, await request.body(), months)
        return await issue(request, principal, heads, funding_source)

    @routes.post(
        "/{bill_id}/cancel",
        openapi_extra=accepts_command(CancelWanted, gives=("bill_id", "status")),
        responses=problems(NOT_FOUND, COLLECTIVE_BILL_ENDED),
    )
    async def cancel(request: Request, principal: Issuer, bill_id: UUID) -> Response:
        """Nothing can be paid under its code any more; a paid one stays paid."""
        wanted = await body(request, CancelWanted)
        await _must_see(app, principal, bill_id)
        command = CancelCollective(BillId(bill_id), wanted.reason, meta(request, principal))
        return await answer(request, principal, cancelling, command)

    @routes.get("")
    async def listed(principal: Reader, before: UUID | None = None) -> CollectivesShown:
        """Newest first, a page at a time."""
        async with app.read() as conn:
            found = await groups.collectives(conn, within(principal, collective_bills), before, PAGE)
        items = [CollectiveShown.model_validate(dict(row)) for row in found]
        return CollectivesShown(items=items, next=items[-1].bill_id if len(items) == PAGE else None)

    @routes.get("/{bill_id}", responses=problems(NOT_FOUND))
    async def one(principal: Reader, bill_id: UUID) -> CollectiveShown:
        """How far it is: all shares are posted once `shares_posted` is `heads`."""
        return await _must_see(app, principal, bill_id)

    @routes.get("/{bill_id}/lines", responses=problems(NOT_FOUND))
    async def lines(
        principal: Reader, bill_id: UUID, after: Annotated[int, Query(ge=0, lt=2**31)] = 0
    ) -> CollectiveLinesShown:
        """Its exact list, and what became of each line."""
        await _must_see(app, principal, bill_id)
        async with app.read() as conn:
            found = await groups.lines_of(conn, bill_id, after, PAGE)
        items = [CollectiveLineShown.model_validate(dict(row)) for row in found]
        return CollectiveLinesShown(items=items, next=items[-1].number if len(items) == PAGE else None)

    return routes


async def _must_see(app: App, principal: Principal, bill_id: UUID) -> CollectiveShown:
    async with app.read() as conn:
        found = await groups.collective(conn, bill_id, within(principal, collective_bills))
    if found is None:
        raise Refusal(Rejected(NOT_FOUND))
    return CollectiveShown.model_validate(dict(found))


def _owner(principal: Principal) -> tuple[UUID | None, UUID | None]:
    """Whose participants may be on the list: (branch, Wadah), one of them None. Raises Refusal `forbidden` without a scope."""
    if "coordinator" in principal.roles and principal.wadah_id:
        return None, principal.wadah_id
    if "officer" in principal.roles and principal.branch_id:
        return principal.branch_id, None
    raise Refusal(Rejected(FORBIDDEN))


def _small_door(batches: Batches, parameters: Parameters) -> CommandDoor[IssueCollective]:
    return Door(batches, Idempotent(IssueCollectives(parameters)), max_batch=LISTS_AT_ONCE)
