"""Group commit: requests that arrive together share one transaction, and each is answered after the commit.

One batch of a door is in flight at a time; what arrives meanwhile is the next batch. So a hot key stays in one order, and the busier it gets
the larger the batches. Those who were answered together ask again together, a little apart: a batch waits for as many as the last one had,
some milliseconds at most. Else the first few would have a transaction of their own, which costs as much as that of all the others, and keep
the rest waiting for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Generic, TypeVar

from chassis import faults
from chassis.batches import Batches, Broken, name_of
from chassis.problems import OVERLOADED, Refusal, Rejected
from chassis.transaction import UseCase

C = TypeVar("C")
O = TypeVar("O")  # noqa: E741

MAX_BATCH = 128
MAX_WAITING = 4_096
LINGER_S, PAUSE_S = 0.004, 0.0005


class Door(Generic[C, O]):
    """One use case behind a queue. `submit` may be called from any number of tasks of one event loop."""

    def __init__(self, batches: Batches, use_case: UseCase[C, O], *, max_batch: int = MAX_BATCH) -> None:
        self._batches, self._use_case, self._max_batch = batches, use_case, max_batch
        self._waiting: deque[tuple[C, asyncio.Future[O]]] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._served = 0

    async def submit(self, command: C) -> O:
        """The durable outcome of this command.

        Raises Unavailable (outage: nothing promised), Refusal (queue full), or what the use case raised for this command alone.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise Refusal(Rejected(OVERLOADED))
        answer: asyncio.Future[O] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._work(), name="door")
        return await answer

    async def _work(self) -> None:
        while self._waiting:
            await self._gather()
            size = min(len(self._waiting), self._max_batch)
            batch = [self._waiting.popleft() for _ in range(size)]
            batch = [waiting for waiting in batch if not waiting[1].done()]  # who hung up before it began asks again
            self._served = len(batch)
            faults.point("queued", name_of(self._use_case))
            try:
                outcomes = await self._batches.run(self._use_case, [command for command, _ in batch])
            except Exception as error:  # settles: every waiter gets it
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            faults.point("committed", name_of(self._use_case))
            for (_, answer), outcome in zip(batch, outcomes, strict=True):
                if answer.done():
                    continue  # the caller hung up; what was committed stays
                if isinstance(outcome, Broken):
                    answer.set_exception(outcome.error)
                else:
                    answer.set_result(outcome)

    async def _gather(self) -> None:
        """Turns of the loop while they bring more, then a moment for as many as were served the last time; a batch at most.

        Who comes alone waits for nobody.
        """
        before, until = 0, time.monotonic() + LINGER_S
        while (now := len(self._waiting)) < self._max_batch:
            if now > before:
                before = now
                await asyncio.sleep(0)
            elif now < self._served and time.monotonic() < until:
                await asyncio.sleep(PAUSE_S)
            else:
                return
