"""Records that are none of our events go to the dead-letter topic, and only then are passed over.

Their bytes may hold anything, personal data too, so they are encrypted under a key of that day, which is destroyed after `dead_letter_days`;
coordinates, keyed hash and reason stand in clear. The offset moves only after the broker has acknowledged the letter.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import rows
from chassis.clock import Clock
from chassis.privacy.vault import Vault
from chassis.privacy.wrap import KeyWrap
from chassis.records import Bad, Record
from chassis.relay import ACK_TIMEOUT_S, make_producer
from chassis.tables import dead_letter_keys
from chassis.telemetry import log, metrics

TOPIC = "dead-letters"
NONCE_BYTES = 12


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
    ) -> None:
        self._engine, self._wrap, self._vault, self._clock = engine, wrap, vault, clock
        self._bootstrap, self._instance = bootstrap, instance
        self._service, self._topic = service, prefix + TOPIC
        self._keys: dict[date, bytes] = {}

    async def send(self, letters: list[Bad]) -> None:
        """Returns once the broker has every letter. Raises KafkaError or TimeoutError: then no offset may move."""
        day = self._clock.wall().date()
        key = await self._key_of(day)
        producer = make_producer(self._bootstrap, client_id=f"{self._instance}-dead-letters")
        try:  # a producer per call: letters are rare, and one that failed must not be used again
            async with asyncio.timeout(ACK_TIMEOUT_S):  # an idempotent producer waits for ever
                await producer.start()
                for bad in letters:
                    await self._send_one(producer, bad, key, day)
        finally:
            with contextlib.suppress(Exception):  # settles: the letters are acknowledged, or are sent again
                await asyncio.wait_for(producer.stop(), 2)

    async def _send_one(self, producer: AIOKafkaProducer, bad: Bad, key: bytes, day: date) -> None:
        at = bad.record.at
        place = f"{at.topic}:{at.partition}:{at.offset}"
        headers = {
            "service": self._service,
            "topic": at.topic,
            "partition": str(at.partition),
            "offset": str(at.offset),
            "reason": bad.reason,
            "day": day.isoformat(),
            "hash": self._vault.keyed_hash(bad.record.value or b""),
        }
        await producer.send_and_wait(
            self._topic,
            key=place.encode(),
            value=_seal(key, place, bad.record),
            headers=[(name, text.encode()) for name, text in headers.items()],
        )
        metrics.DEAD_LETTERS.labels(at.topic, bad.reason.partition(":")[0]).inc()
        log.error("dead_letter", place=place, reason=bad.reason, runbook="docs/operations.md#dead-letters")

    async def destroy_keys_before(self, day: date) -> int:
        """Makes the letters of earlier days unreadable; returns how many days' keys were destroyed."""
        async with self._engine.begin() as conn:  # lint: commit — plumbing, no decision
            gone = await conn.execute(sa.delete(dead_letter_keys).where(dead_letter_keys.c.day < day))
        self._keys.clear()
        return gone.rowcount

    async def _key_of(self, day: date) -> bytes:
        if day not in self._keys:
            fresh = AESGCM.generate_key(256)
            async with self._engine.begin() as conn:  # lint: commit — plumbing, no decision
                row = {"day": day, "wrapped": self._wrap.wrap("dead-letters", day.isoformat(), fresh)}
                await rows.insert(conn, dead_letter_keys, [row], on_conflict_do_nothing=True)
                query = sa.select(dead_letter_keys.c.wrapped).where(dead_letter_keys.c.day == day)
                wrapped = (await conn.execute(query)).scalar_one()
            self._keys[day] = self._wrap.unwrap("dead-letters", day.isoformat(), wrapped)
        return self._keys[day]


def _seal(key: bytes, place: str, record: Record) -> bytes:
    """Key, headers and value of the record, encrypted and bound to where it was found."""
    plain = json.dumps(
        {
            "key": _text(record.key),
            "headers": [[name, _text(value)] for name, value in record.headers],
            "value": _text(record.value),
        }
    )
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain.encode(), place.encode())


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
