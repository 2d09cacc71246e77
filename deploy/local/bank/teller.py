"""What a teller does: ask what is owed, take the money, tell the biller, and say how it ended.

The money is in the books before the biller is told, and the books change only by what the biller answered.
"""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deploy.local.bank.answers import INQUIRY, Reply
from deploy.local.bank.behaviour import Behaviour
from deploy.local.bank.books import Books, Payment, State
from deploy.local.bank.clock import BusinessClock, snap_time
from deploy.local.bank.ids import new_external_id, new_request_id
from deploy.local.bank.line import Line
from deploy.local.bank.money import read_amount, write_amount
from deploy.local.bank.sending import Sending, spoilt_envelope
from deploy.local.bank.settings import Settings
from deploy.local.outside.stop import Stop


@dataclass(frozen=True)
class Order:
    """A customer's wish; without an amount the one of the inquiry is paid."""

    customer_no: str
    amount: int | None
    behaviour: Behaviour


@dataclass(frozen=True)
class Quote:
    """The answer to an inquiry; `amount` is None when nothing can be paid, and 0 for an open amount."""

    request_id: str
    external_id: str
    amount: int | None
    reply: Reply
    answers: list[str]


class Teller:
    """Works for many customers at once."""

    def __init__(self, settings: Settings, line: Line, books: Books, clock: BusinessClock, stop: Stop) -> None:
        self._settings, self._line, self._books, self._clock, self._stop = settings, line, books, clock, stop

    async def inquire(self, customer_no: str, behaviour: Behaviour) -> Quote:
        """Asks what is owed, again after no answer. The behaviour spoils the inquiry itself."""
        request_id = new_request_id()
        fields = {
            **self._numbers(customer_no),
            "trxDateInit": snap_time(self._clock.now()),
            "channelCode": self._settings.channel_code,
            "inquiryRequestId": request_id,
        }
        answers: list[str] = []
        for tried in range(1, self._settings.tries + 1):
            envelope = spoilt_envelope(behaviour)
            reply = await self._line.call(INQUIRY, fields, envelope)
            answers.append(reply.code or "none")
            if reply.code[:3] not in ("", "429", "500", "504") or not await self._pause(tried):
                break
        return Quote(request_id, envelope.external_id, _amount(reply, request_id), reply, answers)

    async def pay(self, order: Order) -> Payment:
        """Runs the order to an outcome; `unknown` is one, and the resolver goes on from there."""
        quote = await self._quote(order)
        amount = order.amount if order.amount is not None else quote.amount
        payment = self._entry(order, quote, (amount or 0) + order.behaviour.amount_off)
        self._books.add(payment)
        if payment.state is State.PENDING:
            await self._settle(payment, order.behaviour)
        return self.find(payment.payment_request_id)

    def find(self, payment_request_id: str) -> Payment:
        """A payment that is known to be in the books."""
        payment = self._books.find(payment_request_id)
        assert payment is not None
        return payment

    async def _quote(self, order: Order) -> Quote:
        """An inquiry, or what stands for one when the bank goes without."""
        if (order.behaviour.skip_inquiry or order.behaviour.never_call) and order.amount is not None:
            return Quote(new_request_id(), new_external_id(), order.amount, Reply("", ""), [])
        return await self.inquire(order.customer_no, Behaviour())

    def _entry(self, order: Order, quote: Quote, amount: int) -> Payment:
        """The row: refused when the inquiry was, done when the biller is never told, else pending."""
        payable = quote.amount is not None and amount > 0
        state = State.REFUSED if not payable else State.DONE if order.behaviour.never_call else State.PENDING
        number = self._books.next_number()
        taken_at = snap_time(self._clock.now() - timedelta(seconds=order.behaviour.earlier_s))
        reference_no = f"{number:012d}"
        no_amount = quote.amount is not None and not payable
        return Payment(
            number=number,
            payment_request_id=quote.request_id,
            reference_no=reference_no,
            customer_no=order.customer_no,
            virtual_account=self._settings.va_prefix + order.customer_no,
            amount=amount if payable else 0,
            state=state,
            refused_at=None if payable else "inquiry",
            told=not (payable and order.behaviour.never_call),
            trx_date_time=taken_at,
            body=self._body(order.customer_no, quote.request_id, amount, taken_at, reference_no) if payable else None,
            external_id=quote.external_id,
            code=quote.reply.code,
            message="an open amount needs an amount" if no_amount else quote.reply.message,
            answers=quote.answers,
            resolve_tries=0,
        )

    def _body(self, customer_no: str, request_id: str, amount: int, taken_at: str, reference_no: str) -> dict[str, Any]:
        return {
            **self._numbers(customer_no),
            "paymentRequestId": request_id,
            "channelCode": self._settings.channel_code,
            "paidAmount": write_amount(amount),
            "totalAmount": write_amount(amount),
            "trxDateTime": taken_at,
            "referenceNo": reference_no,
        }

    def _numbers(self, customer_no: str) -> dict[str, str]:
        """The three keys of a virtual account; the prefix is 8 characters, blanks in front."""
        prefix = self._settings.va_prefix.rjust(8)
        return {"partnerServiceId": prefix, "customerNo": customer_no, "virtualAccountNo": prefix + customer_no}

    async def _settle(self, payment: Payment, behaviour: Behaviour) -> None:
        """Sends the payment, repeats while it is in doubt, and writes what came of it, also when cut short."""
        sending = Sending(self._line, payment, behaviour)
        try:
            await self._stop.pause(behaviour.hold_s)
            await sending.first()
            for tried in range(1, self._settings.tries):
                if sending.final or not await self._pause(tried):
                    break
                await sending.again()
            sending.give_up()
        finally:
            sending.record(self._books)

    async def _pause(self, tried: int) -> bool:
        """Waits before the next try, longer each time; False when there is none: tries used up, or closing time."""
        if tried >= self._settings.tries:
            return False
        longest = min(self._settings.backoff_cap_s, self._settings.backoff_s * 2 ** (tried - 1))
        return await self._stop.pause(longest * random.uniform(0.5, 1))


def _amount(reply: Reply, request_id: str) -> int | None:
    """The sum of a good quote; an answer about another inquiry, or without a readable sum, quotes nothing."""
    if reply.code != "2002400" or reply.data.get("inquiryRequestId") != request_id:
        return None
    if reply.data.get("inquiryStatus", "00") != "00":
        return None
    return read_amount(reply.data.get("totalAmount"))
