"""What an operator can do to a topic or a group by mistake: delete offsets, delete records."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.protocol.admin import DeleteGroupsRequest

from tests.faults.environment.brokers import admin
from tests.faults.ground import Ground

PATIENCE_S = 40.0
"""A static member that was killed stays in its group for ten seconds, and a group with members cannot be deleted."""


async def delete_group(ground: Ground, group: str) -> None:
    """Deletes a group with all its offsets, as soon as it has no members; TimeoutError if it keeps some."""
    async with admin(ground) as client, asyncio.timeout(PATIENCE_S):
        while await _refused(client, group):
            await asyncio.sleep(0.5)


async def _refused(client: AIOKafkaAdminClient, group: str) -> bool:
    node = await client.find_coordinator(group)
    answer = await client._send_request(DeleteGroupsRequest([group]), node)
    return any(code for _, code in answer.results)


async def delete_records(ground: Ground, topic: str) -> int:
    """Deletes all that a topic holds now; gives how many records that were."""
    consumer = AIOKafkaConsumer(bootstrap_servers=ground.estate.stack.kafka.bootstrap.split(","))
    await consumer.start()
    try:
        await consumer._client.add_topic(topic)
        parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        begins, ends = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
    finally:
        await consumer.stop()
    async with admin(ground) as client:
        await client.delete_records({part: RecordsToDelete(before_offset=ends[part]) for part in parts})
    return sum(ends[part] - begins[part] for part in parts)
