"""B10: rows per second of a large file from its upload to its last result, against COPY of the rows that it left behind.

One process of registration with the roles API and workers does it all: parse, validate, seal, look for doubles, decide, append, project,
remember the position. Every row's outcome is known beforehand and compared. Once the process is killed in the middle, and what another one
makes of the rest must be what an undisturbed run makes of the whole.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.local.outreach.doors import Person
from deploy.local.stack import LocalStack
from services.registration.imports.files import XLSX_TYPE
from tests.bench import copied, import_file, import_watch, import_world, service_process, tokens
from tests.bench.beside import beside
from tests.bench.copied import Part
from tests.bench.ground import Ground
from tests.bench.import_file import File
from tests.bench.import_watch import Door, Imported
from tests.bench.latency import percentile
from tests.bench.meters import Meters
from tests.bench.report import Findings
from tests.bench.rounds import NoResult, Result, Side, Spec, ratio
from tests.bench.servers import Database, Servers, admin
from tests.bench.service_process import ServiceProcess

ROWS = 100_000
WARM = 0.1
CSV_TYPE = "text/csv"
USE_CASE = "ImportingRows"
SPEC = Spec("B10", "csv", "", passes=0.10, world_class=0.25)


async def run(ground: Ground, findings: Findings) -> Sequence[Result]:
    rows = ROWS // (20 if ground.quick else 1)
    with tempfile.TemporaryDirectory() as folder:
        servers = Servers.of(ground.stack, Path(folder))
        async with ground.only(), servers.topics("participants", "contributions", "notifications") as prefix:
            bench = Bench(ground.stack, servers, prefix, rows, ground.seed)

            async def numerator(_: int) -> Side:
                return await bench.numerator()

            async def denominator(_: int) -> Side:
                return await bench.denominator()

            spec = replace(SPEC, broker=ground.broker)
            result = await ratio(spec.quick() if ground.quick else spec, numerator, denominator, tell=ground.tell)
            findings.payload_bytes["csv_row"] = round(bench.row_bytes, 1)
            return [beside(result, {**await bench.xlsx(), **await bench.killed_and_resumed()})]


@dataclass
class Bench:
    """`stack` issues tokens; databases are `servers`' own."""

    stack: LocalStack
    servers: Servers
    prefix: str
    rows: int
    seed: int = 1
    row_bytes: float = 0.0
    _left: tuple[list[Part], list[Part]] | None = None

    async def numerator(self) -> Side:
        """A file of a tenth first, unmeasured; then the whole one."""
        async with self._opened() as (database, branch), self._started(database) as process:
            door = await self._door(process, branch)
            warm = await self._imported(process, database, door, self._warm_file(branch))
            await self.servers.settle(database)
            file, before, cpu = self._file(branch), await Meters.of([process.url]), process.cpu_s()
            done = await self._imported(process, database, door, file)
            meters, cpu = await Meters.of([process.url]) - before, process.cpu_s() - cpu
            result_file_s = await door.result_file(done.import_id, len(file.rows))
            checks = await self._checks(database, done, file, already=warm.accepted)
            if self._left is None:
                self._left = await self._taken(database, warm), await self._taken(database, done)
            memory = process.peak_mib()
        self.row_bytes = len(file.csv) / len(file.rows)
        return Side(
            value=len(file.rows) / done.seconds,
            what="CSV rows imported/s",
            items=len(file.rows),
            warmup_s=warm.seconds,
            measured_s=done.seconds,
            checks=checks,
            alongside={
                "first_result_s": done.lines[0][0],
                "chunk_p99_ms": percentile(done.chunks_ms or [0.0], 99),
                "statements_per_chunk": meters.statements
                / max(meters.total("perisai_batch_items_count", use_case=USE_CASE), 1),
                "cpu_us_per_row": cpu / len(file.rows) * 1e6,
                "memory_peak_mib": memory,
                "result_file_s": result_file_s,
            },
        )

    async def denominator(self) -> Side:
        """COPY of what the first numerator left behind; it has run unmeasured if there was none yet."""
        if self._left is None:
            await self.numerator()
        assert self._left is not None
        warm, parts = self._left
        async with self.servers.database("registration") as database:
            await self.servers.settle(database)
            done = await copied.put(database.owner_url, warm, parts)
            async with admin(database.reader_url) as connection:
                results = await connection.fetchval("SELECT count(*) FROM import_results")
                accepted = await connection.fetchval("SELECT count(*) FROM import_results WHERE outcome = 'accepted'")
                copies = [await connection.fetchval(f"SELECT count(*) FROM {name}") for name in _PER_PERSON]
        return Side(
            value=self.rows / done.seconds,
            what="import rows copied/s",
            items=self.rows,
            warmup_s=done.warmup_s,
            measured_s=done.seconds,
            checks={
                "results_missing": self.rows + int(self.rows * WARM) - results,
                "rows_astray": sum(abs(count - accepted) for count in copies),
            },
        )

    async def xlsx(self) -> dict[str, float]:
        """A workbook of a tenth of the rows."""
        async with self._opened() as (database, branch), self._started(database) as process:
            file = self._warm_file(branch)
            door = await self._door(process, branch)
            done = await self._imported(process, database, door, file, xlsx=True)
            _insist(await self._checks(database, done, file, already=0), "the workbook")
        return {"xlsx_rows_per_s": len(file.rows) / done.seconds}

    async def killed_and_resumed(self) -> dict[str, float]:
        """kill -9 at a random place, another process goes on. Raises NoResult when the end is not that of an undisturbed run."""
        async with self._opened() as (database, branch):
            file = self._file(branch)
            at = random.Random(self.seed).randrange(1, max(self.rows * 9 // 10, 2))
            async with self._started(database) as process:
                door = await self._door(process, branch)
                import_id = await door.upload(file.csv, CSV_TYPE)
                killed_at = await import_watch.reached(process, database, import_id, at)
                await process.kill()
            async with self._started(database) as process:
                resumed = time.perf_counter()
                done = await import_watch.finished(process, database, import_id, resumed)
                _insist(await self._checks(database, done, file, already=0), f"an import killed at line {killed_at}")
        return {"killed_at_line": killed_at, "resumed_after_s": done.lines[0][0], "killed_rest_s": done.seconds}

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[tuple[Database, import_world.Branch]]:
        async with self.servers.database("registration") as database:
            branch = await import_world.opened(database)
            await self.servers.settle(database)
            yield database, branch

    def _file(self, branch: import_world.Branch) -> File:
        return import_file.made(self.rows, first=2_000_000, agent_codes=[branch.agent_code])

    def _warm_file(self, branch: import_world.Branch) -> File:
        return import_file.made(int(self.rows * WARM), first=1_000_000, agent_codes=[branch.agent_code])

    @asynccontextmanager
    async def _started(self, database: Database) -> AsyncIterator[ServiceProcess]:
        environ = service_process.environment(
            "registration",
            "api,workers",
            database_url=database.writer_url,
            bootstrap=self.servers.bootstrap,
            prefix=self.prefix,
            port=service_process.free_port(),
            jwks_url=f"{self.stack.url('issuer')}/jwks",
            issuer=self.stack.url("issuer"),
        )
        async with service_process.started("registration", environ, self.servers.folder / "import.log") as process:
            await service_process.until_ready(process)
            yield process

    async def _door(self, process: ServiceProcess, branch: import_world.Branch) -> Door:
        officer = Person("bench-import-officer", "officer", {"branch_id": branch.branch_id})
        (token,) = await tokens.mint(self.stack, [officer])
        return Door(process.url, token)

    async def _imported(
        self, process: ServiceProcess, database: Database, door: Door, file: File, *, xlsx: bool = False
    ) -> Imported:
        content, media_type = (file.xlsx, XLSX_TYPE) if xlsx else (file.csv, CSV_TYPE)
        began = time.perf_counter()
        import_id = await door.upload(content, media_type)
        return await import_watch.finished(process, database, import_id, began)

    async def _taken(self, database: Database, done: Imported) -> list[Part]:
        return await copied.taken(database.reader_url, done.import_id, done.lines[-1][1])

    async def _checks(self, database: Database, done: Imported, file: File, *, already: int) -> dict[str, int]:
        """Everything that must be 0. `already`: people whom another file registered before."""
        people = done.accepted + already + 1  # and the agent
        async with admin(database.reader_url) as connection:
            found = await connection.fetch(
                "SELECT line, outcome, code FROM import_results WHERE import_id = $1 ORDER BY line", done.import_id
            )
            counted = {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in _PER_PERSON}
            twice = await connection.fetchval("SELECT count(*) - count(DISTINCT nik_hash) FROM participants")
        wanted = [(line, *_outcome(file.refused.get(line))) for line in range(2, len(file.rows) + 2)]
        outcomes = [(row["line"], row["outcome"], row["code"]) for row in found]
        return {
            "rows_without_result": abs(len(file.rows) - done.accepted - done.refused),
            "results_wrong": sum(one != other for one, other in zip(wanted, outcomes, strict=False)),
            "results_astray": abs(len(wanted) - len(outcomes)),
            "niks_twice": twice,
            **{f"{name.split()[0]}_astray": abs(count - people) for name, count in counted.items()},
        }


_PER_PERSON = (
    "participants",
    "people",
    "person_keys WHERE subject IN (SELECT participant_id FROM participants)",
    "event_log WHERE stream = 'participants' AND type = 'ParticipantRegistered'",
)
"""One row each for everybody who was registered."""


def _outcome(code: str | None) -> tuple[str, str | None]:
    return ("accepted", None) if code is None else ("refused", code)


def _insist(checks: dict[str, int], what: str) -> None:
    wrong = {name: count for name, count in checks.items() if count}
    if wrong:
        raise NoResult(f"B10: {what}: {wrong}")
