"""Paying for many: a round of orders, so many at once, with progress to look at meanwhile."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from deploy.local.bank.books import Payment, State
from deploy.local.bank.clock import elapsed_s
from deploy.local.bank.teller import Order, Teller
from deploy.local.outside.stop import Stop


class Round:
    """One round; `view` counts what has an outcome so far."""

    def __init__(self, orders: Sequence[Order], *, concurrency: int) -> None:
        self.round_id = secrets.token_hex(8)
        self._orders, self._concurrency = orders, concurrency
        self._counts: Counter[State] = Counter()
        self._rupiah: Counter[State] = Counter()
        self._codes: Counter[str] = Counter()
        self._began_at = elapsed_s()
        self._ended_at: float | None = None

    async def run(self, teller: Teller, stop: Stop) -> None:
        """Pays all orders; on closing time those in hand are finished and no more begun."""
        waiting = iter(self._orders)
        try:
            await asyncio.gather(*(self._work(waiting, teller, stop) for _ in range(self._concurrency)))
        finally:
            self._ended_at = elapsed_s()

    async def _work(self, waiting: Iterator[Order], teller: Teller, stop: Stop) -> None:
        for order in waiting:
            if stop.wanted:
                return
            self._note(await teller.pay(order))

    def _note(self, payment: Payment) -> None:
        self._counts[payment.state] += 1
        self._rupiah[payment.state] += payment.amount
        self._codes[payment.code or "none"] += 1

    def view(self) -> dict[str, Any]:
        """Progress and totals; `codes` counts the last answer to each payment."""
        return {
            "round_id": self.round_id,
            "asked": len(self._orders),
            "finished": self._counts.total(),
            "running": self._ended_at is None,
            "seconds": round((self._ended_at or elapsed_s()) - self._began_at, 3),
            "states": {state: {"count": self._counts[state], "rupiah": self._rupiah[state]} for state in State},
            "codes": dict(sorted(self._codes.items())),
        }


class Rounds:
    """The latest rounds, by id; they are forgotten with the process, their payments are not."""

    _KEPT = 100

    def __init__(self) -> None:
        self._rounds: dict[str, Round] = {}

    def add(self, found: Round) -> None:
        self._rounds[found.round_id] = found
        for old in list(self._rounds)[: -self._KEPT]:
            del self._rounds[old]

    def find(self, round_id: str) -> Round | None:
        return self._rounds.get(round_id)
