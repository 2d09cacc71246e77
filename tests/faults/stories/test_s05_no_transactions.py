"""S5: nobody here uses a transactional producer: a transactional commit may say yes and have lost records (librdkafka #3575; Jepsen).

Asserted of the source of everything that runs, of the producers that it makes, and of the broker that it has been using.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from chassis.ids import new_id
from chassis.process import Process
from chassis.producer import make_producer
from deploy.local.places import PROJECT
from tests.faults.evidence import Evidence, Violation
from tests.faults.stories import facts
from tests.faults.stories.pair import pair
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.toy import Add, count, running

RUNS = ("chassis", "services", "deploy")
TRANSACTIONAL = {
    "transactional_id",
    "begin_transaction",
    "commit_transaction",
    "send_offsets_to_transaction",
    "transaction",
}
ALSO_SQL = {"transaction"}
"""Words that mean a Kafka transaction only on something called a producer."""


@pytest.mark.cell("story.S5", fault="S5", service="all")
async def test_no_producer_is_transactional(stack: Stack, evidence: Evidence) -> None:
    files = [file for folder in RUNS for file in sorted((PROJECT / folder).rglob("*.py"))]
    named = [
        facts.wrong(str(f.relative_to(PROJECT)), line, "no transaction", name) for f in files for line, name in _uses(f)
    ]
    producer = make_producer([stack.kafka_bootstrap], client_id="s5")
    manager, acks = producer._txn_manager, producer._sender._acks
    await producer.stop()
    made = [] if acks == -1 else [facts.wrong("producer", "acks", -1, acks)]
    if manager is None or manager.transactional_id is not None:
        made.append(facts.wrong("producer", "transactional_id", "idempotent without one", manager))
    async with pair(stack) as both, running(Process(both.writer.app)), running(Process(both.reader.app)):
        await both.writer.run(count, [Add(new_id(), 1) for _ in range(10)])
        await eventually(both.drained, within_s=40)
        await both.judge(evidence)
    evidence.holds("I2", checked=len(files) + 2, violations=[*named, *made, *await _on_broker(stack)])
    evidence.fired(1, of=1, unit="run")


def _uses(file: Path) -> Iterator[tuple[int, str]]:
    """(line, name) of every transaction of Kafka's that the file speaks of."""
    for node in ast.walk(ast.parse(file.read_text())):
        name = node.arg if isinstance(node, ast.keyword) else node.attr if isinstance(node, ast.Attribute) else None
        if name in TRANSACTIONAL - ALSO_SQL:
            yield getattr(node, "lineno", 0), str(name)
        if isinstance(node, ast.Attribute) and name in ALSO_SQL and "producer" in ast.unparse(node.value):
            yield node.lineno, str(name)


async def _on_broker(stack: Stack) -> list[Violation]:
    """The broker makes this topic for the first transactional producer that it ever meets."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.kafka_bootstrap)
    await consumer.start()
    try:
        topics = await consumer.topics()
    finally:
        await consumer.stop()
    return (
        [facts.wrong("broker", "__transaction_state", "absent", "present")] if "__transaction_state" in topics else []
    )
