"""B9: what a second worker process brings, against twice the first and against what the CPU allows; and that four do not collapse.

Two variants: `effects` (people waiting to be billed by n payments workers) and `core` (the saturated core path with n workers
per service). Commit times of the effects are the clock, from the first tenth on, so neither start-up nor joining is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from tests.bench import core, host, lag, topic_order
from tests.bench.cpu import family_seconds
from tests.bench.ground import Ground, Measured
from tests.bench.meters import Meters
from tests.bench.report import Findings
from tests.bench.rounds import Limit, NoResult, Result, Side, Spec, paired

NUMBERS = (1, 2, 4)
PEOPLE, PEOPLE_QUICK = 20_000, 4_000
WARM = 0.1
PARTITIONS, BUCKETS = 24, 16
WITHIN_S = 300.0
POLL_S = 0.1

LIMITS = (
    Limit("r4_over_r2", 0.95, 1.0, better="higher"),
    Limit("cpu_per_item_4_over_1", 1.2, 1.05),
)
EFFECTS = Spec("B9", "effects", "", passes=0.7, world_class=0.9, limits=LIMITS)
CORE = Spec("B9", "core", "", passes=0.7, world_class=0.9, limits=LIMITS)


@dataclass(frozen=True)
class Rate:
    """R(n): items per second, CPU seconds per item of all processes, and what else is needed for the paper table."""

    per_s: float
    cpu_s: float
    by_process: Mapping[str, float] = field(default_factory=dict)
    batch_s: float = 0.0
    checks: Mapping[str, int] = field(default_factory=dict)


async def run(ground: Ground, findings: Findings) -> Sequence[Result]:
    effects, whole = Effects(ground), Core(ground)
    await core.no_receipts(ground)
    results = []
    for spec, play in ((EFFECTS, effects.round), (CORE, whole.round)):
        named = replace(spec, broker=ground.broker)
        results.append(await paired(named.quick() if ground.quick else named, play, tell=ground.tell))
    await effects.while_members_come_and_go()
    findings.paper.update(paper(effects.last, findings))
    return results


def sides(rates: Mapping[int, Rate], what: str, items: int, seconds: float) -> tuple[Side, Side]:
    """R(2) against min(2 · R(1), R_cpu)."""
    cores = host.cores()
    one, two, four = (rates[n] for n in NUMBERS)
    cpu_bound = cores / one.cpu_s if one.cpu_s else float("inf")
    checks = {f"{name}_{n}": count for n, rate in rates.items() for name, count in rate.checks.items()}
    alongside = {
        **{f"r{n}_per_s": rate.per_s for n, rate in rates.items()},
        **{f"r{n}_over_r1": rate.per_s / one.per_s for n, rate in rates.items()},
        **{f"cpu_ms_per_item_{n}": 1000 * rate.cpu_s for n, rate in rates.items()},
        "r_cpu_per_s": cpu_bound,
    }
    numerator = Side(
        value=two.per_s,
        what=f"{what}/s with two workers",
        items=items,
        warmup_s=WARM * seconds,
        measured_s=seconds,
        checks=checks,
        limits={"r4_over_r2": four.per_s / two.per_s, "cpu_per_item_4_over_1": four.cpu_s / one.cpu_s},
        alongside=alongside,
    )
    bound = min(2 * one.per_s, cpu_bound)
    denominator = Side(bound, f"{what}/s that two workers could do", items, WARM * seconds, seconds, {"wrong": 0})
    return numerator, denominator


def in_turn(number: int) -> Sequence[int]:
    """1, 2, 4 in odd rounds, 4, 2, 1 in even ones."""
    return NUMBERS if number % 2 else NUMBERS[::-1]


class Effects:
    """People are registered and published while no payments worker runs; then n of them start at once."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._people = PEOPLE_QUICK if ground.quick else PEOPLE
        self._start_s = 0.0
        self.last: Mapping[int, Rate] = {}

    async def round(self, number: int) -> tuple[Side, Side]:
        rates = {n: await self._rate(n) for n in in_turn(number)}
        self.last = {n: rates[n] for n in NUMBERS}
        return sides(self.last, "effects", self._people, self._people / self.last[2].per_s)

    async def while_members_come_and_go(self) -> None:
        """I6: one more worker joins and one leaves in mid-work. Raises NoResult when anything is lost, doubled or disordered."""
        names = members("payments", 3)
        async with self._waiting() as people:
            await together(self._ground, names[:2])
            await self._ground.add_or_start(names[2], service="payments", roles="consumers")
            await self._ground.estate.stop(names[0])
            await self._until_read()
            checks = await self._wrong(people)
            await asyncio.gather(*(self._ground.estate.stop(name) for name in names[1:]))
        checks = {**checks, "disordered": await topic_order.disordered(self._ground)}
        if wrong := {name: count for name, count in checks.items() if count}:
            raise NoResult(f"B9: while members come and go: {wrong}")

    @asynccontextmanager
    async def _waiting(self) -> AsyncIterator[list[str]]:
        """Published people that no worker has read; the key keeper is up, everything else is down."""
        ground = self._ground
        async with ground.only():
            known = await ground.loader.register(ground.people.take(self._people), ground.agents)
            ground.known += known
            await ground.estate.restart("registration-relay")
            while await lag.unpublished(ground.stack, "registration"):
                await asyncio.sleep(POLL_S)
            await ground.estate.stop("registration-relay")
            await ground.prepare()
            await ground.estate.restart("registration-api")
            yield [one.participant_id for one in known]
            await ground.estate.stop("registration-api")

    async def _rate(self, n: int) -> Rate:
        ground, names = self._ground, members("payments", n)
        self._start_s = self._start_s or await start_cost(ground)
        async with self._waiting() as people:
            async with ground.measured() as spent:
                await together(ground, names)
                await self._until_read()
            meters = [await Meters.of([ground.estate.url(name)]) for name in names]
            checks = await self._wrong(people)
            per_s = await self._per_s(people)
            await asyncio.gather(*(ground.estate.stop(name) for name in names))
        return self._noted(n, spent, per_s, checks, meters)

    def _noted(
        self, n: int, spent: Measured, per_s: float, checks: Mapping[str, int], meters: Sequence[Meters]
    ) -> Rate:
        work_s = spent.cpu.platform_s + spent.cpu.outside_s - n * self._start_s
        workers = sum(s for name, s in spent.cpu.seconds.items() if name.startswith("payments-consumers"))
        by_process = {
            "worker": max(workers - n * self._start_s, 0.0) / self._people,
            "postgres": spent.cpu.seconds["postgres"] / self._people,
        }
        took = sum(one.total("perisai_batch_seconds_sum", use_case="payments.participants") for one in meters)
        batches = sum(one.total("perisai_batch_seconds_count", use_case="payments.participants") for one in meters)
        return Rate(per_s, max(work_s, 1e-9) / self._people, by_process, took / batches if batches else 0.0, checks)

    async def _until_read(self) -> None:
        async with lag.Watch(self._ground.stack) as watch, asyncio.timeout(WITHIN_S):
            while await watch.lag("payments", "participants"):
                await asyncio.sleep(POLL_S)

    async def _per_s(self, people: Sequence[str]) -> float:
        """From the first tenth to the last bill, by their commits; effects of one commit end together."""
        rows = await self._ground.rows(
            "payments",
            "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS at FROM event_log"
            " WHERE stream = 'contributions' AND type = 'ContributionBilled' AND key = ANY($1::text[]) ORDER BY 1",
            people,
        )
        return rate_of([row["at"] for row in rows])

    async def _wrong(self, people: Sequence[str]) -> dict[str, int]:
        count = self._ground.count
        bills = "SELECT count(*) FROM bills WHERE participant_id = ANY($1::uuid[])"
        payers = "SELECT count(*) FROM payers WHERE participant_id = ANY($1::uuid[])"
        moved = (
            "SELECT count(*) FROM progress WHERE stream = 'participants' AND key = ANY($1::text[])"
            " AND seq = 1 AND parked IS NULL"
        )
        return {
            "bills_astray": abs(await count("payments", bills, people) - len(people)),
            "payers_astray": abs(await count("payments", payers, people) - len(people)),
            "progress_astray": abs(await count("payments", moved, people) - len(people)),
        }


class Core:
    """The saturated core path with n consumers per service and n senders."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def round(self, number: int) -> tuple[Side, Side]:
        sizes = self._ground.sizes
        rates = {n: await self._rate(n) for n in in_turn(number)}
        items = round(rates[2].per_s * sizes.measured_s)
        return sides({n: rates[n] for n in NUMBERS}, "core cycles", items, sizes.measured_s)

    async def _rate(self, n: int) -> Rate:
        ground, sizes = self._ground, self._ground.sizes
        async with AsyncExitStack() as stack:
            for service, role in (
                ("registration", "consumers"),
                ("payments", "consumers"),
                ("notifications", "consumers"),
                ("notifications", "workers"),
            ):
                for name in members(service, n, role)[1:]:
                    await ground.add_or_start(name, service=service, roles=role)
                    stack.push_async_callback(ground.estate.stop, name)
            played = await core.saturated(ground, warmup_s=sizes.warmup_s, measured_s=sizes.measured_s)
        core.refuse(played, f"B9 core with {n}")
        cpu = played.spent.cpu
        return Rate(played.completed_per_s, (cpu.platform_s + cpu.outside_s) / played.cycles, checks=played.checks)


def members(service: str, n: int, role: str = "consumers") -> list[str]:
    """The estate's own process and n - 1 more."""
    return [f"{service}-{role}", *(f"{service}-{role}-{number}" for number in range(2, n + 1))]


async def together(ground: Ground, names: Sequence[str]) -> None:
    """All of them at once; back when each is ready."""
    for name in names:
        if name not in ground.estate.children:
            await ground.estate.add(name, service="payments", roles="consumers", start=False)
    await asyncio.gather(*(ground.estate.restart(name) for name in names))


async def start_cost(ground: Ground) -> float:
    """CPU seconds that one payments worker burns until it is ready, with nothing to do."""
    await ground.quiet()
    await ground.estate.restart("payments-consumers")
    return family_seconds(ground.estate.pid("payments-consumers"))


def rate_of(times: Sequence[float]) -> float:
    """Items per second from the first tenth on; `times` ascending."""
    if not times:
        return 0.0
    first = times[int(WARM * (len(times) - 1))]
    after = sum(at > first for at in times)
    return after / (times[-1] - first) if times[-1] > first else 0.0


def paper(rates: Mapping[int, Rate], findings: Findings) -> dict[str, float | None]:
    """Where 24 partitions would end, resource by resource, in items per second."""
    four = rates[4]
    relayed = next((r for r in findings.results if r.spec.id == "B2" and r.spec.variant == "drain"), None)
    relay = BUCKETS * relayed.counted[0].numerator.value if relayed else None
    return {
        "workers": _over(PARTITIONS, four.by_process["worker"]),
        "postgres": _over(host.cores(), four.by_process["postgres"]),
        "relay": relay,
        "hottest_key": _over(1, four.batch_s),
    }


def _over(number: float, seconds: float) -> float | None:
    return round(number / seconds, 1) if seconds > 0 else None
