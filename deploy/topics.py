"""Every topic exists as declared, in its number of partitions and in how it is kept, before anything is published.

`ensure` may run at every start and from several processes: what exists is compared, what is missing is created, nothing is changed.
"""

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

DECLARATION = Path(__file__).with_name("topics.toml")
NO_ERROR = 0
PATIENCE_S = 60.0


class TopicsDiffer(Exception):
    """The broker's topics are not the declared ones; creating or growing them would break the order of keys."""


@dataclass(frozen=True)
class Topic:
    """One declared topic."""

    name: str
    partitions: int
    config: dict[str, str]


def declared_prefix(path: Path = DECLARATION) -> str:
    """What stands before every topic's name, unless a test says otherwise."""
    return str(tomllib.loads(path.read_text(encoding="utf-8"))["prefix"])


def declared(path: Path = DECLARATION, *, prefix: str | None = None) -> list[Topic]:
    """The topics of the declaration in its order; another `prefix` than the declared one makes them a test's own."""
    file = tomllib.loads(path.read_text(encoding="utf-8"))
    defaults, before = file["defaults"], file["prefix"] if prefix is None else prefix
    return [
        Topic(before + name, own.get("partitions", defaults["partitions"]), defaults["config"] | own.get("config", {}))
        for name, own in file["topics"].items()
    ]


async def ensure(bootstrap: str, topics: Sequence[Topic], *, patience_s: float = PATIENCE_S) -> None:
    """Creates what is missing and asserts the partition count and the declared settings of all.

    Waits up to `patience_s` while fewer brokers are registered than the replication needs. Raises TopicsDiffer with the
    topic, what is declared and what was found; aiokafka's errors if the broker does not answer.
    """
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    await client.start()
    try:
        replicas = min(3, len((await client.describe_cluster())["brokers"]))
        async with asyncio.timeout(patience_s):
            while not await _create(client, topics, replicas):
                await asyncio.sleep(0.2)
            while found := await _differences(client, topics):
                if any(count for _, count in found):
                    raise TopicsDiffer(_sentence(found))
                await asyncio.sleep(0.05)  # created, and not yet in this broker's metadata
            while (found_settings := await settings(client, topics)) is None:
                await asyncio.sleep(0.05)  # on a cluster, each broker learns of a new topic at its own time
            _assert_settings(found_settings, topics)
    finally:
        await client.close()


async def delete(bootstrap: str, topics: Sequence[Topic]) -> None:
    """Deletes the topics with their records; for tests and demonstrations on a broker that outlives them."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    await client.start()
    try:
        await client.delete_topics([topic.name for topic in topics])
    finally:
        await client.close()


async def _create(client: AIOKafkaAdminClient, topics: Sequence[Topic], replicas: int) -> bool:
    """True once every topic exists; False if brokers are still missing."""
    existing = set(await client.list_topics())
    new = [
        NewTopic(
            t.name, t.partitions, replicas, topic_configs=t.config | {"min.insync.replicas": str(max(1, replicas - 1))}
        )
        for t in topics
        if t.name not in existing
    ]
    if not new:
        return True
    answer = await client.create_topics(new, timeout_ms=10_000)
    codes = {code for _, code, *_ in answer.topic_errors}
    if InvalidReplicationFactorError.errno in codes:
        return False
    for code in codes - {NO_ERROR, TopicAlreadyExistsError.errno}:
        raise for_code(code)
    return True


async def _differences(client: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[tuple[Topic, int]]:
    found = {t["topic"]: len(t["partitions"]) for t in await client.describe_topics([t.name for t in topics])}
    return [(t, found.get(t.name, 0)) for t in topics if found.get(t.name, 0) != t.partitions]


async def settings(client: AIOKafkaAdminClient, topics: Sequence[Topic]) -> dict[str, dict[str, str]] | None:
    """Every topic's settings by name, or None while a broker that was asked has not heard of one of them."""
    answers = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, t.name) for t in topics])
    resources = [resource for answer in answers for resource in answer.resources]
    codes = {code for code, *_ in resources}
    if UnknownTopicOrPartitionError.errno in codes:
        return None
    for code in codes - {NO_ERROR}:
        raise for_code(code)
    return {name: {entry[0]: entry[1] for entry in entries} for *_, name, entries in resources}


def _assert_settings(found: Mapping[str, Mapping[str, str]], topics: Sequence[Topic]) -> None:
    for topic in topics:
        for setting, value in topic.config.items():
            if (has := found[topic.name].get(setting)) != value:
                raise TopicsDiffer(
                    f"{topic.name} has {setting}={has}, declared is {value}: set it on the broker before you start."
                )


def _sentence(found: Sequence[tuple[Topic, int]]) -> str:
    told = ", ".join(f"{t.name} has {count} partitions, declared are {t.partitions}" for t, count in found)
    return f"{told}: partition counts are fixed for good, use a new cluster or restore the declaration."
