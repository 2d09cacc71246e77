"""Asks the acquirers what they are to be asked: to make a code, and what became of one, with growing gaps until its end and a day.

A question is claimed before the call and settled after it, in transactions of their own; whoever dies in between lets it come again. The
same reference makes the same code, so a call whose answer got lost is asked about first and then repeated (snap.md section 9). Each acquirer
has rounds of its own: while one is silent, nobody's questions wait for it but its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from chassis import faults
from chassis.database import is_outage
from chassis.door import Door
from chassis.ids import new_id
from chassis.service import App
from chassis.telemetry import log
from chassis.transaction import Meta
from services.payments.acquirer import Acquirer
from services.payments.acquirer_registry import AcquirerRegistry
from services.payments.commands.qr import Answer, Answered, NotKnown, TakeAnswers
from services.payments.domain.qr import QrState
from services.payments.domain.snap.notices import QrStatus, Told
from services.payments.parameters import Parameters
from services.payments.queries import qr as queries
from services.payments.queries.qr import Question

IDLE_S = 0.5
AT_ONCE = 16
MARGIN_S = 2.0
"""Between the end of a question's calls and that of its lease: for storing what was answered."""


class QrDesk:
    """One per process; several share the questions by their claims."""

    def __init__(
        self, app: App, acquirer: Acquirer, registry: AcquirerRegistry, parameters: Parameters, *, lease: timedelta
    ) -> None:
        """A question whose calls outlast its `lease` counts as not answered."""
        self._app, self._acquirer, self.registry, self._lease = app, acquirer, registry, lease
        self._answers: Door[Answered, None] = app.door(TakeAnswers(parameters))

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped, after the questions in hand. Where no acquirer was ever agreed with there is nothing to look for."""
        begun: set[str] = set()
        try:
            async with asyncio.TaskGroup() as group:
                while not stop.is_set():
                    with _tried_again():
                        for partner in await self.registry.partners() - begun:
                            begun.add(partner)
                            group.create_task(self._rounds(partner, stop), name=f"qr-desk-{partner}")
                    await _pause(stop)
        finally:
            await self._acquirer.close()

    async def _rounds(self, partner: str, stop: asyncio.Event) -> None:
        """Of what is due at this acquirer; the first one is not given up for a stop that comes meanwhile."""
        while True:
            asked = 0
            with _tried_again(partner):
                asked = await self.ask(partner)
            if asked < AT_ONCE:
                await _pause(stop)
            if stop.is_set():
                return

    async def ask(self, of: str | UUID) -> int:
        """One round of what is due at an acquirer, or the question of one bill at once; how many there were. Raises Unavailable."""
        questions = await self._claim(of)
        await asyncio.gather(*(self._settle(question) for question in questions))
        return len(questions)

    async def _claim(self, of: str | UUID) -> list[Question]:
        clock = self._app.clock
        wall = clock.wall()
        async with self._app.engine.begin() as conn:  # lint: commit — plumbing: a claim is visible before the call
            return await queries.claim(
                conn, of=of, now=clock.business(), wall=wall, until=wall + self._lease, most=AT_ONCE
            )

    async def _settle(self, question: Question) -> None:
        faults.point("H1")
        answer = await self._within_lease(question)
        faults.point("H2")
        meta = Meta(actor=f"partner:{question.partner}", correlation_id=new_id())
        await self._answers.submit(Answered(question, answer, self._app.clock.business(), meta))

    async def _within_lease(self, question: Question) -> Answer:
        """Before anybody else may claim it."""
        try:
            async with asyncio.timeout(self._lease.total_seconds() - MARGIN_S):
                return await self._answer(question)
        except TimeoutError:
            return NotKnown()

    async def _answer(self, question: Question) -> Answer:
        qr = None
        if question.bill_id is not None:
            async with self._app.read() as conn:
                qr = (await queries.by_bill(conn, {question.bill_id})).get(question.bill_id)
        if qr is None or qr.state is not QrState.REQUESTED:
            return await self._acquirer.ask(question)
        if question.tries:
            told = await self._acquirer.ask(question)
            if isinstance(told, Told) and told.status is QrStatus.SUCCESS:
                return told
        return await self._acquirer.make(qr)


@contextlib.contextmanager
def _tried_again(partner: str | None = None) -> Iterator[None]:
    """What fails here ends no other acquirer's rounds, and is tried again after a pause; what is no outage is a bug, and is said so."""
    try:
        yield
    except Exception as error:  # settles: what is due stays due
        if not is_outage(error):
            log.error(
                "worker_failed",
                worker="qr-desk",
                partner=partner,
                error=type(error).__name__,
                exc_info=error,
                runbook="docs/operations.md#unexpected-errors",
            )


async def _pause(stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), IDLE_S)
