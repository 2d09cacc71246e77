"""The account of one subject over HTTP: what had been recorded of it by a moment, who did it, and under which rules."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from chassis.asof import NOTHING_KNOWN, TIME_TO_COME, TOO_MANY_EVENTS
from chassis.http import Moment, problems
from chassis.problems import Refusal, Rejected
from chassis.service import App, as_settings
from services.audit.api.shapes import AccountShown, KeyShown
from services.audit.api.showing import shown
from services.audit.api.sight import Auditor
from services.audit.domain.accounts import Subject
from services.audit.queries.accounts import MOST_EVENTS, MOST_RELATED, account
from services.audit.settings import Settings


def router(app: App) -> APIRouter:
    routes = APIRouter(prefix="/accounts", tags=["archive"])
    shelf = as_settings(app, Settings).shelf

    @routes.get("/{subject}/{id}", responses=problems(NOTHING_KNOWN, TIME_TO_COME, TOO_MANY_EVENTS))
    async def of(principal: Auditor, subject: Subject, id: UUID, at: Moment) -> AccountShown:
        """What had been recorded by `at` (wall clock) of a participant, agent, Wadah or bill, and the keys whose state follows from it."""
        if at > app.clock.wall():
            raise Refusal(Rejected(TIME_TO_COME, "query.at"))
        async with app.read() as conn:
            found = await account(conn, subject, id, at)
            if not found.events:
                raise Refusal(Rejected(NOTHING_KNOWN))
            if len(found.events) > MOST_EVENTS:
                raise Refusal(Rejected(TOO_MANY_EVENTS, values={"most": str(MOST_EVENTS)}))
            events = await shown(conn, found.events, shelf)
            related = await shown(conn, found.related[:MOST_RELATED], shelf)
        return AccountShown(
            subject=subject,
            id=id,
            at=at,
            events=events,
            related=related,
            more_related=len(found.related) > MOST_RELATED,
            keys=[KeyShown(service=service, stream=stream, key=key) for service, stream, key in found.keys],
        )

    return routes
