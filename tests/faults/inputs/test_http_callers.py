"""Bad input at the HTTP door that is not in the form: the key, the caller, and a service that cannot take more or has lost its database.

A repeat gets the first answer; who may not is told nothing; what was not answered with success left nothing, and may be sent again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from chassis.http.app import create_app
from chassis.http.limits import Limits
from chassis.ids import new_id
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.inputs.refusals import odd, refused
from tests.faults.stories.crowd import processes
from tests.faults.threats import served as doors
from tests.faults.threats.examples import EXAMPLES, Example
from tests.faults.threats.rows import changes, picture
from tests.faults.threats.served import client_of, served
from tests.faults.threats.tenants import BUILD, SCOPED, Tenant
from tests.faults.threats.test_t02_tokens import Issuer
from tests.faults.threats.test_t05_roles import values
from tests.integration.registration.world import Headers, World, form
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(900)
EVERY = pytest.mark.parametrize("service", ["registration", "payments", "notifications"])
PLACES = 16
KINDS: Sequence[Mapping[str, Any]] = ({}, {}, {"phone": "12"}, {"consent": None})
"""Forms that are accepted, and that a rule refuses."""


def _answer(answer: httpx.Response) -> tuple[int, bytes]:
    return answer.status_code, answer.content


# --- the key --------------------------------------------------------------------------------------------------------


@pytest.mark.cell("input.http.key", fault="inputs", service="registration")
async def test_a_command_without_a_usable_key_is_refused(stack: Stack, evidence: Evidence) -> None:
    keys: list[bytes | None] = [None, b"", b"x" * 256, b"k\xe9", b"a\tb"]
    async with served("registration", stack) as h:
        world = await World.opened(h)
        before, wrong = await picture(h), list[Violation]()
        for key in keys:
            plain = {n.encode(): v.encode() for n, v in world.agent().items() if n != "Idempotency-Key"}
            headers = plain if key is None else {**plain, b"Idempotency-Key": key}
            answer = await h.client.post("/participants", json=form(), headers=headers)
            wrong += refused("key", answer, 400, "idempotency_key_missing")
        changed = changes(before, await picture(h))
    evidence.fired(len(keys), of=len(keys), unit="request")
    evidence.holds("inputs.answers", checked=len(keys), violations=wrong)
    evidence.holds("inputs.unchanged", checked=before.rows, violations=changed)


@pytest.mark.cell("input.http.key", fault="inputs", service="registration")
async def test_a_key_gives_its_first_answer_and_no_other_body_an_answer(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    """Successes and refusals by a rule are given again, hours later too; what was no form left its key free."""
    dice, each = random.Random(seed), scale(test=4, long=200)
    async with served("registration", stack) as h:
        world, wrong = await World.opened(h), list[Violation]()
        for _ in range(each):
            headers, person = world.agent(), form(**dice.choice(KINDS))
            invalid = await world.register({**person, "name": 5}, headers)
            wrong += refused("no form", invalid, 422, "invalid", fields={"name"})
            first = await world.register(person, headers)
            before = await picture(h, without={"number_blocks"})
            h.pass_time(hours=dice.randrange(1, 12))
            fresh = {**world.agent(), "Idempotency-Key": headers["Idempotency-Key"]}
            if _answer(await world.register(person, fresh)) != _answer(first):
                wrong.append(odd("same body", "", "the first answer", "another"))
            other = await world.register({**person, "work_place": f"Pasar {dice.random()}"}, fresh)
            wrong += refused("other body", other, 422, "key_reused")
            wrong += changes(before, await picture(h, without={"number_blocks"}))
            if first.status_code not in (201, 422):
                wrong.append(odd("a free key", "", "201 or 422", first.status_code))
    evidence.fired(4 * each, of=4 * each, unit="request")
    evidence.holds("inputs.answers", checked=4 * each, violations=wrong)


@pytest.mark.cell("input.http.key", fault="inputs", service="registration")
async def test_copies_in_flight_get_one_answer_and_other_actors_their_own(
    stack: Stack, evidence: Evidence, scale: Scale
) -> None:
    """Two processes are asked: a copy joins what its own process is at, or reads what the other committed first."""
    each, copies, wrong = scale(test=3, long=100), 8, list[Violation]()
    async with served("registration", stack) as h, processes(h, 2) as hs:
        world = await World.opened(h)
        for _ in range(each):
            person, key = form(), str(new_id())
            mine, theirs = ({**one, "Idempotency-Key": key} for one in (world.agent(), world.officer()))
            before = await _count(h)
            calls = [_register(hs[n % 2], person, _own(hs[n % 2], mine, world)) for n in range(copies)]
            told = {_answer(answer) for answer in await asyncio.gather(*calls)}
            other = await _register(h, form(), theirs)
            made = await _count(h) - before
            if len(told) != 1 or other.status_code != 201 or made != 2:
                wrong.append(
                    odd("in flight", key, "1 answer, 201, 2 people", f"{len(told)}, {other.status_code}, {made}")
                )
    evidence.fired(each * (copies + 1), of=each * (copies + 1), unit="request")
    evidence.holds("inputs.answers", checked=each * (copies + 1), violations=wrong)


def _own(h: Harness, headers: Headers, world: World) -> Headers:
    """The same agent and key, with a token that this process believes."""
    return {
        **World(h, world.branch_id, world.wadah_id, world.agent_id).agent(),
        "Idempotency-Key": headers["Idempotency-Key"],
    }


async def _register(h: Harness, person: Mapping[str, Any], headers: Headers) -> httpx.Response:
    return await h.client.post("/participants", json=person, headers=headers)


async def _count(h: Harness) -> int:
    async with h.app.read() as conn:
        return int((await conn.execute(sa.text("SELECT count(*) FROM participants"))).scalar_one())


# --- the caller -----------------------------------------------------------------------------------------------------


def _pointing(service: str) -> Iterator[tuple[str, Example, str]]:
    """(operation, example, a role with a scope) where the address names a thing."""
    for operation, every in EXAMPLES[service].items():
        roles = sorted(doors.roles_of(service)[operation] & {"agent", "officer", "checker"})
        named = {slot.name for slot in every[0].slots() if not slot.open} - {"branch_id"}
        if roles and named and (every[0].path or operation in ("GET /bills", "GET /payments")):
            yield operation, every[0], roles[-1]


@pytest.mark.cell("input.http.caller", fault="inputs", service="all")
@EVERY
async def test_who_may_not_is_told_nothing(
    service: str, stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    """No token or a bad one 401, another role 403, and another branch's thing 404, as one that does not exist."""
    dice, each = random.Random(seed), scale(test=1, long=20)
    async with served(service, stack) as h:
        tenants = await BUILD[service](h)
        own, foreign = tenants[0], tenants[-1]
        issuer, before, wrong, tried = Issuer(h), await picture(h), list[Violation](), 0
        for operation, every in [*EXAMPLES[service].items()] * each:
            request = every[0].request(
                operation, own.values | {"import_id": own.values.get("import_id", str(new_id()))}
            )
            closed = sorted({*doors.ROLES} - doors.roles_of(service)[operation])
            bad = dice.choice([*issuer.bad().values()])
            for headers in ({}, {"Authorization": f"Bearer {bad}", "Idempotency-Key": str(new_id())}):
                wrong += refused(operation, await _knock(h, request, headers), 401, "unauthorized")
            wrong += refused(operation, await _knock(h, request, _of(h, own, dice.choice(closed))), 403, "forbidden")
            tried += 3
        for operation, example, role in [*_pointing(service)] * each:
            answers = [
                await _knock(h, example.request(operation, named), own.headers(h, role))
                for named in (foreign.values, {**values(), "participant_id": str(new_id())})
            ]
            for answer in answers:
                wrong += refused(operation, answer, 404, "not_found", secrets=foreign.secrets)
            if answers[0].content != answers[1].content:
                wrong.append(odd(operation, role, "foreign as unknown", "two answers"))
            tried += 2
        changed = changes(before, await picture(h), grown={"idempotency"})
    evidence.fired(tried, of=tried, unit="request")
    evidence.holds("inputs.answers", checked=tried, violations=wrong)
    evidence.holds("inputs.unchanged", checked=before.rows, violations=changed)


def _of(h: Harness, tenant: Tenant, role: str) -> Headers:
    return tenant.headers(h, role) if role in SCOPED else h.token(roles=[role])


async def _knock(h: Harness, request: Mapping[str, Any], headers: Mapping[str, str]) -> httpx.Response:
    return await h.client.request(**{**request, "headers": {**request["headers"], **headers}})


# --- no more, and no database ---------------------------------------------------------------------------------------


@pytest.mark.cell("input.http.outage", fault="inputs", service="registration")
async def test_who_finds_no_place_is_told_when_to_come_back_and_may_use_the_same_key(
    stack: Stack, evidence: Evidence, scale: Scale
) -> None:
    more = scale(test=24, long=2_000)
    async with served("registration", stack) as h:
        world = await World.opened(h)
        parts = h.app.composition
        narrow = create_app(
            h.service.name,
            routers=parts.routers,
            verifier=h.asgi.state.verifier,
            checks={},
            limits=Limits(max_concurrent=PLACES),
        )
        calls, before = [(form(), world.agent()) for _ in range(PLACES + more)], await _count(h)
        async with client_of(narrow) as client, h.app.engine.connect() as blocking:
            await blocking.exec_driver_sql("LOCK TABLE idempotency IN ACCESS EXCLUSIVE MODE")
            held = [_held(client, call) for call in calls[:PLACES]]
            await eventually(lambda: _waiting(blocking), what="the first command waits for the table")
            turned = [await client.post("/participants", json=f, headers=t) for f, t in calls[PLACES:]]
            await blocking.rollback()
            taken = await asyncio.gather(*held)
            later = [await client.post("/participants", json=f, headers=t) for f, t in calls[PLACES:]]
        wrong = [one for answer in turned for one in _told_to_wait(answer, 429, "overloaded")]
        wrong += [odd("in its place", "", 201, a.status_code) for a in (*taken, *later) if a.status_code != 201]
        if (made := await _count(h) - before) != len(calls):
            wrong.append(odd("participants", "", len(calls), made))
    evidence.fired(more, of=more, unit="request")
    evidence.holds("inputs.answers", checked=len(calls) + more, violations=wrong)


def _held(client: httpx.AsyncClient, call: tuple[dict[str, Any], Headers]) -> asyncio.Task[httpx.Response]:
    return asyncio.create_task(client.post("/participants", json=call[0], headers=call[1]))


async def _waiting(conn: Any) -> bool:
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    return bool((await conn.exec_driver_sql(query)).scalar_one())


def _told_to_wait(answer: httpx.Response, status: int, code: str) -> list[Violation]:
    wrong = refused(code, answer, status, code)
    return wrong if int(answer.headers.get("Retry-After", 0)) > 0 else [*wrong, odd(code, "", "Retry-After", "none")]


@asynccontextmanager
async def away(h: Harness, stack: Stack) -> AsyncIterator[None]:
    """The database refuses every connection meanwhile."""
    name = h.app.engine.url.database
    async with stack.admin() as admin:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        try:
            yield
        finally:
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@pytest.mark.cell("input.http.outage", fault="inputs", service="registration")
async def test_without_its_database_nothing_is_stored_and_the_same_key_is_taken_later(
    stack: Stack, evidence: Evidence, scale: Scale
) -> None:
    """Kafka is away all the time, and nobody notices."""
    each = scale(test=5, long=500)
    async with served("registration", stack) as h:
        assert h.app.settings.kafka_bootstrap == "127.0.0.1:1", "an address that leads nowhere"
        world = await World.opened(h)
        calls, before = [(form(), world.agent()) for _ in range(each)], await picture(h)
        async with away(h, stack):
            turned = [await world.register(filled, headers) for filled, headers in calls]
            turned += [await h.client.get(path, headers=world.checker()) for path in ("/participants", "/agents")]
        changed = changes(before, await picture(h))
        wrong = [one for answer in turned for one in _told_to_wait(answer, 503, "unavailable")]
        later = [await world.register(filled, headers) for filled, headers in calls]
        wrong += [odd("later", "", 201, a.status_code) for a in later if a.status_code != 201]
    evidence.fired(len(turned), of=len(turned), unit="request")
    evidence.holds("inputs.answers", checked=len(turned) + each, violations=wrong)
    evidence.holds("inputs.unchanged", checked=before.rows, violations=changed)
