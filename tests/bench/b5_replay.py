"""B5: events per second of a replay that is fed from the archive, to the word "equal", against a bare reader of the same records.

The replay is what an auditor runs: `perisai audit verify` computes the tree anew, `perisai audit replay payments` reads the archive, rebuilds
the state in a shadow and compares it with what stands live. Each is a process of its own, and its start counts.

    python -m tests.bench.b5_replay --events 20000               # one round alone, on given or embedded servers
    python -m tests.bench.b5_replay --events 1000000 --as-of     # what was known at a moment
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chassis.telemetry import configure_logs
from deploy.local.places import PROJECT
from tests.bench import as_of
from tests.bench.beside import beside
from tests.bench.cpu import children, family_seconds
from tests.bench.ground import Ground
from tests.bench.replay_world import Archived, archived
from tests.bench.report import Findings
from tests.bench.rounds import NoResult, Result, Side, Spec, ratio
from tests.bench.servers import Servers, admin, reading
from tests.support import stack as stacks
from tests.support.stack import open_folder

EVENTS, QUICK = 200_000, 5_000
TOGETHER = 1_000
Measure = Callable[..., Coroutine[Any, Any, Result]]
LOOK_EVERY_S = 0.1
PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20
SPEC = Spec("B5", "", "kafka-1", passes=0.03, world_class=0.08)


async def run(ground: Ground, findings: Findings) -> Sequence[Result]:
    with tempfile.TemporaryDirectory() as folder:
        servers = Servers.of(ground.stack, Path(folder))
        spec = replace(SPEC, broker=ground.broker)
        known = replace(as_of.SPEC, broker=ground.broker)
        async with ground.only():
            if ground.quick:
                return [
                    await measured(servers, spec.quick(), QUICK, tell=ground.tell),
                    await as_of.measured(servers, known.quick(), as_of.QUICK, tell=ground.tell),
                ]
            return [
                await measured(servers, spec, EVENTS, tell=ground.tell),
                await as_of.measured(servers, known, as_of.EVENTS, tell=ground.tell),
            ]


async def measured(servers: Servers, spec: Spec, events: int, *, tell: Callable[[str], None]) -> Result:
    """Raises NoResult also when a difference that was planted in a spare copy is not named."""
    async with archived(servers, events=events, tell=tell) as world:
        await _planted_is_named(world)

        async def numerator(_: int) -> Side:
            return await _replayed(world)

        async def denominator(_: int) -> Side:
            return await _read(world)

        result = await ratio(spec, numerator, denominator, prepare=lambda: servers.settle(world.payments), tell=tell)
        return beside(result, {"mean_bytes": world.mean_bytes})


@dataclass(frozen=True)
class Ran:
    """A command that ended: its exit code, the object it said, how long it took, and the most memory that it and its children held."""

    code: int
    told: dict[str, Any]
    seconds: float
    peak_mib: float


async def perisai(environ: Mapping[str, str], *arguments: str) -> Ran:
    """`perisai audit …` as an auditor runs it."""
    began = time.perf_counter()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", "audit", *arguments, "--json"),
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], **environ},
        stdout=PIPE,
        stderr=PIPE,
    )
    watching = asyncio.create_task(_peak(child.pid))
    out, error = await child.communicate()
    seconds = time.perf_counter() - began
    peak = await watching
    if child.returncode not in (0, 1):
        raise NoResult(f"B5: {arguments[0]} ended with {child.returncode}: {error.decode()[-500:]}")
    return Ran(child.returncode or 0, json.loads(out.splitlines()[-1]), seconds, peak)


async def _peak(pid: int) -> float:
    """MiB of a process and all below it together, at the moment when they held most."""
    most = 0.0
    while held := _resident(pid):
        most = max(most, held)
        await asyncio.sleep(LOOK_EVERY_S)
    return most


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * PAGE_MIB + sum(map(_resident, children(pid)))


async def _replayed(world: Archived) -> Side:
    environ = world.feeding(world.payments)
    verified = await perisai(environ, "verify")
    postgres, before = await _postmaster(world), os.times()
    postgres_before = family_seconds(postgres)
    found = await perisai(environ, "replay", "payments")
    after, told = os.times(), found.told
    own_s = after.children_user + after.children_system - before.children_user - before.children_system
    postgres_s = family_seconds(postgres) - postgres_before
    seconds = verified.seconds + found.seconds
    return Side(
        value=world.events / seconds,
        what="events verified, rebuilt and compared/s",
        items=world.events,
        warmup_s=0.0,
        measured_s=seconds,
        checks={
            "not_verified": int(not verified.told["verified"]),
            "events_not_verified": world.events - verified.told["events"],
            "differences": len(told["differences"]),
            "discrepancies": told["log"]["discrepancies"],
            "events_missing": world.events - told["events"],
        },
        alongside={
            "verify_alone_per_s": world.events / verified.seconds,
            "rebuild_alone_per_s": world.events / told["seconds"]["folded"],
            "compare_alone_per_s": world.events / told["seconds"]["compared"],
            "replay_alone_per_s": world.events / found.seconds,
            "cpu_us_per_event": {
                "audit and payments": own_s / world.events * 1e6,
                "postgres": postgres_s / world.events * 1e6,
            },
            "cores_busy": (own_s + postgres_s) / found.seconds,
            "peak_mib": max(verified.peak_mib, found.peak_mib),
        },
    )


async def _postmaster(world: Archived) -> int:
    async with admin(world.payments.admin_url) as connection:
        backend = await connection.fetchval("SELECT pg_backend_pid()")
        return int(Path(f"/proc/{backend}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])


async def _read(world: Archived) -> Side:
    """`getmany` over the same records, nothing decoded."""
    async with reading(world.servers.bootstrap, world.topic) as (consumer, _):
        found, began = 0, time.perf_counter()
        while found < world.events:
            fetched = await consumer.getmany(timeout_ms=1_000, max_records=TOGETHER)
            found += sum(map(len, fetched.values()))
        seconds = time.perf_counter() - began
    return Side(
        value=found / seconds,
        what="aiokafka getmany records/s",
        items=found,
        warmup_s=0.0,
        measured_s=seconds,
        checks={"records_too_many": found - world.events},
    )


async def _planted_is_named(world: Archived) -> None:
    async with world.servers.database("payments", template=world.payments.name) as spare:
        async with admin(spare.admin_url) as connection:
            payer = await connection.fetchval("SELECT participant_id FROM payers ORDER BY participant_id LIMIT 1")
            await connection.execute("UPDATE payers SET income = income + 1 WHERE participant_id = $1", payer)
        found = await perisai(world.feeding(spare), "replay", "payments")
        expected = [{"table": "payers", "key": str(payer), "column": "income", "kind": "differs"}]
        if found.told["differences"] != expected:
            raise NoResult(f"B5: a planted difference was not named: {found.told['differences'][:3]}")


def _alone(measure: Measure, spec: Spec, events: int, rounds: int) -> None:
    """By itself, on given servers or embedded ones."""
    configure_logs("bench", "json", "error")
    with open_folder() as folder:
        os.environ.update({stacks.FOLDER: str(folder), stacks.CONTROLLER: str(os.getpid())})
        stack = stacks.find()
        try:
            servers = Servers(stack.kafka_bootstrap, stack.admin_url, folder)
            spec = replace(spec, rounds=rounds, more=0)
            result = asyncio.run(measure(servers, spec, events, tell=lambda text: print(text, flush=True)))
            stacks.drop_made(folder)
        finally:
            stacks.end(folder)
    print(f"ratio {result.ratio:.4f} ({result.low:.4f}-{result.high:.4f}); {result.alongside}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.b5_replay")
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--as-of", action="store_true", help="what was known at a moment, of an archive with so many events"
    )
    said = parser.parse_args()
    if said.as_of:
        _alone(as_of.measured, as_of.SPEC, said.events, said.rounds)
    else:
        _alone(measured, SPEC, said.events, said.rounds)
