"""Payments in doubt: ask the biller for their status, advise what it does not hold, again and again, with an end.

An unknown payment stays unknown until an answer about that very payment settles it; after the last try it waits for
a person (`POST /resolve`).
"""

import asyncio
import logging
import sqlite3

from deploy.local.bank.behaviour import Behaviour
from deploy.local.bank.books import Books, Payment
from deploy.local.bank.clock import wall_now
from deploy.local.bank.line import Line
from deploy.local.bank.sending import Sending
from deploy.local.bank.settings import Settings
from deploy.local.outside.stop import Stop

_AT_ONCE = 8
_LOOK_EVERY_S = 0.5


class Resolver:
    """Works in the background of the bank."""

    def __init__(self, settings: Settings, line: Line, books: Books, stop: Stop) -> None:
        self._settings, self._line, self._books, self._stop = settings, line, books, stop

    async def run(self) -> None:
        """Until the bank closes. What is due is tried eight at a time."""
        while not self._stop.wanted:
            try:
                due = self._books.due(wall_now().timestamp(), max_tries=self._settings.resolve_tries, limit=_AT_ONCE)
                await asyncio.gather(*(self.resolve(payment) for payment in due))
            except sqlite3.Error:  # such as a full disk: heals, and the payments are still in the books
                logging.exception("the books cannot be used; trying again")
                due = []
            if not due:
                await self._stop.pause(_LOOK_EVERY_S)

    async def resolve(self, payment: Payment) -> None:
        """One try for one unknown payment: status, then advice when the biller does not hold it."""
        tries = payment.resolve_tries + 1
        wait_s = min(self._settings.resolve_cap_s, self._settings.backoff_s * 2 ** min(tries, 20))
        # Before the calls: whatever happens in them, this payment is not tried in a tight loop.
        until = wall_now().timestamp() + wait_s
        self._books.postpone(payment.payment_request_id, tries=tries, until=until)
        sending = Sending(self._line, payment, Behaviour(), in_doubt=True)
        if await sending.ask():
            await sending.again()
        sending.record(self._books)
