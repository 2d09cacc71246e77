"""Each hop of a core cycle alone: so many people go through one hop while nothing else of ours runs, then through the next.

The CPU of all hops together, PostgreSQL and Kafka included, is what a cycle costs when nothing gets in anything's way; cores
divided by it, and by what generator and simulators burn, is the limit L. What a process burns to start up is measured without
work and taken off.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from tests.bench import applications, lag, snap
from tests.bench.bulk import Resident
from tests.bench.cpu import Cpu, family_seconds
from tests.bench.generator import Answer, OpenLoop, in_thread
from tests.bench.ground import Ground
from tests.bench.rounds import NoResult
from tests.bench.snap import Bank

CONNECTIONS = 64
WITHIN_S = 180.0
POLL_S = 0.05

Condition = Callable[[], Awaitable[bool]]


@dataclass
class Hop:
    """One hop: CPU seconds per person, ours and the world's, and how fast it went alone."""

    name: str
    platform_s: float
    outside_s: float
    per_s: float


@dataclass
class Isolated:
    """All hops of one round."""

    people: int
    hops: list[Hop] = field(default_factory=list)

    @property
    def platform_s(self) -> float:
        """Σ n · c: CPU seconds of ours per cycle."""
        return sum(hop.platform_s for hop in self.hops)

    @property
    def outside_s(self) -> float:
        """s: CPU seconds of generator and simulators per cycle."""
        return sum(hop.outside_s for hop in self.hops)

    def limit_per_s(self, cores: int) -> float:
        """L: cycles per second if every hop cost in the whole what it costs alone."""
        return cores / (self.platform_s + self.outside_s)

    def hops_us(self) -> dict[str, float]:
        """Microseconds per cycle by hop; hops of one name are added up."""
        found: dict[str, float] = {}
        for hop in self.hops:
            found[hop.name] = round(found.get(hop.name, 0.0) + 1e6 * hop.platform_s, 1)
        return found

    @property
    def slowest_per_s(self) -> float:
        return min(hop.per_s for hop in self.hops)


class Line:
    """The hops in their order. Entered with every process of ours down; each hop starts what it needs."""

    def __init__(self, ground: Ground, bank: Bank, people: int) -> None:
        self._ground, self._bank, self._people = ground, bank, people
        self._start_s: dict[str, float] = {}
        self.found = Isolated(people)

    async def play(self) -> Isolated:
        """Raises NoResult when somebody did not get through."""
        await self._calibrate()
        asked = await applications.render(self._ground, self._people)
        residents: list[Resident] = []

        async def register() -> None:
            for answer in await self._send(self._ground.estate.url("registration-api"), asked.requests):
                if answer.status != applications.CREATED:
                    raise NoResult(f"isolated: a registration was answered {answer.status}")
                residents.append(asked.resident(answer))

        await self._hop("register", ["registration-api"], work=register)
        await self._relay("registration")
        await self._read("bill", "payments", "participants", with_keys=True)
        await self._relay("payments")
        await self._read(
            "recipient and welcome noted", "notifications", "participants", "contributions", with_keys=True
        )
        await self._messages()
        await self._hop("bank payment", ["payments-api"], work=lambda: self._pay(residents))
        await self._relay("payments")
        await self._read("protection", "registration", "contributions")
        await self._relay("registration")
        await self._read("what is passed over", "payments", "participants", with_keys=True)
        await self._read("receipt noted", "notifications", "participants", "contributions", with_keys=True)
        await self._messages()
        await self._relay("notifications")
        await self._read("what is passed over", "registration", "notifications")
        return self.found

    async def _messages(self) -> None:
        async def none_queued() -> bool:
            query = "SELECT count(*) FROM notifications WHERE state = 'QUEUED'"
            return await self._ground.count("notifications", query) == 0

        await self._hop("outbound calls", ["notifications-workers"], until=none_queued, with_keys=True)

    async def _relay(self, service: str) -> None:
        async def published() -> bool:
            return await lag.unpublished(self._ground.stack, service) == 0

        await self._hop("relay, all events", [f"{service}-relay"], until=published)

    async def _read(self, name: str, service: str, *topics: str, with_keys: bool = False) -> None:
        async with lag.Watch(self._ground.stack) as watch:

            async def read() -> bool:
                return sum([await watch.lag(service, topic) for topic in topics]) == 0

            await self._hop(name, [f"{service}-consumers"], until=read, with_keys=with_keys)

    async def _hop(
        self,
        name: str,
        processes: Sequence[str],
        *,
        until: Condition | None = None,
        work: Callable[[], Awaitable[None]] | None = None,
        with_keys: bool = False,
    ) -> None:
        """Does the work against processes that are up, or starts them on what waits for them until it is done."""
        ground = self._ground
        keeper = ["registration-api"] if with_keys else []  # persons' keys are asked of it
        async with AsyncExitStack() as stack:
            for process in [*keeper, *(processes if work else ())]:
                await self._up(process, stack)
            async with ground.measured() as spent:
                if work is not None:
                    await work()
                else:
                    for process in processes:
                        await ground.estate.start(process)
                        stack.push_async_callback(ground.estate.stop, process)
                    began = time.monotonic()
                    assert until is not None
                    while not await until():
                        if time.monotonic() - began > WITHIN_S:
                            raise NoResult(f"isolated: {name} was not done within {WITHIN_S:.0f} s")
                        await asyncio.sleep(POLL_S)
        starting = 0.0 if work else sum(self._start_s[process] for process in processes)
        self._note(name, spent.cpu, spent.wall_s, starting)

    def _note(self, name: str, cpu: Cpu, wall_s: float, starting_s: float) -> None:
        platform_s = max(cpu.platform_s - starting_s, 0.0)
        self.found.hops.append(
            Hop(name, platform_s / self._people, cpu.outside_s / self._people, self._people / wall_s)
        )

    async def _calibrate(self) -> None:
        """What each process burns until it is ready with nothing to do; a stopped one is left stopped."""
        estate = self._ground.estate
        for process in estate.names:
            if process.endswith(("-relay", "-consumers", "-workers")) and process != "registration-workers":
                async with AsyncExitStack() as stack:
                    await self._up(process, stack)
                    self._start_s[process] = family_seconds(estate.pid(process))

    async def _up(self, process: str, stack: AsyncExitStack) -> None:
        if not self._ground.estate.running(process):
            await self._ground.estate.restart(process)
            stack.push_async_callback(self._ground.estate.stop, process)

    async def _pay(self, residents: Sequence[Resident]) -> None:
        calls = self._bank.payments(residents)
        answers = await self._send(self._ground.estate.url("payments-api"), [call.request for call in calls])
        if refused := sum(snap.code(answer) != snap.PAID for answer in answers):
            raise NoResult(f"isolated: {refused} payments were refused")

    async def _send(self, url: str, requests: Sequence[bytes]) -> list[Answer]:
        return await in_thread(lambda: all_of(url, requests))


async def all_of(url: str, requests: Sequence[bytes], *, connections: int = CONNECTIONS) -> list[Answer]:
    """Every request once, so many at a time; back when all are answered."""
    answers: list[Answer] = []
    done = asyncio.get_running_loop().create_future()
    left = iter(enumerate(requests))

    def answered(answer: Answer) -> None:
        answers.append(answer)
        if len(answers) == len(requests) and not done.done():
            done.set_result(None)
        go()

    def go() -> None:
        if (following := next(left, None)) is not None:
            loop.send(*following, time.perf_counter(), answered)

    async with OpenLoop([url], connections=connections) as loop, asyncio.timeout(WITHIN_S):
        for _ in range(connections):
            go()
        await done
    return answers
