"""The log over HTTP: what is odd about the order of its events or came on its topics and is none, and what it was when it was last signed."""

from __future__ import annotations

from fastapi import APIRouter

from chassis.http import NOT_FOUND, problems
from chassis.problems import Refusal, Rejected
from chassis.service import App, as_settings
from services.audit.api.shapes import CheckpointShown, OdditiesShown, OddityShown, RecordShown
from services.audit.api.sight import Auditor, Limit, Word, must_be_a_pair
from services.audit.domain.base64text import to_text
from services.audit.queries.log import newest
from services.audit.queries.order import Odd, Oddity, oddities
from services.audit.settings import Settings


def router(app: App) -> APIRouter:
    routes = APIRouter(tags=["archive"])
    log = as_settings(app, Settings).audit_log

    @routes.get("/oddities")
    async def odd(
        principal: Auditor,
        stream: Word | None = None,
        key: Word | None = None,
        oddity: Oddity | None = None,
        limit: Limit = 200,
    ) -> OdditiesShown:
        """Records that are no events of ours or have other bytes than what was archived under their id; then numbers that are missing or there
        twice, and events that came before their turn. Of one key, or of all (which reads the whole index); of one kind, or of each.
        """
        must_be_a_pair(stream, key)
        of = None if stream is None or key is None else (stream, key)
        async with app.read() as conn:
            found = await oddities(conn, of=of, kind=oddity, most=limit + 1)
        return OdditiesShown(items=[_shown(one) for one in found[:limit]], more=len(found) > limit)

    @routes.get("/checkpoints/newest", responses=problems(NOT_FOUND))
    async def checkpoint(principal: Auditor) -> CheckpointShown:
        """The last signed one; 404 before the first."""
        async with app.read() as conn:
            found = await newest(conn, log)
        if found is None:
            raise Refusal(Rejected(NOT_FOUND))
        return CheckpointShown.model_validate({name: getattr(found, name) for name in CheckpointShown.model_fields})

    return routes


def _shown(odd: Odd) -> OddityShown:
    record = odd.record and RecordShown(**odd.record._asdict() | {"hash": to_text(odd.record.hash)})
    return OddityShown(**odd._asdict() | {"record": record})
