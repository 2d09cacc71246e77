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

from chassis.http.app import create_app
from chassis.http.limits import Limits
from chassis.ids import new_id
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.inputs.refusals import odd, refused, unlike
from tests.faults.stories.crowd import processes
from tests.faults.threats import served as doors
from tests.faults.threats.examples import EXAMPLES, Example
from tests.faults.threats.served import client_of, served
from tests.faults.threats.tenants import BUILD, SCOPED, Tenant
from tests.faults.threats.test_t02_tokens import Issuer
from tests.faults.threats.test_t05_roles import values
from tests.faults.trial import Trial, nothing_changes, people_of, unchanged
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
async def test_a_command_without_a_usable_key_is_refused(world: World, evidence: Evidence) -> None:
    keys: list[bytes | None] = [None, b"", b"x" * 256, b"k\xe9", b"a\tb"]
    async with nothing_changes(world.h, evidence) as trial:
        for key in keys:
            plain = {n.encode(): v.encode() for n, v in world.agent().items() if n != "Idempotency-Key"}
            headers = plain if key is None else {**plain, b"Idempotency-Key": key}
            answer = await world.h.client.post("/participants", json=form(), headers=headers)
            trial.take(refused("key", answer, 400, "idempotency_key_missing"))


@pytest.mark.cell("input.http.key", fault="inputs", service="registration")
async def test_a_key_gives_its_first_answer_and_no_other_body_an_answer(
    world: World, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    """Successes and refusals by a rule are given again, hours later too; what was no form left its key free."""
    trial = Trial()
    for _ in range(scale(test=4, long=200)):
        headers, person = world.agent(), form(**dice.choice(KINDS))
        invalid = await world.register({**person, "name": 5}, headers)
        trial.take(refused("no form", invalid, 422, "invalid", fields={"name"}))
        first = await world.register(person, headers)
        trial.take(unlike(("a free key", True, first.status_code in (201, 422))))
        async with unchanged(world.h, trial.wrong, without={"number_blocks"}):
            world.h.pass_time(hours=dice.randrange(1, 12))
            fresh = {**world.agent(), "Idempotency-Key": headers["Idempotency-Key"]}
            again = await world.register(person, fresh)
            trial.take(unlike(("the first answer to the same body", True, _answer(again) == _answer(first))))
            other = await world.register({**person, "work_place": f"Pasar {dice.random()}"}, fresh)
            trial.take(refused("other body", other, 422, "key_reused"))
    trial.ends(evidence)


@pytest.mark.cell("input.http.key", fault="inputs", service="registration")
async def test_copies_in_flight_get_one_answer_and_other_actors_their_own(
    world: World, evidence: Evidence, scale: Scale
) -> None:
    """Two processes are asked: a copy joins what its own process is at, or reads what the other committed first."""
    copies, trial = 8, Trial()
    async with processes(world.h, 2) as hs:
        for _ in range(scale(test=3, long=100)):
            person, key = form(), str(new_id())
            mine, theirs = ({**one, "Idempotency-Key": key} for one in (world.agent(), world.officer()))
            before = await people_of(world.h)
            calls = [_register(hs[n % 2], person, _own(hs[n % 2], mine, world)) for n in range(copies)]
            told = {_answer(answer) for answer in await asyncio.gather(*calls)}
            other = await _register(world.h, form(), theirs)
            found = (len(told), other.status_code, await people_of(world.h) - before)
            trial.take(unlike((f"answers, another's, people under {key}", (1, 201, 2), found)), tries=copies + 1)
    trial.ends(evidence)


def _own(h: Harness, headers: Headers, world: World) -> Headers:
    """The same agent and key, with a token that this process believes."""
    return {
        **World(h, world.branch_id, world.wadah_id, world.agent_id).agent(),
        "Idempotency-Key": headers["Idempotency-Key"],
    }


async def _register(h: Harness, person: Mapping[str, Any], headers: Headers) -> httpx.Response:
    return await h.client.post("/participants", json=person, headers=headers)


# --- the caller -----------------------------------------------------------------------------------------------------


def _pointing(service: str) -> Iterator[tuple[str, Example, str]]:
    """(operation, example, a role with a scope) where the address names a thing."""
    for operation, every in EXAMPLES[service].items():
        roles = sorted(doors.roles_of(service)[operation] & {"agent", "officer", "checker"})
        named = {slot.name for slot in every[0].slots() if not slot.open} - {"branch_id"}
        if roles and named and (every[0].path or operation in ("GET /bills", "GET /payments", "GET /credit")):
            yield operation, every[0], roles[-1]


@pytest.mark.cell("input.http.caller", fault="inputs", service="all")
@EVERY
async def test_who_may_not_is_told_nothing(
    service: str, stack: Stack, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    """No token or a bad one 401, another role 403, and another branch's thing 404, as one that does not exist."""
    each = scale(test=1, long=20)
    async with served(service, stack) as h:
        own, *_, foreign = await BUILD[service](h)
        issuer = Issuer(h)
        async with nothing_changes(h, evidence, grown={"idempotency"}) as trial:
            for operation, every in [*EXAMPLES[service].items()] * each:
                named = own.values | {"import_id": own.values.get("import_id", str(new_id()))}
                request = every[0].request(operation, named)
                closed = sorted({*doors.ROLES} - doors.roles_of(service)[operation])
                bad = dice.choice([*issuer.bad().values()])
                for headers in ({}, {"Authorization": f"Bearer {bad}", "Idempotency-Key": str(new_id())}):
                    trial.take(refused(operation, await _knock(h, request, headers), 401, "unauthorized"))
                answer = await _knock(h, request, _of(h, own, dice.choice(closed)))
                trial.take(refused(operation, answer, 403, "forbidden"))
            for operation, example, role in [*_pointing(service)] * each:
                answers = [
                    await _knock(h, example.request(operation, named), own.headers(h, role))
                    for named in (foreign.values, {**values(), "participant_id": str(new_id())})
                ]
                code = "statement_not_yet_issued" if "/statements/{month}" in operation else "not_found"
                for answer in answers:
                    trial.take(refused(operation, answer, 404, code, secrets=foreign.secrets))
                alike = answers[0].content == answers[1].content
                trial.wrong += unlike((f"{operation} by {role}, foreign as unknown", True, alike))


def _of(h: Harness, tenant: Tenant, role: str) -> Headers:
    return tenant.headers(h, role) if role in SCOPED else h.token(roles=[role])


async def _knock(h: Harness, request: Mapping[str, Any], headers: Mapping[str, str]) -> httpx.Response:
    return await h.client.request(**{**request, "headers": {**request["headers"], **headers}})


# --- no more, and no database ---------------------------------------------------------------------------------------


@pytest.mark.cell("input.http.outage", fault="inputs", service="registration")
async def test_who_finds_no_place_is_told_when_to_come_back_and_may_use_the_same_key(
    world: World, evidence: Evidence, scale: Scale
) -> None:
    more, h, parts = scale(test=24, long=2_000), world.h, world.h.app.composition
    narrow = create_app(
        h.service.name,
        routers=parts.routers,
        verifier=h.asgi.state.verifier,
        checks={},
        limits=Limits(max_concurrent=PLACES),
    )
    calls, before = [(form(), world.agent()) for _ in range(PLACES + more)], await people_of(h)
    async with client_of(narrow) as client, h.app.engine.connect() as blocking:
        await blocking.exec_driver_sql("LOCK TABLE idempotency IN ACCESS EXCLUSIVE MODE")
        held = [_held(client, call) for call in calls[:PLACES]]
        await eventually(lambda: _waiting(blocking), what="the first command waits for the table")
        turned = [await client.post("/participants", json=f, headers=t) for f, t in calls[PLACES:]]
        await blocking.rollback()
        taken = await asyncio.gather(*held)
        later = [await client.post("/participants", json=f, headers=t) for f, t in calls[PLACES:]]
    wrong = [one for answer in turned for one in _told_to_wait(answer, 429, "overloaded")]
    wrong += unlike(*(("in its place", 201, answer.status_code) for answer in (*taken, *later)))
    wrong += unlike(("participants", len(calls), await people_of(h) - before))
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
    world: World, stack: Stack, evidence: Evidence, scale: Scale
) -> None:
    """Kafka is away all the time, and nobody notices."""
    h, changed = world.h, list[Violation]()
    assert h.app.settings.kafka_bootstrap == "127.0.0.1:1", "an address that leads nowhere"
    calls = [(form(), world.agent()) for _ in range(scale(test=5, long=500))]
    async with unchanged(h, changed) as before, away(h, stack):
        turned = [await world.register(filled, headers) for filled, headers in calls]
        turned += [await h.client.get(path, headers=world.checker()) for path in ("/participants", "/agents")]
    wrong = [one for answer in turned for one in _told_to_wait(answer, 503, "unavailable")]
    later = [await world.register(filled, headers) for filled, headers in calls]
    wrong += unlike(*(("later", 201, answer.status_code) for answer in later))
    evidence.fired(len(turned), of=len(turned), unit="request")
    evidence.holds("inputs.answers", checked=len(turned) + len(later), violations=wrong)
    evidence.holds("inputs.unchanged", checked=before.rows, violations=changed)
