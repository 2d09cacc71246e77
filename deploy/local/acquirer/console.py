"""The acquirer's desk: wallets that pay, books, the day's file, the clock, and answers that get lost."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import APIRouter, Body, Query
from fastapi.responses import PlainTextResponse

from deploy.local.acquirer.books import CANCELLED, REFUNDED, Books, Code
from deploy.local.acquirer.doors import Doors
from deploy.local.acquirer.settings import Settings
from deploy.local.acquirer.wallet import Pay, Wallets
from deploy.local.bank.clock import BusinessClock, snap_time
from deploy.local.bank.keys import public_pem
from deploy.local.bank.requests import SetClock
from deploy.local.outside.problems import Problem

FEE_BPS = 30
"""What it keeps of every payment: 0.3 %, rounded down."""


def fee_of(code: Code) -> int:
    return code.paid_amount * FEE_BPS // 10_000


def settlement_file(settings: Settings, day: date, codes: Sequence[Code]) -> str:
    """CSV with LF ends: titles, one line per payment, and a last line with count and sums. Layout: README.md."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n", delimiter=";")
    lines.writerow([settings.merchant_id, f"{day:%d/%m/%Y}"])
    lines.writerow(["RRN", "Merchant Ref", "Waktu", "Nominal", "MDR"])
    for code in codes:
        when = (
            f"{code.paid_at[8:10]}/{code.paid_at[5:7]}/{code.paid_at[:4]} {code.paid_at[11:19]}" if code.paid_at else ""
        )
        lines.writerow(
            [code.reference_no, code.merchant_reference, when, _rupiah(code.paid_amount), _rupiah(fee_of(code))]
        )
    total, fees = sum(code.paid_amount for code in codes), sum(map(fee_of, codes))
    lines.writerow([len(codes), _rupiah(total), _rupiah(fees)])
    return text.getvalue()


def _rupiah(amount: int) -> str:
    """As people write it: 36.800,00."""
    return f"{amount:,}".replace(",", ".") + ",00"


def console_routes(
    settings: Settings, key: rsa.RSAPrivateKey, books: Books, clock: BusinessClock, wallets: Wallets, doors: Doors
) -> APIRouter:
    router = APIRouter()

    def known(reference_no: str) -> Code:
        if (code := books.find(reference_no=reference_no)) is None:
            raise Problem(404, "unknown_code", "no such code here")
        return code

    @router.post("/pay")
    async def pay(wish: Pay) -> dict[str, Any]:
        code = wallets.take(wish)
        answers = await wallets.tell(code, wish)
        return {**known(code.reference_no).view(), "answers": answers}

    @router.post("/codes/{reference_no}/tell")
    async def tell(reference_no: str, wish: Pay) -> dict[str, Any]:
        """The notice of its status once more."""
        return {"answers": await wallets.tell(known(reference_no), wish)}

    @router.post("/codes/{reference_no}/cancel")
    async def cancel(reference_no: str) -> dict[str, Any]:
        return {"answers": await wallets.tell(wallets.end(reference_no, CANCELLED), Pay())}

    @router.post("/codes/{reference_no}/refund")
    async def refund(reference_no: str) -> dict[str, Any]:
        return {"answers": await wallets.tell(wallets.end(reference_no, REFUNDED), Pay())}

    @router.get("/codes")
    async def codes(
        status: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> dict[str, Any]:
        return {"codes": [one.view() for one in books.recent(status=status, limit=limit, offset=offset)]}

    @router.get("/codes/{reference_no}")
    async def code(reference_no: str) -> dict[str, Any]:
        return known(reference_no).view()

    @router.get("/books")
    async def totals() -> dict[str, Any]:
        return {"business_time": snap_time(clock.now()), "statuses": books.totals()}

    @router.get("/settlement/{day}", response_class=PlainTextResponse)
    async def settlement(day: date) -> PlainTextResponse:
        return PlainTextResponse(settlement_file(settings, day, books.taken_on(day.isoformat())), media_type="text/csv")

    @router.post("/drop-answers")
    async def drop(number: Annotated[int, Body(ge=0, le=1_000, embed=True)]) -> dict[str, int]:
        """So many answers to the merchant's calls get lost after they took effect."""
        doors.drop_answers = number
        return {"number": number}

    @router.post("/clock")
    async def tell_clock(told: SetClock) -> dict[str, str]:
        clock.tell(told.now)
        return {"now": snap_time(clock.now())}

    @router.get("/public-key", response_class=PlainTextResponse)
    async def public_key() -> str:
        return public_pem(key)

    @router.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return router
