"""Sends what is queued: claim a batch, call the provider for all of it at once, record what came of it in one
transaction.

Every call is durable before it is made, carries the same key on every retry, and is bounded in time by less than its
lease. A sender that dies in between leaves an open attempt, and the next one knows that this message may have been
sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from datetime import timedelta

from chassis import faults
from chassis.batches import Batches, Broken
from chassis.clock import Clock
from chassis.privacy.vault import Vault
from chassis.telemetry import log, span
from services.notifications import metrics
from services.notifications.commands.send import Claim, Settle, claim, settle
from services.notifications.domain.sending import (
    Answer,
    Doubtful,
    NotCalled,
    NotTaken,
    Policy,
    decide_before_call,
    pause_before_next,
)
from services.notifications.gateway import Gateway, Message
from services.notifications.queries import ToSend
from services.notifications.texts import Texts, Unrenderable

IDLE_S = 0.1
"""Before the next look at a queue that holds less than a claim takes: what comes meanwhile goes out together, for the price of one."""


class Sender:
    """One per process; several processes share the queue by their claims."""

    def __init__(
        self,
        batches: Batches,
        gateway: Gateway,
        *,
        clock: Clock,
        vault: Vault,
        policy: Policy,
        concurrent: int,
        lease: timedelta,
    ) -> None:
        """`concurrent`: calls at once, and so messages per claim; `lease` must outlast a call."""
        self._batches, self.gateway, self._clock, self.policy = batches, gateway, clock, policy
        self._texts = Texts()
        self._claim, self._settle = claim(vault), settle(policy)
        self.wanted = Claim(concurrent, lease)

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped, after the batch in hand. While the provider takes nothing at all, it is asked less and less
        often.
        """
        fruitless = 0
        try:
            while not stop.is_set():
                answers = await self.send_batch()
                fruitless = fruitless + 1 if answers and all(isinstance(a, NotTaken | Doubtful) for a in answers) else 0
                more = len(answers) == self.wanted.most
                pause = self._pause(fruitless, answers) if fruitless else 0 if more else IDLE_S
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
        finally:
            await self.gateway.close()

    async def send_batch(self) -> list[Answer]:
        """One batch, from claim to record; the answers got, none when nothing is to be sent. Raises Unavailable."""
        (taken,) = await self._batches.run(self._claim, [self.wanted])
        if isinstance(taken, Broken):
            raise taken.error
        if not taken:
            return []
        faults.point("N4")
        answers = await asyncio.gather(*(self._answer(one) for one in taken))
        faults.point("N5")
        settled = [
            Settle(one.message.notification_id, one.attempt, answer) for one, answer in zip(taken, answers, strict=True)
        ]
        await self._batches.run(self._settle, settled)
        self._report(answers)
        return answers

    async def _answer(self, one: ToSend) -> Answer:
        message, recipient = one.message, one.recipient
        contact, address = recipient.contact, recipient.address(message.channel)
        now = self._clock.business()
        refusal = decide_before_call(message, one.attempt, self.policy, reachable=address is not None, now=now)
        if refusal is not None or contact is None or address is None:
            return refusal or NotCalled("forgotten")
        try:
            text = self._texts.render(
                message.template, message.template_version, message.language, message.values, name=contact.name
            )
        except Unrenderable as error:
            log.error(
                "message_unrenderable",
                notification_id=str(message.notification_id),
                reason=str(error),
                runbook="docs/operations.md#messaging-gateway",
            )
            return NotCalled("unrenderable")
        with span("notifications send", message.traceparent):
            return await self.gateway.send(
                Message(message.notification_id, address, message.channel, message.language, text)
            )

    def _pause(self, fruitless: int, answers: list[Answer]) -> float:
        wishes = [a.retry_after for a in answers if isinstance(a, NotTaken | Doubtful) and a.retry_after is not None]
        wish = max(wishes, default=None)
        return pause_before_next(fruitless, wish, self.policy, jitter=random.random()).total_seconds()

    def _report(self, answers: list[Answer]) -> None:
        counted = Counter(metrics.NAMES[type(answer)] for answer in answers)
        for name, count in counted.items():
            metrics.CALLS.labels(name).inc(count)
        log.info("messages_handed_over", **counted)
