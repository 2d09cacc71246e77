"""A payment of the books sent or asked for once more, to see what the biller says."""

from typing import Any

from deploy.local.bank.answers import PAYMENT, Reply
from deploy.local.bank.behaviour import Behaviour
from deploy.local.bank.books import Books, Payment, State
from deploy.local.bank.ids import new_external_id
from deploy.local.bank.line import Envelope, Line
from deploy.local.bank.money import write_amount
from deploy.local.bank.requests import Repeat
from deploy.local.bank.sending import Sending
from deploy.local.outside.problems import Problem


async def repeat(line: Line, payment: Payment, wish: Repeat) -> Reply:
    """The biller's answer to the same paymentRequestId, as it was or changed. The books stay as they are."""
    if payment.body is None or payment.external_id is None:
        raise _never_sent()
    external_id = payment.external_id if wish.same_external_id else new_external_id()
    fields = {**payment.body, **_changes(payment.body, wish), "flagAdvise": "Y" if wish.advise else "N"}
    return await line.call(PAYMENT, fields, Envelope(external_id))


async def ask_for_status(line: Line, books: Books, payment: Payment) -> Reply:
    """The biller's answer to status (26); it settles a payment that is unknown, and no other."""
    if payment.body is None:
        raise _never_sent()
    sending = Sending(line, payment, Behaviour(), in_doubt=True)
    await sending.ask()
    if payment.state is State.UNKNOWN:
        sending.record(books)
    return sending.last


def _never_sent() -> Problem:
    return Problem(409, "never_sent", "this payment was refused at its inquiry: there is nothing to ask or repeat")


def _changes(body: dict[str, Any], wish: Repeat) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if wish.amount is not None:
        changes |= {"paidAmount": write_amount(wish.amount), "totalAmount": write_amount(wish.amount)}
    if wish.customer_no is not None:
        virtual_account = body["partnerServiceId"] + wish.customer_no
        changes |= {"customerNo": wish.customer_no, "virtualAccountNo": virtual_account}
    return changes
