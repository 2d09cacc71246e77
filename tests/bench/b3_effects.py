"""B3: effects per second of one worker that finds registrations waiting, against its own statements sent from memory.

The worker is a process with the role of consumers alone; registration's key door is a process too, asked over HTTP as in production. What
counts is what the group has committed at the broker, read from outside.
"""

from __future__ import annotations

import asyncio
import pickle
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from chassis.lanes import BATCH, MAX_RECORDS
from chassis.service import Service
from chassis.subscribing import group_of
from services.notifications.app import SERVICE as NOTIFICATIONS
from services.payments.app import SERVICE as PAYMENTS
from tests.bench import captured, registrations, service_process
from tests.bench.beside import beside
from tests.bench.ground import Ground
from tests.bench.meters import Meters
from tests.bench.registrations import TOPIC, Registrations
from tests.bench.report import Findings
from tests.bench.rounds import Result, Side, Spec, ratio
from tests.bench.servers import Database, Servers, admin, length, reading
from tests.bench.service_process import ServiceProcess
from tests.support.service import key_bytes

EVENTS = 100_000
WARM = 0.1
POLL_S = 0.02
PATIENCE_S = 600.0
TOPICS = (TOPIC, "contributions", "dead-letters")
SECRET = key_bytes("gateway of the benchmarks").hex()
"""Invented: no gateway is called."""
GATEWAY = {"gateway_url": "http://127.0.0.1:1", "gateway_api_key": SECRET, "gateway_webhook_secret": SECRET}


@dataclass(frozen=True)
class Worker:
    """A service that follows registrations. `wrong`: name → a query that counts what is not as it must be, given the events' number."""

    service: Service
    wrong: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.service.name


_PROGRESS = {
    "keys_not_in_progress": "SELECT $1 - count(*) FROM progress WHERE stream = 'participants' AND seq = 1 AND revision = 1"
    " AND parked IS NULL",
    "keys_parked": "SELECT count(*) FROM progress WHERE parked IS NOT NULL OR $1 < 0",
}
OF_PAYMENTS = Worker(
    PAYMENTS,
    _PROGRESS
    | {
        "bills_missing": "SELECT $1 - count(DISTINCT participant_id) FROM bills WHERE status = 'OPEN'",
        "bills_doubled": "SELECT count(*) - $1 FROM bills",
        "payers_missing": "SELECT $1 - count(*) FROM payers",
        "own_events_missing": "SELECT 2 * $1 - count(*) FROM event_log",
    },
)
OF_NOTIFICATIONS = Worker(
    NOTIFICATIONS,
    _PROGRESS
    | {
        "recipients_missing": "SELECT $1 - count(*) FROM recipients",
        "own_events_missing": "SELECT $1 - count(*) FROM event_log",
    },
    GATEWAY,
)
# thresholds as argued in docs/decisions/066, since the baseline copies rows too
SPECS = (
    (OF_PAYMENTS, Spec("B3", "payments", "", passes=0.25, world_class=0.4)),
    (OF_NOTIFICATIONS, Spec("B3", "notifications", "", passes=0.25, world_class=0.4, gated=False)),
)


async def run(ground: Ground, findings: Findings) -> Sequence[Result]:
    with tempfile.TemporaryDirectory() as folder:
        servers = Servers.of(ground.stack, Path(folder))
        async with ground.only(), prepared(servers, events=EVENTS // (10 if ground.quick else 1)) as bench:
            results = [await _of(ground, bench, worker, spec) for worker, spec in SPECS]
            alone = await bench.read_alone()
            return [beside(result, {"getmany_alone_per_s": alone}) for result in results]


async def _of(ground: Ground, bench: Bench, worker: Worker, spec: Spec) -> Result:
    """One service's ratio; its statements are captured once and sent again in every round."""
    file, batches = await bench.capture(worker)

    async def numerator(number: int) -> Side:
        return await bench.numerator(worker, number)

    async def denominator(_: int) -> Side:
        return await bench.denominator(worker, file, batches)

    spec = replace(spec, broker=ground.broker)
    return await ratio(spec.quick() if ground.quick else spec, numerator, denominator, tell=ground.tell)


@dataclass
class Bench:
    """Registrations and where their people's keys are kept."""

    servers: Servers
    waiting: Registrations
    door_url: str

    @property
    def count(self) -> int:
        return len(self.waiting.records)

    async def numerator(self, worker: Worker, number: int = 1, *, members: int = 1) -> Side:
        """One worker (or several) from a standing start; timed from the first tenth to the last committed offset."""
        async with self.servers.database(worker.name) as database, self.servers.topics(*TOPICS) as prefix:
            await registrations.publish(self.servers.bootstrap, prefix + TOPIC, self.waiting.records)
            await self.servers.settle(database)
            async with AsyncExitStack() as exit_:
                started = [self._started(worker, database, prefix, f"{number}-{n}") for n in range(members)]
                processes = [await exit_.enter_async_context(one) for one in started]
                watched = await self._watch(processes, group_of(prefix, worker.name, TOPIC))
                meters = await Meters.of([process.url for process in processes])
            letters = await length(self.servers.bootstrap, f"{prefix}dead-letters")
            checks = await self._checks(worker, database) | {"dead_letters": letters}
        return Side(
            value=watched.items / watched.seconds,
            what=f"{worker.name} effects/s",
            items=watched.items,
            warmup_s=watched.warmup_s,
            measured_s=watched.seconds,
            checks=checks,
            alongside={
                "worker_cpu_us_per_effect": watched.cpu_s / watched.items * 1e6,
                "mean_bytes": self.waiting.mean_bytes,
                "statements_per_batch": meters.statements / max(meters.total("perisai_batch_items_count"), 1),
                "commits_per_batch": meters.commits / max(meters.total("perisai_batch_items_count"), 1),
            },
        )

    def _started(
        self, worker: Worker, database: Database, prefix: str, name: str
    ) -> AbstractAsyncContextManager[ServiceProcess]:
        environ = service_process.environment(
            worker.name,
            "consumers",
            database_url=database.writer_url,
            bootstrap=self.servers.bootstrap,
            prefix=prefix,
            port=service_process.free_port(),
            registration_url=self.door_url,
            more={"INSTANCE": f"{worker.name}-{name}"}
            | {setting.upper(): value for setting, value in worker.settings.items()},
        )
        return service_process.started(worker.name, environ, self.servers.folder / f"{worker.name}-effects-{name}.log")

    async def capture(self, worker: Worker) -> tuple[Path, int]:
        """The worker's statements in a file, and how many batches they are."""
        file = self.servers.folder / f"{worker.name}-statements.pickle"
        async with self.servers.database(worker.name) as database:
            batches = await captured.capture(worker.service, database.writer_url, self.waiting, **worker.settings)
        file.write_bytes(pickle.dumps(batches))
        return file, len(batches)

    async def denominator(self, worker: Worker, file: Path, batches: int) -> Side:
        """The captured rows and statements, one connection, one commit per batch."""
        warmup = max(1, int(batches * WARM))
        async with self.servers.database(worker.name) as database:
            await self.servers.settle(database)
            done = await captured.replayed(captured.Replay(worker.name, database.writer_url, str(file), warmup))
            checks = await self._checks(worker, database)
        items = self.count - warmup * BATCH
        return Side(
            value=items / done.seconds,
            what=f"{worker.name} statements from memory, effects/s",
            items=items,
            warmup_s=done.warmup_s,
            measured_s=done.seconds,
            checks=checks,
            alongside={"client_cpu_us_per_effect": done.cpu_s / items * 1e6},
        )

    async def read_alone(self) -> float:
        """Records per second of `getmany` without any work."""
        async with self.servers.topics(*TOPICS) as prefix:
            await registrations.publish(self.servers.bootstrap, prefix + TOPIC, self.waiting.records)
            async with reading(self.servers.bootstrap, prefix + TOPIC) as (consumer, _):
                found, began = 0, time.perf_counter()
                while found < self.count:
                    fetched = await consumer.getmany(timeout_ms=1_000, max_records=MAX_RECORDS)
                    found += sum(map(len, fetched.values()))
                return found / (time.perf_counter() - began)

    async def _checks(self, worker: Worker, database: Database) -> dict[str, int]:
        async with admin(database.reader_url) as connection:
            return {name: int(await connection.fetchval(query, self.count)) for name, query in worker.wrong.items()}

    async def _watch(self, processes: Sequence[ServiceProcess], group: str) -> _Watched:
        """From the first tenth of offsets committed to the last."""
        began, deadline = time.perf_counter(), time.perf_counter() + PATIENCE_S
        warm: tuple[float, int, float] | None = None
        client = AIOKafkaAdminClient(bootstrap_servers=self.servers.bootstrap)
        await client.start()
        try:
            while True:
                offsets = await client.list_consumer_group_offsets(group)
                count, now = sum(max(0, place.offset) for place in offsets.values()), time.perf_counter()
                if warm is None and count >= self.count * WARM:
                    warm = (now, count, _cpu_s(processes))
                if count >= self.count and warm is not None:
                    at, before, cpu = warm
                    return _Watched(count - before, now - at, at - began, _cpu_s(processes) - cpu)
                for process in processes:
                    process.fail_if_ended()
                if now > deadline:
                    raise TimeoutError(f"{count} of {self.count} offsets committed after {PATIENCE_S} s")
                await asyncio.sleep(POLL_S)
        finally:
            await client.close()


def _cpu_s(processes: Sequence[ServiceProcess]) -> float:
    return sum(process.cpu_s() for process in processes)


@dataclass(frozen=True)
class _Watched:
    items: int
    seconds: float
    warmup_s: float
    cpu_s: float


@asynccontextmanager
async def prepared(servers: Servers, *, events: int = EVENTS) -> AsyncIterator[Bench]:
    """So many registrations, and registration's API process with the keys of their people."""
    waiting = registrations.made(events)
    async with servers.database("registration") as database, servers.topics("participants") as prefix:
        await registrations.keep_keys(database.owner_url, waiting.keys)
        environ = service_process.environment(
            "registration",
            "api",
            database_url=database.writer_url,
            bootstrap=servers.bootstrap,
            prefix=prefix,
            port=service_process.free_port(),
        )
        async with service_process.started("registration", environ, servers.folder / "key-door.log") as door:
            await service_process.until_ready(door)
            yield Bench(servers, waiting, door.url)
