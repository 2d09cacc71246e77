"""B1: registrations accepted over HTTP per second, against the two rows they leave behind as bare INSERTs on the same server.

All that production does is on: token, validation, idempotency key, sealing, duplicate check, and the answer comes after the
commit. Other roles of the services are down meanwhile on both sides: this is the cost of accepting, not of what follows.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tests.bench import applications, host
from tests.bench.generator import Load, closed_loop, in_thread
from tests.bench.ground import Ground
from tests.bench.plain_inserts import MANY_CLIENTS, Inserts
from tests.bench.report import Findings
from tests.bench.rounds import Result, Side, Spec, ratio

CONNECTIONS = 64
MOST_PER_S = 4_000
"""Rendered beforehand per second of a round; a system that is faster runs out of requests, and the round says so."""
ROWS_PER_REGISTRATION = 5
"""State, person, person's key, event, stored answer."""
API = "registration-api"
PROCESSES = host.cores()
"""API processes that the host wants: while one waits for its commit, another works."""
USE_CASE = "RegisteringOnline"

SPEC = Spec("B1", "accept", "", passes=0.5, world_class=0.8)


async def run(ground: Ground, findings: Findings) -> Sequence[Result]:
    spec = replace(SPEC, broker=ground.broker)
    with tempfile.TemporaryDirectory() as folder:
        accept, inserts = Accept(ground, findings), Inserts(ground, Path(folder))
        await inserts.write()

        async def denominator(_: int) -> Side:
            return await plain(ground, inserts)

        async with ground.only(API), accept.processes():
            result = await ratio(
                spec.quick() if ground.quick else spec,
                accept.numerator,
                denominator,
                prepare=ground.prepare,
                tell=ground.tell,
            )
        await inserts.drop()
    return [result]


class Accept:
    """The numerator; everybody it registers is known to the ground afterwards."""

    def __init__(self, ground: Ground, findings: Findings) -> None:
        self._ground, self._findings = ground, findings
        self._names = [API]

    @asynccontextmanager
    async def processes(self) -> AsyncIterator[None]:
        """All API processes run meanwhile."""
        more = [f"{API}-{number}" for number in range(2, PROCESSES + 1)]
        for name in more:
            await self._ground.add_or_start(name, service="registration", roles="api")
        self._names = [API, *more]
        yield
        for name in more:
            await self._ground.estate.stop(name)

    async def numerator(self, _: int) -> Side:
        ground, sizes = self._ground, self._ground.sizes
        wanted = round(MOST_PER_S * (sizes.warmup_s + sizes.measured_s))
        asked = await applications.render(ground, wanted)
        self._findings.payload_bytes["P1"] = round(asked.mean_bytes, 1)
        before = await counts(ground)
        async with ground.measured(meters=self._names) as spent:
            load = await in_thread(
                lambda: closed_loop(
                    [ground.estate.url(name) for name in self._names],
                    asked.requests,
                    connections=CONNECTIONS,
                    warmup_s=sizes.warmup_s,
                    measured_s=sizes.measured_s,
                )
            )
        residents = [asked.resident(a) for a in load.answers if a.status == applications.CREATED]
        ground.known += residents
        latency = load.latency()
        return Side(
            value=load.per_s,
            what="registrations accepted/s",
            items=len(load.measured),
            warmup_s=sizes.warmup_s,
            measured_s=sizes.measured_s,
            checks=await wrong(ground, before, load, [one.participant_id for one in residents]),
            latency=latency,
            alongside={
                **spent.alongside(len(load.answers), rows=ROWS_PER_REGISTRATION * len(load.answers)),
                "statements_per_command": spent.meters.statements / len(load.answers),
                "batch_p50": spent.meters.batch_size(50, use_case=USE_CASE),
                "batch_p99": spent.meters.batch_size(99, use_case=USE_CASE),
                "api_processes": PROCESSES,
            },
        )


async def plain(ground: Ground, inserts: Inserts) -> Side:
    """pgbench with 16 clients; with 64 it is only shown."""
    sizes = ground.sizes
    await inserts.per_second(sizes.warmup_s)
    tps, done = await inserts.per_second(sizes.measured_s)
    many, _ = await inserts.per_second(sizes.measured_s / 2, clients=MANY_CLIENTS)
    return Side(
        value=tps,
        what="transactions of two INSERTs/s",
        items=done,
        warmup_s=sizes.warmup_s,
        measured_s=sizes.measured_s,
        checks={"lost": 0},  # else per_second has raised
        alongside={"clients_64_per_s": many},
    )


async def counts(ground: Ground) -> dict[str, int]:
    """Rows of everything that a registration writes."""
    row = (
        await ground.rows(
            "registration",
            "SELECT (SELECT count(*) FROM participants) AS participants, (SELECT count(*) FROM people) AS people,"
            " (SELECT count(*) FROM person_keys) AS keys, (SELECT count(*) FROM idempotency) AS answers,"
            " (SELECT count(*) FROM event_log WHERE stream = 'participants') AS events",
        )
    )[0]
    return dict(row)


async def wrong(ground: Ground, before: dict[str, int], load: Load, answered: Sequence[str]) -> dict[str, int]:
    """What must be 0: other answers than 201, accepted people without a row, rows too many or too few, one NIK twice."""
    after = await counts(ground)
    there = await ground.count(
        "registration", "SELECT count(*) FROM participants WHERE participant_id = ANY($1::uuid[])", answered
    )
    twice = await ground.count(
        "registration", "SELECT count(nik_hash) - count(DISTINCT nik_hash) FROM participants WHERE holds_nik"
    )
    return {
        "unexpected_status": load.unexpected(applications.CREATED),
        "lost": len(answered) - there,
        "answered_twice": len(answered) - len(set(answered)),
        "duplicate_niks": twice,
        **{f"{name}_astray": abs(after[name] - before[name] - len(answered)) for name in after},
    }
