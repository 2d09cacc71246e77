"""What every benchmark stands on: the estate with a country's worth of data in it, and the means to see what work costs.

The people are real: judged, sealed and recorded by registration's own use case (in batches, without HTTP), relayed, billed and
noted by the running services. So indexes, duplicate checks and logs have the size they claim. Only the calls to the gateway for
their welcome notices are left out: claimed and settled in batches, as if it had answered at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.outreach.doors import Person
from deploy.local.postgres import server as postgres_server
from deploy.local.stack import OUTSIDE
from tests.bench import agency, host, server
from tests.bench.bulk import Loader, Resident
from tests.bench.cpu import Cpu
from tests.bench.lag import until_caught_up
from tests.bench.meters import Meters
from tests.bench.people import People
from tests.support.estate import SERVICES, Estate, open_estate

SERVER_SETTINGS = {"track_commit_timestamp": "on", "shared_buffers": "512MB", "max_wal_size": "4GB"}
"""Set on both sides alike: the first so that a hop ends when it committed, the others so that no checkpoint falls into a round."""


@dataclass(frozen=True)
class Sizes:
    """How much there is before the start. `quick` runs show that the code works; their figures mean nothing."""

    participants: int = 100_000
    agents: int = 200
    wadah: int = 20
    branches: int = 5
    warmup_s: float = 10.0
    measured_s: float = 20.0
    long_s: float = 60.0
    """Measured time of B6 and B7."""

    @classmethod
    def quick(cls) -> Sizes:
        return cls(participants=3_000, agents=10, wadah=5, branches=5, warmup_s=1.0, measured_s=3.0, long_s=8.0)


@dataclass
class Measured:
    """What one span of work cost; filled when the span ends. `wall_s` is its length."""

    wall_s: float = 0.0
    cpu: Cpu = field(default_factory=lambda: Cpu({}))
    counts: server.Counts = field(default_factory=lambda: server.Counts(0, 0, 0))
    meters: Meters = field(default_factory=lambda: Meters({}))
    topic_bytes: int = 0

    def alongside(self, items: int, *, rows: int = 0) -> dict[str, float | Mapping[str, float]]:
        """The figures that stand beside every rate: per item, and rows per fsync when the number of rows is known."""
        cpu = self.cpu
        found: dict[str, float | Mapping[str, float]] = {
            "cpu_ms_per_item": round(1000 * cpu.platform_s / items, 5) if items else 0.0,
            "cpu_ms_outside_per_item": round(1000 * cpu.outside_s / items, 5) if items else 0.0,
            "cpu_ms_by_process": cpu.ms_per(items),
            "transactions_per_s": round(self.counts.commits / self.wall_s, 2) if self.wall_s else 0.0,
            "statements_per_item": round(self.meters.statements / items, 5) if items else 0.0,
        }
        if rows:
            found["wal_bytes_per_row"] = round(self.counts.wal_bytes / rows, 1)
            found["rows_per_fsync"] = round(rows / max(self.counts.fsyncs, 1), 2)
        return found


class Ground:
    """One per run. `tell` says what goes on; `estate`, `cast` and `people` are what benchmarks play with."""

    def __init__(self, estate: Estate, *, quick: bool, seed: int, tell: Callable[[str], None]) -> None:
        self.estate, self.quick, self.seed, self.tell = estate, quick, seed, tell
        self.sizes = Sizes.quick() if quick else Sizes()
        self.stack, self.town = estate.stack, estate.town
        self.people = People()
        self.agents: Sequence[Person] = estate.town.cast.agents
        self.loader = Loader(self.stack)
        self.saturation_per_s: float | None = None
        """Core cycles per second at most, once some benchmark has measured it."""
        self.known: list[Resident] = []
        """Everybody who was registered in bulk and whose first bill is open, in order; B4 takes them away."""

    @property
    def admin_url(self) -> str:
        return str(self.stack.postgres.admin_url)

    @property
    def broker(self) -> str:
        """What every result names."""
        return f"kafka-{len(self.stack.brokers)}"

    async def prepare(self) -> None:
        """Before each side of a round: vacuumed, analysed, checkpointed."""
        await server.tidy(self.admin_url, [self.stack.databases.database(name) for name in SERVICES])

    async def load(self) -> None:
        """Branches, Wadah, agents and the people that are there before the start."""
        self.tell(f"ground: {self.sizes.branches} branches, {self.sizes.wadah} Wadah, {self.sizes.agents} agents")
        self.agents = await agency.populate(self)
        await self.register(self.sizes.participants)

    async def register(self, number: int) -> list[Resident]:
        """So many more people, registered, billed and welcomed; back when nothing of it is on its way any more."""
        self.tell(f"ground: {number:,} people")
        began = time.monotonic()
        async with self.without("notifications-workers"):
            found = await self.loader.register(self.people.take(number), self.agents, tell=self.tell)
            await self.quiet()
        self.known += found
        self.tell(f"ground: {number:,} people after {time.monotonic() - began:.0f} s")
        return found

    async def quiet(self, *, within_s: float = 900) -> None:
        """Until everything recorded is published and everything published has taken effect; queued messages are settled."""
        while True:
            await until_caught_up(self.stack, within_s=within_s)
            if not await self.loader.settle_messages():
                return

    @asynccontextmanager
    async def without(self, *names: str) -> AsyncIterator[None]:
        """These processes are down meanwhile."""
        stopped = [name for name in names if self.estate.running(name)]
        await asyncio.gather(*(self.estate.stop(name) for name in stopped))
        try:
            yield
        finally:
            await asyncio.gather(*(self.estate.restart(name) for name in stopped))

    @asynccontextmanager
    async def only(self, *names: str) -> AsyncIterator[None]:
        """No other process of ours runs meanwhile: one hop is measured alone. What piled up is worked off afterwards, unmeasured."""
        others = [name for name in self.estate.names if name not in names]
        async with self.without("notifications-workers"):
            try:
                async with self.without(*(name for name in others if name != "notifications-workers")):
                    yield
            finally:  # when the measure broke, too: the next one begins with nothing on its way
                await self.quiet()

    async def add_or_start(self, name: str, *, service: str, roles: str) -> None:
        """A member more, whether it was there before or not; back when it is ready."""
        if name not in self.estate.children:
            await self.estate.add(name, service=service, roles=roles, start=False)
        await self.estate.restart(name)

    def pids(self) -> dict[str, int]:
        """Every process whose CPU counts, by name."""
        ours = {name: self.estate.pid(name) for name in self.estate.names if self.estate.running(name)}
        servers = {name: self.stack.pid(name) for name in ("postgres", *self.stack.brokers, *OUTSIDE)}
        return {**ours, **servers}

    @asynccontextmanager
    async def measured(self, *, meters: Sequence[str] = ()) -> AsyncIterator[Measured]:
        """Times the block and counts what it cost; `meters` names the processes whose own counters are read."""
        urls = [self.estate.url(name) for name in meters]
        found = Measured()
        meters_before, counts_before = await Meters.of(urls), await server.counts(self.admin_url)
        bytes_before = self._topic_bytes()
        cpu_before, began = Cpu.now(self.pids()), time.monotonic()
        yield found
        found.wall_s, found.cpu = time.monotonic() - began, Cpu.now(self.pids()) - cpu_before
        found.counts = await server.counts(self.admin_url) - counts_before
        found.meters = await Meters.of(urls) - meters_before
        found.topic_bytes = self._topic_bytes() - bytes_before

    def _topic_bytes(self) -> int:
        """Bytes of the segments of our topics on all brokers."""
        logs = self.stack.folder.glob(f"kafka*/**/{self.stack.topic_prefix}*/*.log")
        return sum(path.stat().st_size for path in logs)

    async def rows(self, service: str, query: str, *arguments: Any) -> list[Any]:
        """Rows of a service's database, with its read-only role."""
        return list(await self.town.rows(service, query, *arguments))

    async def count(self, service: str, query: str, *arguments: Any) -> int:
        """The one number that a query gives."""
        return int((await self.rows(service, query, *arguments))[0][0])


@asynccontextmanager
async def open_ground(
    folder: Path, *, quick: bool, seed: int, brokers: int = 1, tell: Callable[[str], None] = print
) -> AsyncIterator[Ground]:
    """The estate in this folder with its data loaded. Raises Trouble when the server would be easier than production's."""
    server.refuse_memory(host.filesystem(folder), folder)
    postgres_server.SETTINGS.update(SERVER_SETTINGS)
    async with open_estate(folder, brokers=brokers) as estate:
        ground = Ground(estate, quick=quick, seed=seed, tell=tell)
        await server.refuse_easier(ground.admin_url)
        async with ground.loader:
            await ground.load()
            yield ground
