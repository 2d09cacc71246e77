"""What an operator sees and does, the same in every service: `/ops/status`, `/ops/parked`, retry, business clock."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from chassis import asof
from chassis.attention import counted
from chassis.cursors import UNPUBLISHED
from chassis.deadletters import TOPIC as DEAD_LETTERS
from chassis.http.auth import Principal, allow
from chassis.http.bodies import accepts, body
from chassis.http.dates import Moment
from chassis.http.limits import body_limit
from chassis.http.responses import problems
from chassis.problems import NOT_FOUND, Refusal, Rejected
from chassis.reader import Reader
from chassis.subscribing import group_of
from chassis.tables import event_log

if TYPE_CHECKING:
    from chassis.process import Process

KAFKA_S = 5.0
MOST_KEYS, LARGEST_QUESTION = 2_000, 256 * 1024
Operator = Annotated[Principal, Depends(allow("operator"))]
Auditor = Annotated[Principal, Depends(allow("auditor"))]
Name = Annotated[str, Field(min_length=1, max_length=255)]


class ClockSetting(BaseModel):
    """Business time is `at` when wall time is `as_of`; without it, now."""

    model_config = ConfigDict(extra="forbid")

    at: Moment
    as_of: Moment | None = None


class KeyNamed(BaseModel):
    """One thing: its stream, and its key there."""

    model_config = ConfigDict(extra="forbid")

    stream: Name
    key: Name


class AsOfWanted(BaseModel):
    """What these keys were at `at`, by the wall clock."""

    model_config = ConfigDict(extra="forbid")

    at: Moment
    keys: Annotated[list[KeyNamed], Field(min_length=1, max_length=MOST_KEYS)]


def router(process: Process) -> APIRouter:
    """The operators' routes of one process, and one of auditors; nothing personal in any answer."""
    routes = APIRouter(prefix="/ops", tags=["operations"])
    app = process.app

    @routes.get("/status")
    async def status(who: Operator) -> dict[str, Any]:
        """Unpublished events, parked keys, consumer lag and dead letters of this service, what waits for a person, and both clocks."""
        async with app.read() as conn:
            unpublished = (await conn.execute(UNPUBLISHED)).one()
            events = (await conn.execute(sa.select(sa.func.count()).select_from(event_log))).scalar_one()
            attention = await counted(conn, app.composition.concerns, app.clock.business())
        return {
            "service": app.service.name,
            "instance": app.instance,
            "business_time": app.clock.business(),
            "wall_time": app.clock.wall(),
            "events": events,
            "unpublished": unpublished.rows,
            "oldest_unpublished_s": float(unpublished.age or 0),
            "relay": process.relay.stopped_because or "running" if process.relay else "not in this process",
            "attention": attention,
            "parked_keys": await process.parking.count(),
            "consumers": {reader.topic: _doing(reader) for reader in process.readers},
            "kafka": await _kafka(process),
        }

    @routes.get("/parked")
    async def parked(who: Operator) -> list[dict[str, Any]]:
        """The 200 keys that wait longest: for what, since when, how often tried."""
        return [asdict(key) for key in await process.parking.listed()]

    @routes.post("/parked/retry", status_code=202)
    async def retry_all(who: Operator) -> dict[str, int]:
        """Tries every parked key now that a retry can help; after a repair."""
        return {"keys": await process.parking.retry_all()}

    @routes.post("/parked/{stream}/{key:path}/retry", status_code=202)
    async def retry(stream: str, key: str, who: Operator) -> dict[str, str]:
        """Tries one parked key now. 404 when it is not parked."""
        if not await process.parking.retry(stream, key):
            raise Refusal(Rejected(NOT_FOUND))
        return {"stream": stream, "key": key, "status": "retrying"}

    @routes.post("/clock")
    async def clock(setting: ClockSetting, who: Operator) -> dict[str, Any]:
        """Moves business time forward, outside production."""
        await process.clock.advance_to(setting.at, as_of=setting.as_of)
        return {"business_time": app.clock.business()}

    @routes.post(
        "/as-of",
        openapi_extra=accepts(AsOfWanted),
        responses=problems(asof.NOTHING_KNOWN, asof.TIME_TO_COME, asof.TOO_MANY_EVENTS, asof.UNFOLDABLE),
    )
    @body_limit(LARGEST_QUESTION)
    async def as_of(request: Request, who: Auditor) -> dict[str, Any]:
        """What the events of some keys had come to at a moment: the events, and the rows of every table that follow from them. Changes nothing."""
        wanted = await body(request, AsOfWanted)
        of = [(one.stream, one.key) for one in wanted.keys]
        now = app.clock.wall()
        account = await asof.as_of(app.service, app.engine, app.vault, app.keys, at=wanted.at, now=now, of=of)
        return account.as_json()

    return routes


def _doing(reader: Reader) -> str:
    if reader.stopped_because:
        return f"stopped: {reader.stopped_because}"
    return f"waiting: {reader.waiting_because}" if reader.waiting_because else "running"


async def _kafka(process: Process) -> dict[str, Any]:
    """Lag of this service's groups and the number of its dead letters, as the broker has them; says so when Kafka is away."""
    settings = process.app.settings
    prefix, bootstrap = settings.topic_prefix, settings.kafka_bootstrap.split(",")
    groups = {reader.topic: group_of(prefix, process.app.service.name, reader.topic) for reader in process.readers}
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        async with asyncio.timeout(KAFKA_S):
            await asyncio.gather(consumer.start(), admin.start())
            lag = {
                topic: await _lag(consumer, prefix + topic, await admin.list_consumer_group_offsets(group))
                for topic, group in groups.items()
            }
            letters = await _length(consumer, prefix + DEAD_LETTERS)
        return {"reachable": True, "lag": lag, "dead_letters": letters}
    except Exception as error:  # settles: an operator wants to read just this
        return {"reachable": False, "error": type(error).__name__}
    finally:
        await asyncio.gather(consumer.stop(), admin.close(), return_exceptions=True)


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    await consumer._client.add_topic(topic)
    return [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]


async def _lag(consumer: AIOKafkaConsumer, topic: str, committed: dict[TopicPartition, OffsetAndMetadata]) -> int:
    partitions = await _partitions(consumer, topic)
    ends = await consumer.end_offsets(partitions)
    starts = await consumer.beginning_offsets(partitions)
    return sum(ends[p] - (committed[p].offset if p in committed else starts[p]) for p in partitions)


async def _length(consumer: AIOKafkaConsumer, topic: str) -> int:
    partitions = await _partitions(consumer, topic)
    ends = await consumer.end_offsets(partitions)
    starts = await consumer.beginning_offsets(partitions)
    return sum(ends[p] - starts[p] for p in partitions)
