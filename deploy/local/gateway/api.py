"""What customers and tests ask: take a message, show what was taken, misbehave."""

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from deploy.local.gateway.behaviour import Behaviour, Mode
from deploy.local.gateway.clock import now
from deploy.local.gateway.messages import Message
from deploy.local.gateway.settings import Settings
from deploy.local.gateway.store import KeyReused, Outcome, Store
from deploy.local.outside.problems import Problem
from deploy.local.outside.stop import Stop


def api_routes(settings: Settings, store: Store, mode: Mode, stop: Stop) -> APIRouter:
    """The routes. Taking a message needs the API key; looking at them is open, as the page is."""
    router = APIRouter()

    @router.post("/messages", dependencies=[Depends(_customers_only(settings.api_key))])
    async def take(request: Request) -> Response:
        key = _key(request)
        message = Message.model_validate_json(await request.body())
        behaviour, answer = mode.behaviour, mode.next_answer()
        if answer == "too_many_requests":
            headers = {"Retry-After": str(behaviour.retry_after_s)}
            raise Problem(429, "too_many_requests", "slow down; see Retry-After", headers=headers)
        if answer == "timeout_before_accepting":
            return await _silence(behaviour, stop)
        message_id = _accept(key, message, behaviour)
        if answer == "timeout_after_accepting":
            return await _silence(behaviour, stop)
        if answer == "error_after_accepting":
            raise Problem(500, "internal_error", "something went wrong on our side")
        if answer == "malformed_after_accepting":
            return Response("<html>accepted</html>", status_code=202, media_type="text/html")
        return JSONResponse({"message_id": message_id, "status": "accepted"}, status_code=202)

    def _accept(key: str, message: Message, behaviour: Behaviour) -> str:
        try:
            return store.accept(
                key,
                message,
                _outcome(message, behaviour),
                at=now(),
                delay_s=settings.receipt_delay_s,
                honours_keys=behaviour.honours_keys,
            )
        except KeyReused:
            raise Problem(409, "key_reused", "this Idempotency-Key was used for another message") from None

    @router.get("/messages")
    async def messages(
        to: str | None = None,
        status: str | None = None,
        channel: str | None = None,
        reference: str | None = None,
        idempotency_key: str | None = None,
        limit: Annotated[int, Query(ge=0, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> dict[str, Any]:
        filters = {
            "to": to,
            "status": status,
            "channel": channel,
            "reference": reference,
            "idempotency_key": idempotency_key,
        }
        matching, found = store.list(filters, limit=limit, offset=offset)
        return {"counts": store.counts(), "matching": matching, "messages": found}

    @router.get("/messages/{message_id}")
    async def message(message_id: str) -> dict[str, Any]:
        if (found := store.find(message_id)) is None:
            raise Problem(404, "unknown_message", "no such message")
        return found

    @router.get("/behaviour")
    async def read_behaviour() -> Behaviour:
        return mode.behaviour

    @router.post("/behaviour")
    async def set_behaviour(wish: Behaviour) -> Behaviour:
        mode.set(wish)
        return mode.behaviour

    @router.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return router


def _customers_only(api_key: str) -> Any:
    async def check(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {api_key}".encode()):
            raise Problem(401, "unknown_customer", "send Authorization: Bearer with your API key")

    return check


def _key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "").strip()
    if not 1 <= len(key) <= 200:
        raise Problem(400, "key_missing", "send an Idempotency-Key header of 1 to 200 characters")
    return key


def _outcome(message: Message, behaviour: Behaviour) -> Outcome:
    receipts = {"normal": 1, "doubled": 2, "never": 0}[behaviour.receipts]
    if any(message.to.endswith(suffix) for suffix in behaviour.fail_suffixes):
        return Outcome("failed", behaviour.fail_reason, receipts)
    return Outcome("delivered", None, receipts)


async def _silence(behaviour: Behaviour, stop: Stop) -> Response:
    """No answer for long; a customer who waits till its end gets 504."""
    await stop.pause(behaviour.timeout_s)
    return Response(status_code=504)
