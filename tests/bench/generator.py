"""A cheap load generator: raw keep-alive connections, requests rendered beforehand, one timestamp before and one after.

It runs in a thread with an event loop of its own (uvloop), so that nothing else of the benchmark gets in its way. An open loop
sends at fixed times whatever became of earlier requests; its latency counts from the scheduled arrival, and how late it wrote is
told, so that a generator that could not keep up is seen.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import uvloop

from tests.bench.latency import Latency, percentile
from tests.bench.wire import Reader

T = TypeVar("T")
Done = Callable[["Answer"], None]
ANSWERS_WITHIN_S = 60.0
FRESH_S = 3.0
"""A connection that was idle for longer is left: the servers close theirs after five seconds, perhaps just as we write."""


class Broke(RuntimeError):
    """A connection ended, or an answer did not come: there is no figure from such a run."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One request's answer. Times are of `time.perf_counter`; `began` is the send, in an open loop the scheduled arrival."""

    number: int
    status: int
    body: bytes
    began: float
    ended: float

    @property
    def latency_ms(self) -> float:
        return (self.ended - self.began) * 1000


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._reader = Reader()
        self._transport: asyncio.Transport | None = None
        self._waits: tuple[int, float, Done] | None = None
        self.used = time.perf_counter()
        self.lost: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass of it

    def send(self, number: int, request: bytes, began: float, done: Done) -> None:
        """Calls `done` with the answer; raises Broke when the connection is gone."""
        if self._transport is None or self.lost is not None:
            raise Broke(f"a connection ended: {self.lost}")
        self._waits = number, began, done
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        answer = self._reader.feed(data)
        if answer is not None and self._waits is not None:
            (number, began, done), self._waits = self._waits, None
            self.used = time.perf_counter()
            done(Answer(number, answer[0], answer[1], began, self.used))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = exc or ConnectionResetError("closed by the server")

    @property
    def fresh(self) -> bool:
        """Whether the server surely has it open still."""
        return self.lost is None and time.perf_counter() - self.used < FRESH_S

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


@dataclass
class Load:
    """What a run of the generator saw. `window`: from the end of the warm-up to the last send, in `perf_counter` seconds."""

    answers: list[Answer]
    window: tuple[float, float]
    lateness_ms: Sequence[float] = ()
    offered_per_s: float | None = None

    @property
    def measured(self) -> list[Answer]:
        """Answers that fell into the window (closed loop: by their end; open loop: by their scheduled arrival)."""
        first, last = self.window
        return [a for a in self.answers if first <= (a.began if self.lateness_ms else a.ended) < last]

    @property
    def per_s(self) -> float:
        return len(self.measured) / (self.window[1] - self.window[0])

    def latency(self) -> Latency:
        late = percentile(self.lateness_ms, 99) if self.lateness_ms else None
        samples = [a.latency_ms for a in self.measured]
        return Latency(samples, bool(self.lateness_ms), self.offered_per_s, late)

    def unexpected(self, *expected: int) -> int:
        """Answers of another status."""
        return sum(a.status not in expected for a in self.answers)


async def in_thread(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs the work in a uvloop of its own; the caller's loop stays free, and idle."""

    def run() -> T:
        gc.collect()
        gc.freeze()  # what was rendered is not looked through again and again
        try:
            return uvloop.run(work())
        finally:
            gc.unfreeze()

    return await asyncio.to_thread(run)


async def closed_loop(
    urls: Sequence[str], requests: Iterable[bytes], *, connections: int, warmup_s: float, measured_s: float
) -> Load:
    """Each connection sends its next request when the last is answered, until time or requests run out (then Broke)."""
    lines = await _connect(urls, connections)
    load = Load([], (0.0, 0.0))
    left = iter(enumerate(requests))
    began = time.perf_counter()
    load.window = began + warmup_s, began + warmup_s + measured_s
    loop, ended = asyncio.get_running_loop(), [False] * connections
    finished = loop.create_future()

    def go(line: int) -> None:
        now = time.perf_counter()
        if now >= load.window[1]:
            ended[line] = True
            if all(ended) and not finished.done():
                finished.set_result(None)
            return
        try:
            number, request = next(left)
            lines[line].send(number, request, now, lambda answer: took(line, answer))
        except (StopIteration, Broke) as error:
            why = "requests ran out" if isinstance(error, StopIteration) else str(error)
            if not finished.done():
                finished.set_exception(Broke(f"after {len(load.answers)} answers: {why}"))

    def took(line: int, answer: Answer) -> None:
        load.answers.append(answer)
        go(line)

    try:
        for line in range(connections):
            go(line)
        async with asyncio.timeout(warmup_s + measured_s + ANSWERS_WITHIN_S):
            await finished
    finally:
        for one in lines:
            one.close()
    return load


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """Arrival times in seconds from 0, fixed beforehand: exponential gaps, the same for the same seed."""
    draw = random.Random(seed)
    times: list[float] = []
    at = draw.expovariate(rate)
    while at < seconds:
        times.append(at)
        at += draw.expovariate(rate)
    return times


class OpenLoop:
    """Sends each request at its time, over a free connection or a new one; never skips, never waits for an earlier answer."""

    def __init__(self, urls: Sequence[str], *, connections: int = 64) -> None:
        self._urls, self._first = urls, connections
        self._free: list[Connection] = []
        self._opened = 0
        self._opening: set[asyncio.Future[None]] = set()

    async def __aenter__(self) -> OpenLoop:
        self._free = await _connect(self._urls, self._first)
        self._opened = self._first
        return self

    async def __aexit__(self, *_: object) -> None:
        for line in self._free:
            line.close()

    async def run(
        self,
        schedule: Sequence[float],
        request: Callable[[int], bytes],
        *,
        start: float,
        answered: Done,
        late: Callable[[float], None],
    ) -> None:
        """Arrivals `schedule` (seconds after `start`, ascending); back when the last was sent. `late` is told each lateness in ms."""
        for number, after in enumerate(schedule):
            due = start + after
            await _until(due)
            self.send(number, request(number), due, answered)
            late((time.perf_counter() - due) * 1000)

    def send(self, number: int, request: bytes, due: float, answered: Done) -> None:
        """Now, over the connection that was used last; `due` is what the latency counts from."""
        while self._free and not self._free[-1].fresh:
            self._free.pop().close()
        if not self._free:
            task = asyncio.ensure_future(self._open_and_send(number, request, due, answered))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
            return
        self._send(self._free.pop(), number, request, due, answered)

    def _send(self, line: Connection, number: int, request: bytes, due: float, answered: Done) -> None:
        def done(answer: Answer) -> None:
            self._free.append(line)
            answered(answer)

        line.send(number, request, due, done)

    async def _open_and_send(self, number: int, request: bytes, due: float, answered: Done) -> None:
        (line,) = await _connect([self._urls[self._opened % len(self._urls)]], 1)
        self._opened += 1
        self._send(line, number, request, due, answered)


async def _until(due: float) -> None:
    """Sleeps until a moment of `perf_counter`; gives way once even when it has passed."""
    await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def _connect(urls: Sequence[str], number: int) -> list[Connection]:
    loop = asyncio.get_running_loop()

    async def one(url: str) -> Connection:
        place = urlsplit(url)
        _, line = await loop.create_connection(Connection, place.hostname or "127.0.0.1", place.port or 80)
        return line

    return [*await asyncio.gather(*(one(urls[n % len(urls)]) for n in range(number)))]
