"""Audit's own part of a person's copy, for whoever gives it to the person, and for the person. Nothing else in the archive is shown to them."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from chassis.held import PERSON_ERASED, HeldShown, Receives, TableShown, WordsShown, erased
from chassis.http import NOT_FOUND, problems
from chassis.problems import Refusal, Rejected
from chassis.service import App, as_settings
from services.audit.holdings import TABLE, TITLE, TOLD, erased_at, is_seen, shown_to_others
from services.audit.settings import Settings


def router(app: App) -> APIRouter:
    routes = APIRouter(tags=["participants"])
    shelf = as_settings(app, Settings).shelf

    @routes.get("/participants/{participant_id}/export", responses=problems(NOT_FOUND, PERSON_ERASED))
    async def export(participant_id: UUID, principal: Receives) -> HeldShown:
        """When the person's data was shown, to what kind of reader, through which door. Kept nowhere; ask each service for its part."""
        async with app.read() as conn:
            if not await is_seen(conn, principal, participant_id):
                raise Refusal(Rejected(NOT_FOUND))
            if (since := await erased_at(conn, participant_id)) is not None:
                raise Refusal(erased(since))
            rows = await shown_to_others(conn, shelf, participant_id)
        title = WordsShown(id=TITLE.id, en=TITLE.en)
        return HeldShown(
            service=app.service.name,
            participant_id=participant_id,
            made_at=app.clock.wall(),
            tables=[TableShown(name=TABLE, title=title, rows=rows)] if rows else [],
            events=[],
            told=[WordsShown(id=one.id, en=one.en) for one in TOLD],
        )

    return routes
