"""The key ring: the keys of the persons in a batch, fetched in bulk before the batch's transaction begins.
 registration keeps the keys (wrapped under its master key) and answers the others through one HTTP door. Per person
the answer is the key, `forgotten` (None: apply with blanks) or nothing (KeyUnavailable: infrastructure, back off,
park nothing)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
from collections.abc import Callable, Collection, Mapping
from itertools import islice
from typing import Protocol
from uuid import UUID

import httpx
import sqlalchemy as sa
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import rows
from chassis.database import Unavailable
from chassis.privacy.sealing import PERSON_KEY_BYTES
from chassis.privacy.wrap import KeyWrap
from chassis.problems import UNAUTHORIZED, Refusal, Rejected
from chassis.tables import person_keys

MAX_CACHED = 200_000
MAX_ASKED = 1_000
"""Per request: 39 KB of ids, below the 64 KiB that the edge takes."""
DOOR = "/internal/person-keys"
KEY_LIFETIME_S = 600.0
"""After so long, and at the latest twice as long, a cached key is asked for anew: a process that consumes nothing hears of no erasure."""

Keys = dict[UUID, bytes | None]


class NotTheKeeper(RuntimeError):
    """A service that keeps no person keys tried to register a person."""


class KeySource(Protocol):
    async def load(self, subjects: Collection[UUID]) -> Keys:
        """Keys of the known subjects; None for the forgotten. Raises Unavailable."""


class _Latest(dict[UUID, "bytes | None"]):
    """At most so many keys: whatever adds to it, the oldest go."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def update(self, keys: Mapping[UUID, bytes | None]) -> None:  # type: ignore[override]
        super().update(keys)
        for subject in [*islice(self, max(0, len(self) - self._most))]:
            del self[subject]


class KeyRing:
    """A bounded cache in front of a source. `cache` is what sealers read from."""

    def __init__(self, source: KeySource, *, most: int = MAX_CACHED) -> None:
        self._source = source
        self.cache: Keys = _Latest(most)

    async def fetch(self, subjects: Collection[UUID]) -> None:
        """Makes the keys of these subjects available in `cache`, as the last to go. Raises Unavailable when the source
        is, or does not know one yet."""
        cache, missing = self.cache, set[UUID]()
        known: Keys = {}
        for subject in set(subjects):
            if subject in cache:
                known[subject] = cache.pop(subject)
            else:
                missing.add(subject)
        cache.update(known)
        if missing:
            await self._load(missing)

    async def keep(self, stop: asyncio.Event) -> None:
        """Until `stop`: no key outlives its destruction here by more than twice KEY_LIFETIME_S, also where nobody says that it was destroyed."""
        before: set[UUID] = set()
        while not stop.is_set():
            before = self.renew(before)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), KEY_LIFETIME_S)

    def renew(self, before: Collection[UUID]) -> set[UUID]:
        """Drops the keys that were here `before`, to be asked for anew; gives those that are here now. What is forgotten stays so."""
        for subject in before:
            if self.cache.get(subject) is not None:
                del self.cache[subject]
        return {subject for subject, key in self.cache.items() if key is not None}

    async def _load(self, missing: set[UUID]) -> None:
        found = await self._source.load(missing)
        self.cache.update(found)
        if unknown := missing - found.keys():
            raise Unavailable(f"{len(unknown)} person keys are not known to their keeper yet")


class OwnKeys:
    """The keeper's source: its own table."""

    def __init__(self, engine: AsyncEngine, wrap: KeyWrap) -> None:
        self._engine, self._wrap = engine, wrap

    async def load(self, subjects: Collection[UUID]) -> Keys:
        query = sa.select(person_keys.c.subject, person_keys.c.wrapped).where(
            rows.matching(person_keys.c.subject, subjects)
        )
        async with self._engine.connect() as conn:
            found = (await conn.execute(query)).all()
        return {
            r.subject: None if r.wrapped is None else self._wrap.unwrap("person", r.subject, r.wrapped) for r in found
        }

    async def store(self, conn: AsyncConnection, keys: Mapping[UUID, bytes]) -> None:
        """Stores the keys of new persons, in the transaction that registers them."""
        new = [
            {"subject": subject, "wrapped": self._wrap.wrap("person", subject, key)} for subject, key in keys.items()
        ]
        await rows.insert(conn, person_keys, new)


class NoKeys:
    """Of whoever asks what events come to and not whom they are about: to him everybody is forgotten."""

    async def load(self, subjects: Collection[UUID]) -> Keys:
        return dict.fromkeys(subjects)


class RemoteKeys:
    """Every other service's source: the keeper's HTTP door."""

    def __init__(self, client: httpx.AsyncClient, base_url: str, token: str) -> None:
        self._client, self._url, self._token = client, base_url.rstrip("/") + DOOR, token

    async def load(self, subjects: Collection[UUID]) -> Keys:
        keys: Keys = {}
        wanted = [*subjects]
        for start in range(0, len(wanted), MAX_ASKED):
            keys |= await self._ask(wanted[start : start + MAX_ASKED])
        return keys

    async def _ask(self, subjects: list[UUID]) -> Keys:
        try:
            response = await self._client.post(
                self._url,
                json={"subjects": [str(subject) for subject in subjects]},
                headers={"Authorization": f"Bearer {self._token}"},
                timeout=5,
            )
            response.raise_for_status()
            answer = KeysAnswer.model_validate_json(response.content)
            return {s: None if key is None else _key(key) for s, key in answer.keys_by_subject.items()}
        except httpx.HTTPStatusError as error:
            raise Unavailable(f"the keeper of person keys answers {error.response.status_code}") from error
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable("the keeper of person keys does not answer") from error

    async def store(self, conn: AsyncConnection, keys: Mapping[UUID, bytes]) -> None:
        raise NotTheKeeper("only the keeper of person keys makes new ones")


def _key(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != PERSON_KEY_BYTES:
        raise ValueError(f"a key of {len(key)} bytes")
    return key


class KeysWanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    subjects: list[UUID] = Field(max_length=MAX_ASKED)


class KeysAnswer(BaseModel):
    """`null` means forgotten; a subject that is absent is not known."""

    keys_by_subject: dict[UUID, str | None]


def router(source: Callable[[], OwnKeys], token: str) -> APIRouter:
    """The keeper's door. Guarded by a secret shared between services; never reachable from outside (see
    docs/operations.md)."""
    routes = APIRouter(include_in_schema=False)

    @routes.post(DOOR)
    async def person_keys_of(wanted: KeysWanted, request: Request) -> KeysAnswer:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        # a keeper without a secret opens to nobody: an empty one would equal an absent header
        if not token or not hmac.compare_digest(given.encode(), token.encode()):
            raise Refusal(Rejected(UNAUTHORIZED))
        keys = await source().load(wanted.subjects)
        return KeysAnswer(
            keys_by_subject={s: None if key is None else base64.b64encode(key).decode() for s, key in keys.items()}
        )

    return routes
