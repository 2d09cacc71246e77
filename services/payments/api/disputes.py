"""Doubts about incentive statements over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems, within
from chassis.privacy.vault import Vault
from chassis.service import App
from contracts.values import AgentId, DisputeId
from services.payments.api.incentive_shapes import AnswerWanted, DisputeShown, DisputeWanted
from services.payments.commands.incentives.disputes import (
    AnswerDispute,
    AnswerDisputes,
    RaiseDispute,
    RaiseDisputes,
)
from services.payments.dispute_notes import read_words
from services.payments.problems import DISPUTE_ANSWERED, NO_SUCH_LINE
from services.payments.queries import incentives_shown as shown
from services.payments.tables.incentives import incentive_disputes

Doubter = Annotated[Principal, Depends(allow("agent", "coordinator"))]
Officer = Annotated[Principal, Depends(allow("officer"))]
Reader = Annotated[
    Principal, Depends(allow("agent", "coordinator", "officer", "checker", "central", "auditor", "operator"))
]
PAGE = 200


def router(app: App) -> APIRouter:
    routes = APIRouter(prefix="/incentives/disputes", tags=["incentives"])
    raising = app.command_door(RaiseDisputes(app.vault))
    answering = app.command_door(AnswerDisputes(app.vault))

    @routes.post(
        "",
        status_code=201,
        openapi_extra=accepts_command(DisputeWanted, gives=("dispute_id",), status=201),
        responses=problems(NOT_FOUND, NO_SUCH_LINE),
    )
    async def raise_dispute(request: Request, principal: Doubter) -> Response:
        """The agent, or the board of the Wadah, doubts a line of an issued statement.

        The same person's same doubt in the same words, while it is open, is the one there is: its id is the answer.
        """
        wanted = await body(request, DisputeWanted)
        command = RaiseDispute(
            meta(request, principal),
            principal,
            AgentId(wanted.agent_id),
            wanted.month,
            wanted.line,
            wanted.reason,
            wanted.note,
        )
        return await answer(request, principal, raising, command)

    @routes.post(
        "/{dispute_id}/answer",
        openapi_extra=accepts_command(AnswerWanted, gives=("dispute_id",)),
        responses=problems(NOT_FOUND, DISPUTE_ANSWERED),
    )
    async def answer_dispute(request: Request, principal: Officer, dispute_id: UUID) -> Response:
        """The branch answers once. What follows from a doubt that was right comes as an adjustment of a later run."""
        wanted = await body(request, AnswerWanted)
        command = AnswerDispute(meta(request, principal), principal, DisputeId(dispute_id), wanted.upheld, wanted.note)
        return await answer(request, principal, answering, command)

    @routes.get("")
    async def disputes(principal: Reader, open_only: bool = False, agent_id: UUID | None = None) -> list[DisputeShown]:
        """Within the caller's scope, oldest first: what waits for the branch with `open_only`."""
        async with app.read() as conn:
            scope = within(principal, incentive_disputes)
            found = await shown.disputes(conn, scope, open_only=open_only, agent_id=agent_id, limit=PAGE)
        return [_shown(app.vault, row) for row in found]

    return routes


def _shown(vault: Vault, row: Mapping[Any, Any]) -> DisputeShown:
    """Words of before stand in the row itself."""
    note = read_words(vault, "note", row["dispute_id"], row["note_box"])
    answer = read_words(vault, "answer", row["dispute_id"], row["answer_box"])
    return DisputeShown.model_validate(
        {**row, "month": row["run"], "note": note or row["note"], "answer": answer or row["answer"]}
    )
