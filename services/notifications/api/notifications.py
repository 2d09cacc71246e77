"""Reads: the messages of a participant, and how many went how far, each within the caller's scope."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.http import Principal, accepts, allow, body, problems, within
from chassis.problems import FORBIDDEN, INVALID, MALFORMED, UNAUTHORIZED
from contracts.events.notifications import Channel
from contracts.values import Language
from services.notifications import queries
from services.notifications.domain.notification import State
from services.notifications.tables import notifications

Read = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
OfPeople = Annotated[
    Principal,
    Depends(allow("agent", "officer", "checker", "participant", "central", "auditor", "operator", "service")),
]
OfNumbers = Annotated[
    Principal, Depends(allow("coordinator", "officer", "checker", "central", "auditor", "operator", "service"))
]
MOST = 200


class NotificationShown(BaseModel):
    """What became of one message. Its text is not kept: it is made, with the person's name, when it is sent."""

    model_config = ConfigDict(from_attributes=True)

    notification_id: UUID
    participant_id: UUID
    cause: UUID = Field(description="the event it tells about")
    channel: Channel
    template: str
    template_version: int
    language: Language
    state: State
    reason: str | None = Field(description="why it failed, as a code")
    attempts: int
    queued_at: datetime
    not_after: datetime
    sent_at: datetime | None
    delivered_at: datetime | None


class Page(BaseModel):
    notifications: list[NotificationShown]
    next: UUID | None = Field(description="give it as `before` for the next page; null on the last one")


class CountsShown(BaseModel):
    """Of all messages ever queued. `sent`: accepted by the provider at some time, whatever came after."""

    model_config = ConfigDict(from_attributes=True)

    queued: int
    waiting: int = Field(description="still to be sent")
    sent: int
    delivered: int
    failed: int = Field(description="not sent, or not delivered")
    unknown: int = Field(description="the provider may have taken them; never sent again blindly")


class OfParticipants(BaseModel):
    participant_ids: list[UUID] = Field(max_length=1000)


def router(read: Read) -> APIRouter:
    routes = APIRouter(prefix="/notifications", tags=["notifications"], responses=problems(UNAUTHORIZED, FORBIDDEN))

    @routes.get("", summary="Messages, newest first", responses=problems(INVALID))
    async def list_notifications(
        principal: OfPeople,
        participant_id: UUID | None = None,
        state: State | None = None,
        before: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    ) -> Page:
        scope = within(principal, notifications)
        async with read() as conn:
            found = await queries.listed(
                conn, scope, participant_id=participant_id, state=state, before=before, most=limit
            )
        shown = [NotificationShown.model_validate(one) for one in found]
        return Page(notifications=shown, next=shown[-1].notification_id if len(shown) == limit else None)

    @routes.get("/counts", summary="How many messages went how far")
    async def count(principal: OfNumbers) -> CountsShown:
        async with read() as conn:
            return CountsShown.model_validate(await queries.counts(conn, within(principal, notifications)))

    @routes.post(
        "/counts",
        summary="The same for these participants alone",
        openapi_extra=accepts(OfParticipants),
        responses=problems(MALFORMED, INVALID),
    )
    async def count_of(request: Request, principal: OfNumbers) -> CountsShown:
        asked = await body(request, OfParticipants)
        async with read() as conn:
            scope = within(principal, notifications)
            return CountsShown.model_validate(await queries.counts(conn, scope, asked.participant_ids))

    return routes
