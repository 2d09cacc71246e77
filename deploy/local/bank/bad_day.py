"""A bad day from opening to closing time: many customers at once, and what goes wrong with whom stands in `mishaps`.

What a customer is told again after a payment never changes the books: the bank contradicts itself, the money stays where it is.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter

from deploy.local.bank.behaviour import Behaviour
from deploy.local.bank.books import Payment, State
from deploy.local.bank.clock import elapsed_s
from deploy.local.bank.line import Line
from deploy.local.bank.mishaps import Visit, plan
from deploy.local.bank.repeat import repeat
from deploy.local.bank.requests import PlayBadDay, Repeat
from deploy.local.bank.tasks import Tasks
from deploy.local.bank.teller import Order, Teller
from deploy.local.outside.problems import Problem
from deploy.local.outside.stop import Stop


class BadDay:
    """One day; `view` tells how far it is and what it came to."""

    def __init__(self, visits: Sequence[Visit], *, concurrency: int) -> None:
        self._visits, self._concurrency = visits, min(concurrency, len(visits))
        self._finished: Counter[str] = Counter()
        self._states: Counter[State] = Counter()
        self._rupiah: Counter[State] = Counter()
        self._contradicted: Counter[str] = Counter()
        self._began_at = elapsed_s()
        self._ended_at: float | None = None

    async def run(self, teller: Teller, line: Line, stop: Stop) -> None:
        """Until the last customer has left, or the bank closes."""
        waiting = iter(self._visits)
        try:
            await asyncio.gather(*(self._work(waiting, teller, line, stop) for _ in range(self._concurrency)))
        finally:
            self._ended_at = elapsed_s()

    async def _work(self, waiting: Iterator[Visit], teller: Teller, line: Line, stop: Stop) -> None:
        for visit in waiting:
            if stop.wanted:
                return
            payment = await teller.pay(Order(visit.customer_no, None, visit.behaviour))
            self._note(payment)
            if visit.mishap.again and payment.state is State.DONE:
                await self._again(visit.mishap.again, payment, teller, line)
            self._finished[visit.mishap.name] += 1

    async def _again(self, how: str, payment: Payment, teller: Teller, line: Line) -> None:
        """The money once more without telling, or the same payment told with another amount or for another account."""
        if how == "taken":
            untold = Behaviour(never_call=True)
            self._note(await teller.pay(Order(payment.customer_no, payment.amount, untold)))
            return
        other = payment.customer_no[:-1] + str((int(payment.customer_no[-1]) + 1) % 10)
        wish = Repeat(amount=payment.amount + 1) if how == "other_amount" else Repeat(customer_no=other)
        reply = await repeat(line, payment, wish)
        self._contradicted[reply.code or "none"] += 1

    def _note(self, payment: Payment) -> None:
        self._states[payment.state] += 1
        self._rupiah[payment.state] += payment.amount

    def view(self) -> dict[str, Any]:
        """`mishaps`: visits that are over, by what went wrong; `states` as each ended at the counter, before the resolver went on."""
        return {
            "visits": len(self._visits),
            "finished": self._finished.total(),
            "running": self._ended_at is None,
            "seconds": round((self._ended_at or elapsed_s()) - self._began_at, 3),
            "mishaps": dict(sorted(self._finished.items())),
            "states": {state: {"count": self._states[state], "rupiah": self._rupiah[state]} for state in State},
            "contradicted": dict(sorted(self._contradicted.items())),
        }


def bad_day_routes(teller: Teller, line: Line, tasks: Tasks, stop: Stop) -> APIRouter:
    """The routes: begins a day, and how the latest one goes."""
    router = APIRouter()
    latest: list[BadDay] = []

    @router.post("/bad-day", status_code=202)
    async def play(asked: PlayBadDay) -> dict[str, Any]:
        if latest and latest[-1].view()["running"]:
            raise Problem(409, "day_running", "a bad day is being played: wait for its end")
        day = BadDay(plan(asked.customer_nos, asked.seed), concurrency=asked.concurrency)
        latest[:] = [day]
        tasks.start(day.run(teller, line, stop))
        return day.view()

    @router.get("/bad-day")
    async def progress() -> dict[str, Any]:
        if not latest:
            raise Problem(404, "no_day", "no bad day since this process started")
        return latest[-1].view()

    return router
