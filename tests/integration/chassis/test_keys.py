"""The keys of persons: kept in one service, had in bulk by the others, and behind a door that opens to a secret only."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.database import Unavailable
from chassis.http.app import create_app
from chassis.http.auth import Verifier
from chassis.http.keys import FixedKeys
from chassis.ids import new_id
from chassis.privacy import keys as person_keys
from chassis.privacy.keys import DOOR, MAX_ASKED, KeyRing, OwnKeys, RemoteKeys
from chassis.privacy.wrap import KeyWrap
from chassis.tables import person_keys as table
from tests.support.clock import FakeClock
from tests.support.service import AUDIENCE, ISSUER, key_bytes
from tests.support.stack import Stack
from tests.support.toy import COUNTING, toy

TOKEN = "the secret of the key door, shared by three services"


def door(own: OwnKeys, token: str = TOKEN) -> FastAPI:
    """The keeper's HTTP application."""
    from joserfc.jwk import KeySet

    verifier = Verifier(FixedKeys(KeySet([])), issuer=ISSUER, audience=AUDIENCE, clock=FakeClock())
    return create_app("registration", routers=[person_keys.router(lambda: own, token)], verifier=verifier, checks={})


class Keeper:
    """A keeper with some persons, and what was asked at its door."""

    def __init__(self, own: OwnKeys, engine: AsyncEngine, token: str) -> None:
        self.own, self._engine = own, engine
        self.asked: list[int] = []
        app = door(own, token)

        async def counting(request: httpx.Request) -> None:
            self.asked.append(len(json.loads(request.content)["subjects"]))

        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
            base_url="http://keeper",
            event_hooks={"request": [counting]},
        )

    def reader(self, token: str = TOKEN) -> KeyRing:
        return KeyRing(RemoteKeys(self.client, "http://keeper", token))

    async def knows(self, subjects: Collection[UUID]) -> dict[UUID, bytes]:
        keys = {subject: os.urandom(32) for subject in subjects}
        async with self._engine.begin() as conn:
            await self.own.store(conn, keys)
        return keys

    async def forgets(self, subject: UUID) -> None:
        async with self._engine.begin() as conn:
            await conn.execute(sa.update(table).where(table.c.subject == subject).values(wrapped=None))


@asynccontextmanager
async def keeper(stack: Stack, token: str = TOKEN) -> AsyncIterator[Keeper]:
    async with toy(COUNTING, stack) as h:
        found = Keeper(OwnKeys(h.app.engine, KeyWrap(key_bytes("registration"))), h.app.engine, token)
        try:
            yield found
        finally:
            await found.client.aclose()


async def test_keys_of_a_batch_are_had_in_one_request_and_only_once(stack: Stack) -> None:
    async with keeper(stack) as k:
        subjects = [new_id() for _ in range(500)]
        keys = await k.knows(subjects)
        ring = k.reader()
        await ring.fetch(subjects)
        await ring.fetch(subjects)
        assert {s: ring.cache[s] for s in subjects} == keys
        assert k.asked == [500]


async def test_more_than_the_door_takes_at_once_is_asked_in_parts(stack: Stack) -> None:
    async with keeper(stack) as k:
        subjects = [new_id() for _ in range(MAX_ASKED + 1)]
        await k.knows(subjects)
        await k.reader().fetch(subjects)
        assert k.asked == [MAX_ASKED, 1]


async def test_forgotten_person_is_an_answer_and_an_unknown_one_is_an_outage(stack: Stack) -> None:
    async with keeper(stack) as k:
        known, forgotten = new_id(), new_id()
        await k.knows([known, forgotten])
        await k.forgets(forgotten)
        ring = k.reader()
        await ring.fetch([known, forgotten])
        assert ring.cache[forgotten] is None
        with pytest.raises(Unavailable, match="not known to their keeper yet"):
            await ring.fetch([known, new_id()])


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer wrong", TOKEN[:-1], f"Basic {TOKEN}"])
async def test_door_opens_to_its_secret_only(stack: Stack, authorization: str) -> None:
    async with keeper(stack) as k:
        subject = new_id()
        await k.knows([subject])
        answer = await k.client.post(
            DOOR, json={"subjects": [str(subject)]}, headers={"Authorization": authorization} if authorization else {}
        )
        assert answer.status_code == 401
        assert "keys_by_subject" not in answer.json()


async def test_keeper_without_a_secret_opens_to_nobody(stack: Stack) -> None:
    async with keeper(stack, token="") as k:
        subject = new_id()
        await k.knows([subject])
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": ""}):
            answer = await k.client.post(DOOR, json={"subjects": [str(subject)]}, headers=headers)
            assert answer.status_code == 401


async def test_wrong_secret_is_an_outage_to_the_reader_and_names_the_status(stack: Stack) -> None:
    async with keeper(stack) as k:
        subject = new_id()
        await k.knows([subject])
        with pytest.raises(Unavailable, match="401"):
            await k.reader("wrong").fetch([subject])


async def test_a_member_that_the_door_does_not_know_is_refused(stack: Stack) -> None:
    async with keeper(stack) as k:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = await k.client.post(DOOR, json={"subjects": [], "all": True}, headers=headers)
        assert answer.status_code == 422


async def test_more_subjects_than_the_door_takes_are_refused(stack: Stack) -> None:
    async with keeper(stack) as k:
        answer = await k.client.post(
            DOOR,
            json={"subjects": [str(new_id()) for _ in range(MAX_ASKED + 1)]},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert answer.status_code in (413, 422)


@pytest.mark.parametrize(
    "content", [b"no JSON", b'{"keys_by_subject": {"%s": "no base64!"}}', b'{"keys_by_subject": {"%s": "YWI="}}']
)
async def test_nonsense_from_the_keeper_is_an_outage(content: bytes) -> None:
    subject = new_id()
    body = content.replace(b"%s", str(subject).encode())
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(Unavailable):
            await KeyRing(RemoteKeys(client, "http://keeper", TOKEN)).fetch([subject])


async def test_keeper_out_of_reach_is_an_outage() -> None:
    async with httpx.AsyncClient(timeout=1) as client:
        with pytest.raises(Unavailable):
            await KeyRing(RemoteKeys(client, "http://127.0.0.1:1", TOKEN)).fetch([new_id()])


class Everybody:
    """A source that knows everybody."""

    async def load(self, subjects: Collection[UUID]) -> dict[UUID, bytes | None]:
        return dict.fromkeys(subjects, b"k" * 32)


class TestMemory:
    async def test_cache_keeps_the_latest_and_what_is_asked_for(self) -> None:
        ring = KeyRing(Everybody(), most=100)
        regular = new_id()
        for _ in range(50):
            batch = [regular, *(new_id() for _ in range(30))]
            await ring.fetch(batch)
            assert all(subject in ring.cache for subject in batch), "the keys of the batch in hand"
            assert len(ring.cache) <= 100

    async def test_registering_people_does_not_grow_it_for_ever(self) -> None:
        ring = KeyRing(Everybody(), most=100)
        for _ in range(1_000):
            ring.cache.update({new_id(): b"k" * 32})
        assert len(ring.cache) <= 100
