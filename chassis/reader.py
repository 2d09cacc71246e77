"""What stands behind a subscriber: takes what was polled to a durable end, and waits an outage out with nothing acknowledged."""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence

from aiokafka.errors import KafkaError

from chassis.database import Unavailable, is_outage
from chassis.fuse import FuseBlown
from chassis.privacy.sealing import KeyUnavailable
from chassis.records import Record
from chassis.telemetry import log, metrics

PATIENCE_S = 30.0
"""How long one call waits out an outage before it hands the batch back and polls again: well inside max.poll.interval."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 2.0


class Reader(ABC):
    """The handler of one topic (without prefix). `consume` is free of FastStream, so tests and the parking retry drive it too."""

    def __init__(self, topic: str, *, service: str, patience_s: float = PATIENCE_S) -> None:
        self.topic, self.service = topic, service
        self._patience_s = patience_s
        self.busy = asyncio.Lock()
        self.draining = asyncio.Event()
        self.stopped_because: str | None = None
        self.waiting_because: str | None = None
        self.in_hand = 0
        self.ending = False

    @abstractmethod
    def work(self, found: Sequence[Record]) -> Callable[[], Awaitable[None]]:
        """Settles these records; called again after it raised, then goes on with what is left."""

    def end(self) -> None:
        """From now on no outage is waited out: the process is stopping."""
        self.ending = True
        self.draining.set()

    async def consume(self, found: Sequence[Record]) -> None:
        """Brings every record to a durable end.

        Raises Unavailable after the patience is used up and FuseBlown; then no offset may move.
        """
        started, wait = time.monotonic(), FIRST_WAIT_S
        self.waiting_because = None
        work = self.work(found)
        while True:
            try:
                await work()
                self.waiting_because = None
                return
            except FuseBlown:
                raise
            except Exception as error:  # nothing is acknowledged: whatever it is, the batch is tried again
                metrics.CONSUMER_RETRIES.labels(self.topic).inc()
                self._say(error)
                if time.monotonic() - started >= self._patience_s or self.draining.is_set():
                    raise Unavailable("outage outlasted the batch") from error
            await asyncio.sleep(wait * random.uniform(0.5, 1))
            wait = min(wait * 2, LONGEST_WAIT_S)

    def _say(self, error: Exception) -> None:
        """Once per reason, until the batch is through or handed back."""
        reason = type(error).__name__
        if reason == self.waiting_because:
            return
        self.waiting_because = reason
        topic, runbook = self.topic, "docs/operations.md#consumer-waits"
        if isinstance(error, KeyUnavailable | KafkaError) or is_outage(error):
            log.warning("consumer_waits", topic=topic, error=reason, runbook=runbook, exc_info=error)
        else:
            log.error("consumer_failed", topic=topic, error=reason, runbook=runbook, exc_info=error)


Keep = Callable[[Sequence[Record]], Awaitable[None]]
"""Makes records durable, all or none; what was kept before may come again. Raises when it could not: then no offset moves."""


class Keeper(Reader):
    """Hands the records of a topic on as they are: nothing is decoded, parked or passed over, and order is what the topic says."""

    def __init__(self, topic: str, keep: Keep, *, service: str, patience_s: float = PATIENCE_S) -> None:
        super().__init__(topic, service=service, patience_s=patience_s)
        self._keep = keep

    def work(self, found: Sequence[Record]) -> Callable[[], Awaitable[None]]:
        return lambda: self._keep(found)
