"""Incentives over HTTP: statements and their lines, runs, activity. A foreign statement and an unknown one are the same 404."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query

from chassis.http import NOT_FOUND, Principal, allow, problems, within
from chassis.problems import Refusal, Rejected
from chassis.service import App
from services.payments.api.incentive_absent import ABSENT, Absent
from services.payments.api.incentive_shapes import (
    MONTH,
    ActivityShown,
    AdjustmentShown,
    LineShown,
    LinesShown,
    MonthOfAgent,
    RunShown,
    ShareAdjustmentShown,
    StatementLine,
    StatementShown,
    StatementsShown,
    TracedEvent,
    WadahStatementLine,
    WadahStatementShown,
)
from services.payments.parameters import Parameters
from services.payments.queries import incentives as deciding
from services.payments.queries import incentives_shown as shown
from services.payments.queries.incentive_heads import with_head_pay
from services.payments.tables.incentives import agents, incentive_statements, wadah_statements

ALL_OVER = ("central", "auditor", "operator")
Reader = Annotated[Principal, Depends(allow("agent", "coordinator", "officer", "checker", *ALL_OVER))]
OfWadah = Annotated[Principal, Depends(allow("coordinator", "officer", "checker", *ALL_OVER))]
Overseer = Annotated[Principal, Depends(allow(*ALL_OVER))]
MonthInPath = Annotated[str, Path(pattern=MONTH)]
MonthAsked = Annotated[str | None, Query(pattern=MONTH)]
PAGE = 200
PLACE = r"^[0-9]{4}-(0[1-9]|1[0-2]):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
"""Month and agent, or Wadah, of the last statement that was seen."""
_WARNINGS: Mapping[int, Literal["FIRST", "SECOND"] | None] = {0: None, 1: "FIRST", 2: "SECOND"}


def router(app: App, parameters: Parameters) -> APIRouter:
    routes, absent = APIRouter(tags=["incentives"]), Absent(app, parameters)

    async def must_see(principal: Principal, agent_id: UUID, month: str) -> Mapping[Any, Any]:
        async with app.read() as conn:
            found = await shown.statement(conn, agent_id, month, within(principal, incentive_statements))
        if found is None:
            raise Refusal(await absent.of(month))
        return found

    @routes.get("/incentives/runs")
    async def runs(_: Overseer) -> list[RunShown]:
        """The newest first, with the progress of the one that is under way."""
        async with app.read() as conn:
            found = await shown.runs(conn, PAGE)
            last = await deciding.last_run(conn)
            awaiting = None
            if last is not None and last.completed_at is None:
                awaiting = await shown.agents_awaiting(conn, last)
        return [
            RunShown.model_validate({**row, "agents_awaiting": awaiting if row["completed_at"] is None else None})
            for row in found
        ]

    @routes.get("/incentives/statements")
    async def statements(
        principal: Reader,
        month: MonthAsked = None,
        agent_id: UUID | None = None,
        wadah_id: UUID | None = None,
        drop_due: Annotated[
            bool | None, Query(description="only agents that fall under the drop rule, or only others")
        ] = None,
        after: Annotated[str | None, Query(pattern=PLACE)] = None,
    ) -> StatementsShown:
        """Statements of agents within the caller's scope, the newest month first, a page at a time."""
        async with app.read() as conn:
            found = await shown.statements(
                conn,
                within(principal, incentive_statements),
                month=month,
                agent_id=agent_id,
                wadah_id=wadah_id,
                drop_due=drop_due,
                after=place(after),
                limit=PAGE,
            )
        items = [StatementLine.model_validate(dict(row)) for row in found]
        last = items[-1] if len(items) == PAGE else None
        return StatementsShown(items=items, next=None if last is None else f"{last.month}:{last.agent_id}")

    @routes.get("/incentives/agents/{agent_id}/statements/{month}", responses=problems(*ABSENT))
    async def statement(principal: Reader, agent_id: UUID, month: MonthInPath) -> StatementShown:
        """One agent's month, with what it corrects of earlier ones."""
        found = await must_see(principal, agent_id, month)
        async with app.read() as conn:
            adjusted = await shown.adjustments(conn, agent_id, month)
        adjustments = [AdjustmentShown.model_validate(dict(row)) for row in adjusted]
        return StatementShown.model_validate({**found, "adjustments": adjustments})

    @routes.get("/incentives/agents/{agent_id}/statements/{month}/lines", responses=problems(*ABSENT))
    async def lines(
        principal: Reader, agent_id: UUID, month: MonthInPath, after: Annotated[int, Query(ge=0, lt=2**31)] = 0
    ) -> LinesShown:
        """The lines behind the sums, in their order, a page at a time: participant numbers, no NIK."""
        await must_see(principal, agent_id, month)
        async with app.read() as conn:
            found = await shown.lines(conn, agent_id, month, after, PAGE)
            found = await with_head_pay(conn, await parameters.sets(conn), agent_id, month, found)
        items = [LineShown.model_validate(dict(row)) for row in found]
        return LinesShown(items=items, next=items[-1].line if len(items) == PAGE else None)

    @routes.get("/incentives/agents/{agent_id}/statements/{month}/lines/{line}/events", responses=problems(*ABSENT))
    async def events_of_line(
        principal: Reader, agent_id: UUID, month: MonthInPath, line: Annotated[int, Path(ge=1, lt=2**31)]
    ) -> list[TracedEvent]:
        """The events that a line comes from: its payment, a reversal of it, and changes of who manages the participant."""
        await must_see(principal, agent_id, month)
        async with app.read() as conn:
            found = await shown.line(conn, agent_id, month, line)
            if found is None:
                raise Refusal(Rejected(NOT_FOUND))
            behind = await shown.events_behind(conn, [found["participant_id"]])
        payment = str(found["payment_id"])
        return [TracedEvent.model_validate(dict(row)) for row in behind if row["payment_id"] in (None, payment)]

    @routes.get("/incentives/wadah")
    async def wadah(
        principal: OfWadah, month: MonthAsked = None, wadah_id: UUID | None = None
    ) -> list[WadahStatementLine]:
        """Statements of Wadah within the caller's scope, newest first."""
        async with app.read() as conn:
            scope = within(principal, wadah_statements)
            found = await shown.wadah_statements_of(conn, scope, month=month, wadah_id=wadah_id, limit=PAGE)
        return [WadahStatementLine.model_validate(dict(row)) for row in found]

    @routes.get("/incentives/wadah/{wadah_id}/statements/{month}", responses=problems(*ABSENT))
    async def wadah_statement(principal: OfWadah, wadah_id: UUID, month: MonthInPath) -> WadahStatementShown:
        """One Wadah's month with the statements of its agents; paid to the Wadah alone."""
        async with app.read() as conn:
            scope = within(principal, wadah_statements)
            found = await shown.wadah_statements_of(conn, scope, month=month, wadah_id=wadah_id, limit=1)
            if not found:
                raise Refusal(await absent.of(month))
            adjusted = await shown.wadah_adjustments(conn, wadah_id, month)
            of_agents = await shown.agents_of(conn, wadah_id, month)
        return WadahStatementShown.model_validate(
            {
                **found[0],
                "adjustments": [ShareAdjustmentShown.model_validate(dict(row)) for row in adjusted],
                "of_agents": [StatementLine.model_validate(dict(row)) for row in of_agents],
            }
        )

    @routes.get("/agents/{agent_id}/activity", responses=problems(NOT_FOUND))
    async def activity(principal: Reader, agent_id: UUID) -> ActivityShown:
        """An agent's months, newest first, as facts for the drop rules: warned after one and two empty ones."""
        async with app.read() as conn:
            if not await shown.is_known_agent(conn, agent_id, within(principal, agents)):
                raise Refusal(Rejected(NOT_FOUND))
            found = await shown.activity(conn, agent_id, PAGE)
        return ActivityShown(agent_id=agent_id, months=[_month_of(row) for row in found])

    return routes


def place(after: str | None) -> tuple[str, UUID] | None:
    """Where a page goes on; None: at the beginning."""
    if after is None:
        return None
    month, _, owner = after.partition(":")
    return month, UUID(owner)


def _month_of(row: Mapping[Any, Any]) -> MonthOfAgent:
    without = row["months_without"]
    warning = "DROP_DUE" if without >= row["drop_months"] else _WARNINGS.get(without, "SECOND")
    return MonthOfAgent.model_validate({**row, "warning": warning})
