"""Wallets that pay codes, and the notices that follow: repeated until the merchant accepts, doubled or withheld on request."""

import random
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from deploy.local.acquirer.books import CANCELLED, FAILED, INITIATED, PAID, REFUNDED, Books, Code
from deploy.local.acquirer.doors import told
from deploy.local.acquirer.settings import Settings
from deploy.local.bank.clock import BusinessClock, snap_time
from deploy.local.bank.line import Envelope, Line
from deploy.local.outside.problems import Problem
from deploy.local.outside.stop import Stop

NOTICE = "52"


class Pay(BaseModel):
    """`POST /pay`: a wallet scans. `amount_off`: it pays so many rupiah more or fewer. `told`: how the merchant hears of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    content: str | None = None
    merchant_reference: str | None = None
    amount_off: Annotated[int, Field(ge=-10_000_000, le=10_000_000)] = 0
    fails: bool = False
    notices: Annotated[int, Field(ge=0, le=5)] = 1
    without_amount: bool = False
    corrupt_signature: bool = False


class Wallets:
    def __init__(self, settings: Settings, line: Line, books: Books, clock: BusinessClock, stop: Stop) -> None:
        self._settings, self._line, self._books, self._clock, self._stop = settings, line, books, clock, stop

    def take(self, wish: Pay) -> Code:
        """The money is in the books before the merchant is told. Raises `Problem` for a code that cannot be paid."""
        code = self._books.by_content(wish.content) if wish.content else None
        if wish.merchant_reference:
            code = self._books.find(merchant_reference=wish.merchant_reference)
        if code is None:
            raise Problem(404, "unknown_code", "no such code here")
        if code.status != INITIATED:
            raise Problem(409, "code_ended", "this code was used or has ended")
        if wish.fails:
            return self._books.settle(code, FAILED)
        at = snap_time(self._clock.now())
        return self._books.settle(code, PAID, amount=max(1, code.amount + wish.amount_off), at=at)

    def end(self, reference_no: str, status: str) -> Code:
        """A code cancelled, or its money given back. Raises `Problem`."""
        code = self._books.find(reference_no=reference_no)
        if code is None:
            raise Problem(404, "unknown_code", "no such code here")
        fits = {CANCELLED: INITIATED, REFUNDED: PAID}[status]
        if code.status != fits:
            raise Problem(409, "code_ended", "the code is not in a state for that")
        return self._books.settle(code, status)

    async def tell(self, code: Code, wish: Pay) -> list[str]:
        """Sends so many notices, each again until it is accepted; the answers' codes, `none` where none came."""
        answers: list[str] = []
        for _ in range(wish.notices):
            answers += await self._tell_once(code, wish)
        return answers

    async def _tell_once(self, code: Code, wish: Pay) -> list[str]:
        fields = told(code)
        if wish.without_amount:
            fields.pop("amount", None)
        answers = []
        for tried in range(1, self._settings.tries + 1):
            reply = await self._line.call(NOTICE, fields, Envelope(corrupt_signature=wish.corrupt_signature))
            answers.append(reply.code or "none")
            if reply.code == "2005200":
                self._books.told(code)
                break
            if reply.code[:3] in ("400", "401", "404") or tried == self._settings.tries:
                break
            if not await self._stop.pause(self._settings.backoff_s * 2 ** (tried - 1) * random.uniform(0.5, 1)):
                break
        return answers
