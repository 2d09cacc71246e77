"""What operators see and do over HTTP, on a service whose reader, parking and clock are real."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from chassis.businessclock import BusinessClock
from chassis.clock import SystemClock
from chassis.ids import new_id
from chassis.problems import Refusal
from chassis.process import Process
from chassis.service import App
from chassis.settings import Environment
from tests.support.eventually import eventually
from tests.support.service import Harness, key_bytes, settings_for
from tests.support.stack import Stack
from tests.support.toy import COUNTING, Add, Counted, Following, count, running, totals, toy, toy_database, toy_topics

ROUTES = [
    ("GET", "/ops/status", None),
    ("GET", "/ops/parked", None),
    ("POST", "/ops/parked/counters/x/retry", None),
    ("POST", "/ops/parked/retry", None),
    ("POST", "/ops/clock", {"at": "2030-01-01T00:00:00+07:00"}),
]


def operator(h: Harness) -> dict[str, str]:
    return h.token(roles=["operator"])


async def test_a_setting_of_the_clock_that_nobody_knows_is_refused(stack: Stack) -> None:
    """`as_off` for `as_of` would silently move the clock to another time."""
    async with toy(COUNTING, stack) as h:
        body = {"at": "2030-01-01T00:00:00+07:00", "as_off": "2029-01-01T00:00:00+07:00"}
        refused = await h.client.post("/ops/clock", json=body, headers=operator(h))
        assert (refused.status_code, refused.json()["field"]) == (422, "as_off")


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_only_operators_come_in(stack: Stack, method: str, path: str, body: object) -> None:
    async with toy(COUNTING, stack) as h:
        for role in ("agent", "officer", "central", "auditor", "service"):
            refused = await h.client.request(method, path, json=body, headers=h.token(roles=[role]))
            assert refused.status_code == 403, role
        assert (await h.client.request(method, path, json=body)).status_code == 401


class TestStatus:
    async def test_tells_what_waits_where_with_kafka(self, stack: Stack) -> None:
        async with toy_topics(stack) as prefix:
            where = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
            async with toy(COUNTING, stack, **where) as h:
                await h.run(count, [Add(new_id(), 1) for _ in range(3)])
                found = (await h.client.get("/ops/status", headers=operator(h))).json()
                assert (found["events"], found["unpublished"], found["parked_keys"]) == (3, 3, 0)
                assert found["kafka"] == {"reachable": True, "lag": {}, "dead_letters": 0}

    async def test_says_so_when_kafka_is_away(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            found = (await h.client.get("/ops/status", headers=operator(h))).json()
            assert found["kafka"]["reachable"] is False
            assert found["consumers"] == {"participants": "running"}


class TestParked:
    async def test_parked_key_is_listed_and_retried(self, stack: Stack) -> None:
        handler = Following()
        async with toy(totals(handler), stack) as h:
            key = new_id()
            await h.deliver(h.record(Counted(counter_id=key, by=98), key=key))
            (listed,) = (await h.client.get("/ops/parked", headers=operator(h))).json()
            assert (listed["stream"], listed["key"], listed["reason"], listed["events"]) == (
                "counters",
                str(key),
                "unlucky_number",
                1,
            )
            handler.broken = False
            answer = await h.client.post(f"/ops/parked/counters/{key}/retry", headers=operator(h))
            assert (answer.status_code, answer.json()["status"]) == (202, "retrying")
            await h.retry_parked()
            assert (await h.client.get("/ops/parked", headers=operator(h))).json() == []

    async def test_key_with_a_slash_is_retried_too(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            key = "bank/81001/ref#1?"
            await h.deliver(h.record(Counted(counter_id=new_id(), by=98), key=key))
            path = f"/ops/parked/counters/{quote(key, safe='')}/retry"
            assert (await h.client.post(path, headers=operator(h))).status_code == 202

    async def test_retry_of_what_is_not_parked_is_unknown(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            answer = await h.client.post(f"/ops/parked/counters/{new_id()}/retry", headers=operator(h))
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    async def test_after_a_repair_all_are_tried_but_those_that_wait_for_another_event(self, stack: Stack) -> None:
        handler = Following()
        async with toy(totals(handler), stack) as h:
            failed = [new_id() for _ in range(3)]
            await h.deliver(*(h.record(Counted(counter_id=key, by=98), key=key) for key in failed))
            gap = new_id()
            await h.deliver(h.record(Counted(counter_id=gap, by=1), key=gap, seq=2))
            handler.broken = False
            answer = await h.client.post("/ops/parked/retry", headers=operator(h))
            assert answer.json() == {"keys": 3}
            await h.retry_parked()
            (left,) = (await h.client.get("/ops/parked", headers=operator(h))).json()
            assert (left["key"], left["reason"]) == (str(gap), "gap")

    async def test_more_keys_than_the_list_shows_are_counted(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            await h.deliver(*(h.record(Counted(counter_id=(key := new_id()), by=98), key=key) for _ in range(201)))
            assert len((await h.client.get("/ops/parked", headers=operator(h))).json()) == 200
            assert (await h.client.get("/ops/status", headers=operator(h))).json()["parked_keys"] == 201


def counting(url: str, **settings: object) -> App:
    return App(COUNTING, settings_for(COUNTING, url, **settings), clock=SystemClock())


class TestBusinessClock:
    async def test_moved_forward_over_http_and_never_back(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            h.app.clock = SystemClock()
            later = datetime.now(UTC) + timedelta(days=40)
            answer = await h.client.post("/ops/clock", json={"at": later.isoformat()}, headers=operator(h))
            assert answer.status_code == 200
            assert datetime.fromisoformat(answer.json()["business_time"]) >= later
            back = await h.client.post(
                "/ops/clock", json={"at": (later - timedelta(days=1)).isoformat()}, headers=operator(h)
            )
            assert (back.status_code, back.json()["code"]) == (409, "clock_fixed")
            assert h.app.clock.business() >= later

    async def test_the_same_pair_again_is_the_same_clock(self, stack: Stack) -> None:
        """Whoever had no answer tells it again."""
        async with toy(COUNTING, stack) as h:
            h.app.clock = SystemClock()
            now = datetime(2026, 11, 30, 12, 0, 0, 250_000, tzinfo=UTC)
            pair = {"at": (now + timedelta(days=40, milliseconds=400)).isoformat(), "as_of": now.isoformat()}
            for _ in range(2):
                answer = await h.client.post("/ops/clock", json=pair, headers=operator(h))
                assert answer.status_code == 200
                assert h.app.clock.offset == timedelta(days=40, seconds=1)

    async def test_fixed_in_production(self, stack: Stack) -> None:
        async with toy_database(stack) as url:
            app = counting(url, environment=Environment.PRODUCTION, key_door_token=key_bytes("door").hex())
            with pytest.raises(Refusal):
                await BusinessClock(app).advance_to(datetime.now(UTC) + timedelta(days=1))
            await app.close()

    async def test_two_processes_live_in_the_same_month_also_after_a_restart(self, stack: Stack) -> None:
        async with toy_database(stack) as url:
            one, other = counting(url), counting(url)
            later = datetime.now(UTC) + timedelta(days=40)
            await BusinessClock(one).advance_to(later)
            await BusinessClock(other).read()
            assert other.clock.business() >= later
            restarted = counting(url)
            await BusinessClock(restarted).start()  # before it serves or fires anything
            assert restarted.clock.business() >= later
            for app in (one, other, restarted):
                await app.close()

    async def test_racing_operators_never_move_it_back(self, stack: Stack) -> None:
        async with toy_database(stack) as url:
            one, other = counting(url), counting(url)
            soon, later = (datetime.now(UTC) + timedelta(days=n) for n in (5, 10))
            slow = BusinessClock(one)
            read = slow.read

            async def then_the_other() -> None:
                await read()
                slow.read = read  # type: ignore[method-assign]
                await BusinessClock(other).advance_to(later)

            slow.read = then_the_other  # type: ignore[method-assign]
            await slow.advance_to(soon)
            assert one.clock.business() >= later
            for app in (one, other):
                await app.close()

    async def test_stored_offset_is_followed_while_running(self, stack: Stack) -> None:
        async with toy_database(stack) as url:
            one, other = counting(url), counting(url)
            process = Process(other)
            async with running(process):
                later = datetime.now(UTC) + timedelta(days=40)
                await BusinessClock(one).advance_to(later)
                await eventually(lambda: other.clock.business() >= later)
            for app in (one, other):
                await app.close()
