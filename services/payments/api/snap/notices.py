"""The door of a QRIS acquirer: its notices (service 52), proven, numbered and answered as any SNAP call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from chassis.door import Door
from chassis.http import correlation_id, direct
from chassis.service import App
from chassis.telemetry import current_traceparent
from chassis.transaction import Meta
from contracts.values import WIB
from services.payments.api.snap import answers
from services.payments.api.snap.gate import Admitted
from services.payments.api.snap.routes import SERVICES, Answer, Counter, Exchange
from services.payments.commands.calls import Call
from services.payments.commands.qr import TakeNotices
from services.payments.domain.snap import codes
from services.payments.domain.snap.codes import Service
from services.payments.domain.snap.fields import Malformed, read
from services.payments.domain.snap.notices import Told, read_notice
from services.payments.domain.snap.strict import VERSIONS
from services.payments.parameters import Parameters
from services.payments.registry import Registry

OPERATION = "qr/qr-mpm-notify"
NOTICE_PATHS = tuple(f"/snap/{version}/{OPERATION}" for version in VERSIONS)
SERVICES.update(dict.fromkeys(NOTICE_PATHS, Service.QR_NOTICE))


class NoticeCounter(Counter):
    """As the counter of banks, with one service; nothing of a notice is echoed."""

    def __init__(self, app: App, registry: Registry, parameters: Parameters) -> None:
        super().__init__(app, registry, parameters)
        door: Door[Any, Any] = app.door(TakeNotices(parameters))
        self._doors = {Service.QR_NOTICE: door}

    def _read(self, exchange: Exchange, admitted: Admitted, raw: bytes) -> Call[Any]:
        terms = admitted.partner.terms
        request: Told | codes.Case
        try:
            request = read_notice(read(raw), amount_digits=terms.strictness.amount_digits)
        except Malformed as malformed:
            request = malformed.case
        return Call(
            partner=terms.partner,
            request=request,
            external_id=admitted.external_id,
            content=admitted.content,
            day=self._clock.wall().astimezone(WIB).date(),
            profile=terms.repeat_profile,
            received_at=self._clock.business(),
            meta=Meta(
                actor=f"partner:{terms.partner}",
                correlation_id=correlation_id(exchange.request),
                traceparent=current_traceparent(),
            ),
        )

    def _render(self, exchange: Exchange, outcome: Any) -> Answer:
        return outcome, answers.plain(exchange.service, outcome)

    def _refusal(self, exchange: Exchange, case: codes.Case) -> answers.Body:
        return answers.plain(exchange.service, case)


def router(app: App, registry: Registry, parameters: Parameters) -> APIRouter:
    counter, routes = NoticeCounter(app, registry, parameters), APIRouter(tags=["snap"])
    for path in NOTICE_PATHS:
        routes.add_api_route(path, _route(counter), methods=["POST"], name="snap qr notice")
    return routes


def _route(counter: NoticeCounter) -> Callable[[Request], Awaitable[Response]]:
    @direct
    async def answer(request: Request) -> Response:
        return await counter.answer(Service.QR_NOTICE, request)

    return answer
