"""Records that are none of our events go to the dead-letter topic, and only then are passed over.

Their bytes may hold anything, personal data too, so they are encrypted under a key of that day, which is destroyed after `dead_letter_days`;
coordinates, keyed hash and reason stand in clear. The offset moves only after the broker has acknowledged the letter. A record too large for a
letter is told without its value: that stays where it was found, at the letter's coordinates.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import eventlog, rows
from chassis.clock import Clock
from chassis.database import Unavailable, is_outage
from chassis.privacy.vault import Vault
from chassis.privacy.wrap import KeyWrap
from chassis.producer import ACK_TIMEOUT_S, make_producer
from chassis.records import Bad, Coordinates, Record
from chassis.tables import dead_letter_keys, forgotten
from chassis.telemetry import log, metrics
from chassis.topicreader import read_topic

TOPIC = "dead-letters"
NONCE_BYTES = 12
MAX_VALUE_BYTES = eventlog.MAX_PAYLOAD_BYTES
"""Larger values are left out of their letter: no event of ours is larger, and the producer takes no more."""
MAX_OTHER_BYTES = 16 * 1024
"""Larger keys and headers are left out too."""
KEEP_EVERY_S = 3_600.0
MOST_SOUGHT = 500
"""Persons in one reading of the topic."""


class LetterUnreadable(Exception):
    """The key of its day is destroyed, or the letter was altered or is another service's. Names the place, never the content."""


class DeadLetters:
    """Writes and opens dead letters of one service."""

    def __init__(
        self,
        engine: AsyncEngine,
        wrap: KeyWrap,
        vault: Vault,
        clock: Clock,
        *,
        bootstrap: Sequence[str],
        service: str,
        instance: str,
        prefix: str,
        days: int = 30,
        timeout_s: float = ACK_TIMEOUT_S,
        erased: asyncio.Event | None = None,
    ) -> None:
        """`days`: how long letters can be opened. `erased`: set when somebody was forgotten here."""
        self._erased = erased or asyncio.Event()
        self._engine, self._wrap, self._vault, self._clock = engine, wrap, vault, clock
        self._days, self._timeout_s = days, timeout_s
        self._bootstrap, self._instance = bootstrap, instance
        self._service, self._topic = service, prefix + TOPIC
        self._today: tuple[date, bytes] | None = None

    async def send(self, letters: list[Bad]) -> None:
        """Returns once the broker has every letter. Raises KafkaError or TimeoutError: then no offset may move."""
        day = self._clock.wall().date()
        key = await self._key_of(day)
        producer = make_producer(self._bootstrap, client_id=f"{self._instance}-dead-letters")
        try:  # a producer per call: letters are rare, and one that failed must not be used again
            async with asyncio.timeout(self._timeout_s):  # an idempotent producer waits for ever
                await producer.start()
                for bad in letters:
                    await self._send_one(producer, bad, key, day)
        finally:
            with contextlib.suppress(Exception):  # settles: the letters are acknowledged, or are sent again
                await asyncio.wait_for(producer.stop(), 2)

    async def _send_one(self, producer: AIOKafkaProducer, bad: Bad, key: bytes, day: date) -> None:
        at = bad.record.at
        place = f"{at.topic}:{at.partition}:{at.offset}"
        record, left_out = _fitting(bad.record)
        headers = {
            "service": self._service,
            "topic": at.topic,
            "partition": str(at.partition),
            "offset": str(at.offset),
            "reason": bad.reason,
            "day": day.isoformat(),
            "hash": self._vault.keyed_hash(bad.record.value or b""),
            **({"left-out": left_out} if left_out else {}),
        }
        await producer.send_and_wait(
            self._topic,
            key=place.encode(),
            value=_seal(key, place, record),
            headers=[(name, text.encode()) for name, text in headers.items()],
        )
        metrics.DEAD_LETTERS.labels(at.topic, bad.reason.partition(":")[0]).inc()
        log.error("dead_letter", place=place, reason=bad.reason, runbook="docs/operations.md#dead-letters")

    async def open(self, letter: Record) -> Record:
        """The record as it was found, from a record of the dead-letter topic. Raises LetterUnreadable."""
        headers = {name: (value or b"").decode() for name, value in letter.headers}
        place = (letter.key or b"").decode()
        try:
            day = date.fromisoformat(headers["day"])
            at = Coordinates(headers["topic"], int(headers["partition"]), int(headers["offset"]))
            wrapped = await self._wrapped(day)
            if headers["service"] != self._service or wrapped is None or letter.value is None:
                raise LetterUnreadable(f"{place}: another service's, or the key of {day} is destroyed")
            return _unseal(self._unwrap(day, wrapped), place, at, letter.value)
        except (KeyError, ValueError, InvalidTag) as error:
            raise LetterUnreadable(f"{place}: cannot be opened") from error

    async def listed(self, place: str = "") -> AsyncIterator[dict[str, Any]]:
        """This service's letters on the topic, without contents; with a `place`, that one alone and opened.

        Raises KafkaError, TimeoutError or LetterUnreadable.
        """
        async for letter in read_topic(self._bootstrap, self._topic):
            told = {name: (value or b"").decode() for name, value in letter.headers}
            if told.get("service") != self._service or place not in ("", (letter.key or b"").decode()):
                continue
            told["place"] = (letter.key or b"").decode()
            yield told | (_told(await self.open(letter)) if place else {})
            if place:
                return

    async def keep(self, stop: asyncio.Event) -> None:
        """Until `stop`: destroys the keys whose days are over, and those of days with a letter about somebody who was forgotten."""
        while not stop.is_set():
            self._erased.clear()
            try:
                await self.forget()
                await self.destroy_keys_before(self._clock.wall().date() - timedelta(days=self._days))
            except Exception as error:  # settles: tried again in an hour, and at every start
                if not is_outage(error) and not isinstance(error, KafkaError | TimeoutError):
                    log.error(
                        "letters_not_kept",
                        error=type(error).__name__,
                        exc_info=error,
                        runbook="docs/operations.md#unexpected-errors",
                    )
            await _first_of(stop, self._erased, KEEP_EVERY_S)

    async def forget(self) -> Sequence[date]:
        """Makes the letters unreadable that hold the id of somebody who was forgotten here: the key of their day is destroyed, and with it the
        other letters of that day; gives those days. A letter that names nobody ends with its days. Raises KafkaError or TimeoutError.
        """
        async with self._engine.connect() as conn:
            unsearched = (
                sa.select(forgotten.c.subject).where(forgotten.c.letters_searched_at.is_(None)).limit(MOST_SOUGHT)
            )
            sought = (await conn.execute(unsearched)).scalars().all()
        if not sought:
            return ()
        days = await self._days_of([str(subject).encode() for subject in sought])
        async with self._engine.begin() as conn:  # lint: commit — plumbing, no decision
            await conn.execute(sa.delete(dead_letter_keys).where(rows.matching(dead_letter_keys.c.day, days)))
            searched = sa.update(forgotten).where(rows.matching(forgotten.c.subject, sought))
            await conn.execute(searched.values(letters_searched_at=self._clock.wall()))
        if self._today is not None and self._today[0] in days:
            self._today = None
        log.info("letters_searched", persons=len(sought), days_destroyed=len(days))
        if len(sought) == MOST_SOUGHT:
            self._erased.set()
        return days

    async def _days_of(self, needles: Sequence[bytes]) -> list[date]:
        """Days of this service's letters that hold one of these texts."""
        found: set[date] = set()
        async for letter in read_topic(self._bootstrap, self._topic):
            told = {name: (value or b"").decode() for name, value in letter.headers}
            if told.get("service") != self._service:
                continue
            with contextlib.suppress(LetterUnreadable):  # its key is gone: nobody reads it any more
                record = await self.open(letter)
                texts = [record.key, record.value, *(value for _, value in record.headers)]
                if any(needle in text for text in texts if text is not None for needle in needles):
                    found.add(date.fromisoformat(told["day"]))
        return sorted(found)

    async def destroy_keys_before(self, day: date) -> int:
        """Makes the letters of earlier days unreadable; returns how many days' keys were destroyed."""
        async with self._engine.begin() as conn:  # lint: commit — plumbing, no decision
            gone = await conn.execute(sa.delete(dead_letter_keys).where(dead_letter_keys.c.day < day))
        if gone.rowcount:
            log.info("letter_keys_destroyed", days=gone.rowcount)
        return gone.rowcount

    async def _key_of(self, day: date) -> bytes:
        """The key to write with today; made by whichever process needs it first."""
        if self._today is None or self._today[0] != day:
            row = {"day": day, "wrapped": self._wrap.wrap("dead-letters", day.isoformat(), AESGCM.generate_key(256))}
            async with self._engine.begin() as conn:  # lint: commit — plumbing, no decision
                await rows.keep(conn, dead_letter_keys, [row])
            wrapped = await self._wrapped(day)
            if wrapped is None:
                raise Unavailable(f"the key of {day} was destroyed just now")
            self._today = day, self._unwrap(day, wrapped)
        return self._today[1]

    async def _wrapped(self, day: date) -> bytes | None:
        async with self._engine.connect() as conn:
            query = sa.select(dead_letter_keys.c.wrapped).where(dead_letter_keys.c.day == day)
            return (await conn.execute(query)).scalar()

    def _unwrap(self, day: date, wrapped: bytes) -> bytes:
        return self._wrap.unwrap("dead-letters", day.isoformat(), wrapped)


async def _first_of(stop: asyncio.Event, other: asyncio.Event, timeout_s: float) -> None:
    waiting = [asyncio.create_task(event.wait(), name="letters-wait") for event in (stop, other)]
    try:
        await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


def _fitting(record: Record) -> tuple[Record, str]:
    """The record without the parts that are too large for a letter, and their names."""
    left_out = []
    if len(record.value or b"") > MAX_VALUE_BYTES:
        record, left_out = replace(record, value=None), ["value"]
    if len(record.key or b"") > MAX_OTHER_BYTES:
        record, left_out = replace(record, key=None), [*left_out, "key"]
    if sum(len(name) + len(value or b"") for name, value in record.headers) > MAX_OTHER_BYTES:
        record, left_out = replace(record, headers=()), [*left_out, "headers"]
    return record, ",".join(left_out)


def _seal(key: bytes, place: str, record: Record) -> bytes:
    """Key, headers and value of the record, encrypted and bound to where it was found."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, json.dumps(_told(record)).encode(), place.encode())


def _told(record: Record) -> dict[str, Any]:
    """The parts of a record as JSON; bytes in base64."""
    return {
        "key": _text(record.key),
        "headers": [[name, _text(value)] for name, value in record.headers],
        "value": _text(record.value),
    }


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _unseal(key: bytes, place: str, at: Coordinates, box: bytes) -> Record:
    content = json.loads(AESGCM(key).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], place.encode()))
    headers = tuple((str(name), _bytes(value)) for name, value in content["headers"])
    return Record(at, _bytes(content["key"]), _bytes(content["value"]), headers)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
