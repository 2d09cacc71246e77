"""The back office: books, settlement, the clock, single payments, and how the bank is to misbehave."""

from datetime import date
from typing import Annotated, Any

from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse

from deploy.local.bank.answers import Reply
from deploy.local.bank.behaviour import Mode
from deploy.local.bank.books import Books, Payment, State
from deploy.local.bank.clock import BusinessClock, snap_time
from deploy.local.bank.contradictions import contradict
from deploy.local.bank.keys import public_pem
from deploy.local.bank.line import Line
from deploy.local.bank.repeat import ask_for_status, repeat
from deploy.local.bank.requests import Repeat, SetBehaviour, SetClock
from deploy.local.bank.settings import Settings
from deploy.local.bank.settlement import settlement_file
from deploy.local.outside.problems import Problem


def console_routes(
    settings: Settings,
    key: rsa.RSAPrivateKey,
    books: Books,
    clock: BusinessClock,
    line: Line,
    mode: Mode,
) -> APIRouter:
    """The routes."""
    router = APIRouter()

    def known(payment_request_id: str) -> Payment:
        if (payment := books.find(payment_request_id)) is None:
            raise Problem(404, "unknown_payment", "no payment with this paymentRequestId in the books")
        return payment

    @router.get("/payments")
    async def payments(
        state: State | None = None,
        customer_no: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> dict[str, Any]:
        found = books.recent(state=state, customer_no=customer_no, limit=limit, offset=offset)
        return {"payments": [payment.view() for payment in found]}

    @router.get("/payments/{payment_request_id}")
    async def payment(payment_request_id: str) -> dict[str, Any]:
        return known(payment_request_id).view()

    @router.post("/payments/{payment_request_id}/repeat")
    async def repeat_payment(payment_request_id: str, wish: Repeat) -> dict[str, Any]:
        return reply_view(await repeat(line, known(payment_request_id), wish))

    @router.post("/payments/{payment_request_id}/status")
    async def ask_status(payment_request_id: str) -> dict[str, Any]:
        found = known(payment_request_id)
        reply = await ask_for_status(line, books, found)
        return {**reply_view(reply), "payment": known(payment_request_id).view()}

    @router.post("/payments/{payment_request_id}/take-back")
    async def take_back(payment_request_id: str) -> dict[str, Any]:
        found = known(payment_request_id)
        if not books.take_back(payment_request_id) and found.state is not State.TAKEN_BACK:
            raise Problem(409, "not_done", "only what was done can be taken back")
        return known(payment_request_id).view()

    @router.post("/resolve")
    async def resolve() -> dict[str, int]:
        return {"due": books.revive()}

    @router.get("/books")
    async def totals() -> dict[str, Any]:
        return {"business_time": snap_time(clock.now()), **books.totals(max_tries=settings.resolve_tries)}

    @router.get("/settlement/{day}", response_class=PlainTextResponse)
    async def settlement(day: date) -> PlainTextResponse:
        text = settlement_file(settings.partner_id, day, books.done_on(day.isoformat()))
        return PlainTextResponse(text, media_type="text/csv")

    @router.get("/settlement/{day}/contradicting")
    async def contradicting(day: date, each: Annotated[int, Query(ge=1, le=1000)] = 3, seed: int = 7) -> dict[str, Any]:
        false = contradict(books.done_on(day.isoformat()), each, seed)
        return {
            "file": settlement_file(settings.partner_id, day, false.lines, false.spoilt),
            "omitted": false.omitted,
            "changed": false.changed,
            "doubled": false.doubled,
            "spoilt": sorted(false.lines[place].payment_request_id for place in false.spoilt),
        }

    @router.get("/clock")
    async def read_clock() -> dict[str, str]:
        return {"now": snap_time(clock.now())}

    @router.post("/clock")
    async def tell_clock(told: SetClock) -> dict[str, str]:
        clock.tell(told.now)
        return {"now": snap_time(clock.now())}

    @router.get("/behaviour")
    async def read_behaviour() -> dict[str, Any]:
        return {**mode.behaviour.model_dump(), "payments": mode.left}

    @router.post("/behaviour")
    async def set_behaviour(wish: SetBehaviour) -> dict[str, Any]:
        mode.set(wish.behaviour(), wish.payments)
        return {**mode.behaviour.model_dump(), "payments": mode.left}

    @router.get("/public-key", response_class=PlainTextResponse)
    async def public_key() -> str:
        return public_pem(key)

    @router.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return router


def reply_view(reply: Reply) -> dict[str, Any]:
    """The biller's answer as it came."""
    return {"code": reply.code, "message": reply.message, "virtual_account_data": reply.data}
