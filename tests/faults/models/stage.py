"""A stage on which real processes-in-threads act one step at a time: each stops at every fault point until the director lets it go on.

An actor has a thread, an event loop and connections of its own. Of several that could go on, the director picks one by its seed; it may also kill
one at the point where it stands. An actor that waits for another's row lock is passed over until the lock is free.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from typing import Any

import asyncpg

Job = Callable[[], Awaitable[Any]]
STUCK_S = 20.0
_LOCKED = "SELECT application_name FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = ANY($1::text[])"
_here = threading.local()


class Killed(BaseException):
    """The process died at this point: whatever it had in hand is rolled back, and nobody hears of it."""


class Actor:
    """One process. `at` is the point where it waits, None while it works; `done` when it has nothing to do."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.at: str | None = None
        self.done = True
        self._go = threading.Semaphore(0)
        self._killed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        _here.actor = self
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def off_stage(self, job: Job) -> Any:
        """Does a job without any stops; blocks."""
        return asyncio.run_coroutine_threadsafe(self._free(job), self._loop).result(60)

    async def _free(self, job: Job) -> Any:
        _here.actor = None
        try:
            return await job()
        finally:
            _here.actor = self

    def act(self, job: Job) -> Future[Any]:
        """Begins a job; it stops before its first step already."""
        self.done, self.at = False, None
        return asyncio.run_coroutine_threadsafe(self._acting(job), self._loop)

    async def _acting(self, job: Job) -> None:
        try:
            self.pause("begin")
            await job()
        finally:
            self.done = True

    def pause(self, name: str) -> None:
        """Called in the actor's own thread."""
        self.at = name
        self._go.acquire()
        if self._killed:
            self._killed = False
            raise Killed(name)

    def release(self, *, kill: bool = False) -> None:
        self._killed, self.at = kill, None
        self._go.release()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


def point(name: str, detail: str = "") -> None:
    """What stands in for chassis.faults.point during a play."""
    actor = getattr(_here, "actor", None)
    if actor is not None:
        actor.pause(name)


class Director:
    """Lets the actors of one interleaving go on, one step at a time, in the order of its seed."""

    def __init__(self, watcher: asyncpg.Connection[asyncpg.Record], chance: random.Random, *, kills: int) -> None:
        """`watcher` sees who waits for a lock; at most so many `kills` happen."""
        self._watcher, self._chance, self._kills = watcher, chance, kills
        self.steps, self.killed = 0, 0

    async def play(self, cast: Sequence[tuple[Actor, Job]]) -> None:
        """Until every job is through. Raises what a job raised, other than Killed."""
        playing = [actor.act(job) for actor, job in cast]
        actors = [actor for actor, _ in cast]
        began = time.monotonic()
        while not all(future.done() for future in playing):
            assert time.monotonic() - began < STUCK_S, f"stuck: {[(a.name, a.at, a.done) for a in actors]}"
            if await self._all_stand(actors):
                standing = [a for a in actors if a.at is not None and not a.done]
                if standing:
                    self._next(self._chance.choice(standing))
        for future in playing:
            future.result()

    def _next(self, actor: Actor) -> None:
        kill = actor.at != "begin" and self._kills > self.killed and self._chance.random() < 0.1
        self.steps += 1
        self.killed += kill
        actor.release(kill=kill)

    async def _all_stand(self, actors: Sequence[Actor]) -> bool:
        """Whether nobody works: each waits at a point, for a lock, or is through."""
        for pause in (0, 0.0005, 0.001, 0.002):
            await asyncio.sleep(pause)
            if not (working := [a for a in actors if a.at is None and not a.done]):
                return True
        rows = await self._watcher.fetch(_LOCKED, [actor.name for actor in working])
        locked = {row["application_name"] for row in rows}
        return all(actor.name in locked or actor.at is not None or actor.done for actor in working)
