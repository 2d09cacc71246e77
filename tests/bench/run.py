"""One run: the counters, then every benchmark asked for, on one ground; a benchmark that fails does not take the others with it."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.local import places
from tests.bench import counts, host, registry, report, server
from tests.bench.ground import Ground, open_ground
from tests.bench.report import Findings, Skipped
from tests.bench.rounds import NoResult
from tests.bench.steal import Steal

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """What is to be run. `three_brokers`: those that are defined for them once more on a cluster."""

    benchmarks: Sequence[str]
    counters: bool
    quick: bool = False
    three_brokers: bool = False
    seed: int = 1


async def run(wish: Wish, tell: Tell) -> dict[str, Any]:
    """The report of the run."""
    started_at, steal, findings = datetime.now(UTC), Steal.now(), Findings()
    folder = Path(tempfile.mkdtemp(prefix="perisai-bench-", dir="/var/tmp" if Path("/var/tmp").is_dir() else None))
    stack: dict[str, Any] | None = None
    try:
        if wish.counters:
            count(findings, tell)
        stack = await measure(wish, findings, folder / "one", 1, wish.benchmarks, tell)
        if wish.three_brokers:
            again = [name for name in wish.benchmarks if name in registry.ON_THREE_BROKERS]
            await measure(wish, findings, folder / "three", 3, again, tell)
        facts = host.facts(folder, steal_pct=steal.pct_until_now())
    finally:
        places.remove(folder)
    return report.build(findings, started_at=started_at, seed=wish.seed, quick=wish.quick, host=facts, stack=stack)


def count(findings: Findings, tell: Tell) -> None:
    """The deterministic counters."""
    tell("counters: the tests that compare counts with their ceilings")
    try:
        findings.counters = counts.measure()
    except counts.NotCounted as error:
        findings.invalid.append(f"counters: {error}")
        tell(f"counters: {error}")


async def measure(
    wish: Wish, findings: Findings, folder: Path, brokers: int, benchmarks: Sequence[str], tell: Tell
) -> dict[str, Any] | None:
    """Runs these on one ground; gives the stack they ran on, None when there was nothing to run."""
    found = {name: registry.find(name) for name in benchmarks}
    findings.skipped += [Skipped(name, why) for name, why in found.items() if isinstance(why, str)]
    to_run = {name: benchmark for name, benchmark in found.items() if not isinstance(benchmark, str)}
    if not to_run:
        return None
    folder.mkdir(parents=True)
    async with open_ground(folder, quick=wish.quick, seed=wish.seed, brokers=brokers, tell=tell) as ground:
        for name, benchmark in to_run.items():
            tell(f"{name}: begins")
            try:
                findings.results += await benchmark(ground, findings)
            except NoResult as error:
                _give_up(findings, name, str(error), tell)
            except Exception as error:  # settles: the others still run; the report says what happened
                traceback.print_exc()
                _give_up(findings, name, f"failed: {type(error).__name__}: {error}"[:300], tell)
        return await stack_facts(ground)


def _give_up(findings: Findings, name: str, reason: str, tell: Tell) -> None:
    findings.invalid.append(f"{name}: {reason}")
    findings.skipped.append(Skipped(name, reason))
    tell(f"{name}: no result: {reason}")


async def stack_facts(ground: Ground) -> dict[str, Any]:
    """`stack` of the report, read from the running servers."""
    return {
        "python": report.python_version(),
        "postgres": await server.facts(ground.admin_url),
        "broker": await broker_facts(ground),
        "libraries": host.libraries(),
    }


async def broker_facts(ground: Ground) -> dict[str, Any]:
    """Replication as the topic really has it."""
    bootstrap, topic = ground.stack.kafka.bootstrap.split(","), f"{ground.stack.topic_prefix}participants"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (described,) = await admin.describe_topics([topic])
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    config = {entry[0]: entry[1] for answer in answers for entry in answer.resources[0][4]}
    return {
        "name": ground.broker,
        "version": ground.stack.kafka.about.split()[2],
        "brokers": len(ground.stack.brokers),
        "replication_factor": len(described["partitions"][0]["replicas"]),
        "min_insync_replicas": int(config["min.insync.replicas"]),
        "flush": "page-cache",
    }
