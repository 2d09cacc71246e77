"""Topics on the real broker: exactly as declared, whoever creates them, how often ever."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy import topics
from tests.support.stack import Stack


async def test_declared_topics_are_created_once_and_again_without_harm(stack: Stack) -> None:
    declared = topics.declared(prefix=stack.own_name() + ".")
    await topics.ensure(stack.kafka_bootstrap, declared)
    await topics.ensure(stack.kafka_bootstrap, declared)


async def test_records_are_kept_without_limit(stack: Stack) -> None:
    async with stack.own_topics() as prefix:
        config = await _config(stack, prefix + "participants")
    wanted = {
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "cleanup.policy": "delete",
        "unclean.leader.election.enable": "false",
    }
    assert {name: config[name] for name in wanted} == wanted


async def test_a_topic_with_another_number_of_partitions_is_refused_and_named(stack: Stack) -> None:
    declared = topics.declared(prefix=stack.own_name() + ".")
    client = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_bootstrap)
    await client.start()
    try:
        await client.create_topics([NewTopic(declared[0].name, 3, 1)])
    finally:
        await client.close()
    with pytest.raises(topics.TopicsDiffer, match=f"{declared[0].name} has 3 partitions, declared are 24"):
        await topics.ensure(stack.kafka_bootstrap, declared)


async def test_a_topic_that_forgets_is_refused_and_named(stack: Stack) -> None:
    declared = topics.declared(prefix=stack.own_name() + ".")
    client = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_bootstrap)
    await client.start()
    try:
        week = {"retention.ms": "604800000"}
        await client.create_topics([NewTopic(declared[0].name, 24, 1, topic_configs=week)])
    finally:
        await client.close()
    with pytest.raises(topics.TopicsDiffer, match=rf"{declared[0].name} has retention\.ms=604800000, declared is -1"):
        await topics.ensure(stack.kafka_bootstrap, declared)


async def _config(stack: Stack, topic: str) -> dict[str, str]:
    client = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_bootstrap)
    await client.start()
    try:
        [answer] = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        [[_, _, _, _, entries]] = answer.resources
    finally:
        await client.close()
    return {entry[0]: entry[1] for entry in entries}
