"""The archive over HTTP: what happened, who did it, when and under which rules, and which records carried it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from chassis.asof import TIME_TO_COME
from chassis.http import NOT_FOUND, Moment, problems
from chassis.http.bodies import invalid
from chassis.problems import FieldError, Refusal, Rejected
from chassis.service import App, as_settings
from services.audit.api.shapes import EventShown, EventsShown
from services.audit.api.showing import shown
from services.audit.api.sight import Auditor, Limit, Word, must_be_a_pair
from services.audit.queries import search
from services.audit.queries.search import Clock, Order, Wanted
from services.audit.settings import Settings


def router(app: App) -> APIRouter:
    routes = APIRouter(prefix="/events", tags=["archive"])
    shelf = as_settings(app, Settings).shelf

    @routes.get("", responses=problems(TIME_TO_COME))
    async def events(
        principal: Auditor,
        participant_id: UUID | None = None,
        agent_id: UUID | None = None,
        wadah_id: UUID | None = None,
        branch_id: UUID | None = None,
        bill_id: UUID | None = None,
        correlation_id: UUID | None = None,
        type: Word | None = None,
        actor: Word | None = None,
        stream: Word | None = None,
        key: Word | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        clock: Clock = Clock.RECORDED,
        order: Order = Order.NEWEST,
        after: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
        limit: Limit = 50,
    ) -> EventsShown:
        """Events of which all that is named holds, in the order in which they were recorded.

        `since` and before `until` by the wall clock of their writing, or with `clock=occurred` by business time. `since` may not be to come.
        `stream` and `key` go together.
        """
        must_be_a_pair(stream, key)
        if since is not None and until is not None and until <= since:
            raise invalid([_UNTIL])
        if since is not None and since > (app.clock.wall() if clock is Clock.RECORDED else app.clock.business()):
            raise Refusal(Rejected(TIME_TO_COME, "query.since"))  # nothing found would read as nothing happened
        named = {
            "participant_id": participant_id,
            "agent_id": agent_id,
            "wadah_id": wadah_id,
            "branch_id": branch_id,
            "bill_id": bill_id,
            "correlation_id": correlation_id,
            "type": type,
            "actor": actor,
            "stream": stream,
            "key": key,
        }
        equal = {name: value for name, value in named.items() if value is not None}
        async with app.read() as conn:
            found = await search.found(conn, Wanted(equal, since, until, clock, order, after), limit + 1)
            items = await shown(conn, found[:limit], shelf)
        return EventsShown(items=items, after=items[-1].place if len(found) > limit else None)

    @routes.get("/{event_id}", responses=problems(NOT_FOUND))
    async def event(principal: Auditor, event_id: UUID) -> EventShown:
        """One event, with every record that carried it."""
        async with app.read() as conn:
            found = await search.one(conn, event_id)
            if found is None:
                raise Refusal(Rejected(NOT_FOUND))
            (told,) = await shown(conn, [found], shelf)
        return told

    return routes


_UNTIL = FieldError("query.until", "not_after_since", "Tulis waktu sesudah since.", "Write a time that is after since.")
