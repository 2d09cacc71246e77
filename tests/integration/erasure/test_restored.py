"""Yesterday's backup is put back after an erasure: before the service serves, the person is erased again, as it happened, and stays unreadable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from chassis import eventlog, restored
from chassis.clock import SystemClock
from chassis.lost import ErasureIncomplete
from chassis.service import App
from chassis.topicreader import read_topic
from tests.integration.erasure.searching import in_clear, opened, sought
from tests.integration.erasure.test_forgotten_everywhere import (
    assert_replays_equal,
    payee,
    register,
    somebody,
    values,
)
from tests.integration.erasure.three import GATEWAY, Three, record_of, share_keys, three
from tests.integration.payments.bank import Bank
from tests.integration.registration.world import World
from tests.support.eventually import eventually
from tests.support.service import Harness, settings_for
from tests.support.stack import Stack
from tests.support.topics import read_topic as raw_topic
from tests.support.topics import write_topic

pytestmark = pytest.mark.timeout(600)
MORE: Mapping[str, Mapping[str, Any]] = {"notifications": GATEWAY}
EVERYBODY = ("registration", "payments", "notifications")
_LOG = sa.text(f"SELECT position, {eventlog.ENVELOPE_COLUMNS} FROM event_log ORDER BY position")


async def test_what_was_erased_after_the_backup_is_erased_again_before_anything_is_served(stack: Stack) -> None:
    gone, late, stays = (
        somebody("Wanodya Lenggahjati", "081255512301"),
        somebody("Sasmaya Prawirodirjo", "081255512302"),
        somebody("Kartawirya Mangkusubroto", "081255512303"),
    )
    async with three(stack) as all_, stack.own_topics() as prefix, AsyncExitStack() as opening:
        (who, _), (other, _) = [await register(all_, one) for one in (gone, stays)]
        await payee(all_, who, gone["name"])
        await _month_passes(all_)
        for h in all_.all:
            await restored.before_serving(h.app, None)
        copies = {h.service.name: await opening.enter_async_context(copy_of(stack, h)) for h in all_.all}
        newcomer, _ = await register(all_, late)
        await _month_passes(all_)
        for person in (who, newcomer):
            assert await all_.erase(person) == "FORGOTTEN"
        await _publish(stack, prefix, all_)

        back = await _put_back(stack, opening, all_, copies, prefix)
        keeper = back.world.h
        for h in back.all:
            assert await opened(h, keeper, sought(values(gone))), h.service.name
        taken = {h.service.name: await _served(h) for h in back.all}

        assert all(taken.values()), taken
        for h in back.all:
            for erased in (gone, late):
                assert await in_clear(h, sought(values(erased))) == set(), h.service.name
                assert await opened(h, keeper, sought(values(erased))) == set(), h.service.name
            assert await opened(h, keeper, sought(values(stays))), h.service.name
        await assert_replays_equal(back)
        await _nothing_is_decided_anew(all_, back, [who, newcomer])
        assert {h.service.name: await _served(h) for h in back.all} == dict.fromkeys(EVERYBODY, 0)

        again, _ = await register(back, gone)
        assert again not in (who, other)
        assert not await _new_to_bpu(back.payments, again)
        await assert_replays_equal(back)


@pytest.mark.parametrize("service", EVERYBODY)
async def test_one_service_that_was_put_back_alone_agrees_with_the_others(stack: Stack, service: str) -> None:
    gone = somebody("Wanodya Lenggahjati", "081255512301")
    async with three(stack) as all_, stack.own_topics() as prefix, AsyncExitStack() as opening:
        who, _ = await register(all_, gone)
        await payee(all_, who, gone["name"])
        await _month_passes(all_)
        h = next(h for h in all_.all if h.service.name == service)
        await restored.before_serving(h.app, None)
        copy = await opening.enter_async_context(copy_of(stack, h))
        assert await all_.erase(who) == "FORGOTTEN"
        await _publish(stack, prefix, all_)
        back = await _put_back(stack, opening, all_, {service: copy}, prefix)
        one = next(h for h in back.all if h.service.name == service)
        assert await _served(one) > 0
        assert await opened(one, back.world.h, sought(values(gone))) == set()
        await _nothing_is_decided_anew(all_, back, [who])
        await assert_replays_equal(back)


async def test_an_erasure_that_was_never_followed_is_followed_now(stack: Stack) -> None:
    """The service was lost before it had published what it did, and its group has read on."""
    gone = somebody("Wanodya Lenggahjati", "081255512301")
    async with three(stack) as all_, stack.own_topics() as prefix, AsyncExitStack() as opening:
        who, _ = await register(all_, gone)
        await _month_passes(all_)
        await restored.before_serving(all_.notifications.app, None)
        copy = await opening.enter_async_context(copy_of(stack, all_.notifications))
        assert await all_.erase(who) == "FORGOTTEN"
        await _publish(stack, prefix, all_, writers=("registration", "payments"))
        back = await _put_back(stack, opening, all_, {"notifications": copy}, prefix)
        h = back.notifications
        await _served(h)
        assert await opened(h, back.world.h, sought(values(gone))) == set()
        types = [row.type for row in await _log(h) if (row.stream, row.key) == ("recipients", str(who))]
        assert types == ["RecipientAdded", "RecipientForgotten"]
        assert (await h.replay()).differences == []


async def test_a_hole_between_log_and_erasure_keeps_the_service_from_serving(stack: Stack) -> None:
    gone = somebody("Wanodya Lenggahjati", "081255512301")
    async with three(stack) as all_, stack.own_topics() as prefix, AsyncExitStack() as opening:
        who, _ = await register(all_, gone)
        await _month_passes(all_)
        await restored.before_serving(all_.world.h.app, None)
        copy = await opening.enter_async_context(copy_of(stack, all_.world.h))
        assert await all_.erase(who) == "FORGOTTEN"
        await _publish(stack, prefix, all_, without="ErasureRequested")
        back = await _put_back(stack, opening, all_, {"registration": copy}, prefix)
        for _ in range(2):
            with pytest.raises(ErasureIncomplete, match=f"participants {who}"):
                await _served(back.world.h)


async def _month_passes(all_: Three) -> None:
    all_.clock.move(timedelta(days=40))
    await all_.work()


async def _served(h: Harness) -> int:
    """As a process begins; gives how many events its log has more."""
    before = len(await _log(h))
    await restored.before_serving(h.app, restored.following(h.app))
    return len(await _log(h)) - before


async def _log(h: Harness) -> Sequence[Any]:
    async with h.app.read() as conn:
        return (await conn.execute(_LOG)).all()


async def _nothing_is_decided_anew(before: Three, back: Three, people: Sequence[UUID]) -> None:
    """Everything once more, to everybody: of the erased the logs of before and after are the same, byte for byte."""
    await back.carry(again=True)
    for old, new in zip(before.all, back.all, strict=True):
        assert await _told_of(new, people) == await _told_of(old, people), new.service.name
        async with new.app.read() as conn:
            assert (await conn.execute(sa.text("SELECT key FROM progress WHERE parked IS NOT NULL"))).all() == []


async def _told_of(h: Harness, people: Sequence[UUID]) -> set[tuple[Any, ...]]:
    keys = {str(who) for who in people}
    return {(r.event_id, r.stream, r.key, r.seq, bytes(r.payload)) for r in await _log(h) if r.key in keys}


async def _new_to_bpu(h: Harness, who: UUID) -> bool:
    async with h.app.read() as conn:
        query = sa.text("SELECT new_to_bpu FROM payers WHERE participant_id = :it")
        return bool((await conn.execute(query, {"it": who})).scalar_one())


async def _publish(
    stack: Stack, prefix: str, all_: Three, *, writers: Sequence[str] = EVERYBODY, without: str = ""
) -> None:
    """As the relays have."""
    for h in all_.all:
        if h.service.name not in writers:
            continue
        by_topic: dict[str, list[Any]] = {}
        for row in await _log(h):
            if row.type != without:
                topic = h.service.catalogue.topics[row.stream]
                one = record_of(h, topic, row)
                by_topic.setdefault(topic, []).append((one.key, one.value, one.headers))
        for topic, found in by_topic.items():
            await write_topic(stack.kafka_bootstrap, prefix + topic, found)


@asynccontextmanager
async def copy_of(stack: Stack, h: Harness) -> AsyncIterator[str]:
    """The backup, as a database of its own; gives its address."""
    await h.app.engine.dispose()
    await h.app._numbers_engine.dispose()
    url = h.app.settings.database_url
    server, _, name = url.rpartition("/")
    copy = stack.own_name("test_restored_")
    async with stack.admin() as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
            name,
        )
        await connection.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')
        await connection.execute(f'GRANT CONNECT ON DATABASE "{copy}" TO PUBLIC')
    try:
        yield f"{server}/{copy}"
    finally:
        async with stack.admin() as connection:
            await connection.execute(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')


async def _put_back(
    stack: Stack, opening: AsyncExitStack, all_: Three, copies: Mapping[str, str], prefix: str
) -> Three:
    """Those services stand on their backups from now on, the others where they stood."""
    found: dict[str, Harness] = {}
    for h in all_.all:
        found[h.service.name] = h
        if (url := copies.get(h.service.name)) is not None:
            more: Mapping[str, Any] = MORE.get(h.service.name, {})
            own = settings_for(h.service, url, kafka_bootstrap=stack.kafka_bootstrap, topic_prefix=prefix, **more)
            app = App(h.service, own, clock=all_.clock)
            opening.push_async_callback(app.close)
            found[h.service.name] = Harness(h.service, app, all_.clock)
    world = World(found["registration"], branch_id=all_.world.branch_id)
    share_keys(world.h, [found["payments"], found["notifications"]])
    return Three(world, found["payments"], found["notifications"], Bank(found["payments"]), all_.clock)


async def test_a_topic_is_read_from_a_moment_on(stack: Stack) -> None:
    async with stack.own_topics() as prefix:
        topic, bootstrap = f"{prefix}participants", stack.kafka_bootstrap
        await write_topic(bootstrap, topic, [(b"old%d" % n, b"{}", []) for n in range(5)])
        newest = max(record.timestamp for record in await raw_topic(bootstrap, topic))

        async def later() -> bool:
            return bool(SystemClock().wall().timestamp() * 1_000 > newest + 1)

        await eventually(later)
        since = datetime.fromtimestamp((newest + 1) / 1_000, UTC)
        assert [one async for one in read_topic([bootstrap], topic, since=since)] == []
        await write_topic(bootstrap, topic, [(b"new%d" % n, b"{}", []) for n in range(5)])
        found = {record.key async for record in read_topic([bootstrap], topic, since=since)}
        assert found == {b"new%d" % n for n in range(5)}
