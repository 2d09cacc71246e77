"""`ParticipantRegistered` as registration would have published it: sealed for generated people whose keys registration keeps."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import asyncpg

from chassis.clock import SystemClock
from chassis.ids import new_id
from chassis.privacy.sealing import EventSealer
from chassis.privacy.vault import Vault
from chassis.privacy.wrap import KeyWrap
from chassis.producer import make_producer
from contracts.envelope import Envelope
from contracts.events.participants import Consent, Entry, ParticipantRegistered, Person
from contracts.sealed import Sealed
from contracts.values import (
    AgentId,
    BranchId,
    FundingSource,
    Language,
    ParticipantId,
    Programme,
    Rupiah,
    Sector,
    Sex,
    WadahId,
)
from tests.bench import people
from tests.support.service import NIK_HASH_KEY, key_bytes

Sent = tuple[bytes, bytes, list[tuple[str, bytes]]]
"""key, value, headers"""
TOPIC = "participants"
FIRST_CODE = 8_800_000_000_001
_BRANCH, _WADAH, _AGENT = BranchId(UUID(int=0xB)), WadahId(UUID(int=0xC)), AgentId(UUID(int=0xD))
TOGETHER = 1_000


@dataclass(frozen=True)
class Registrations:
    """The records in the order they are sent, and the key of each person in them."""

    records: Sequence[Sent]
    keys: dict[UUID, bytes]

    @property
    def mean_bytes(self) -> float:
        return sum(len(value) for _, value, _ in self.records) / len(self.records)


def made(count: int, *, first: int = 0) -> Registrations:
    """So many people from number `first` on, each registered now. About 0.1 ms each."""
    vault, now = Vault(key_bytes("registration"), NIK_HASH_KEY), SystemClock().business()
    keys: dict[UUID, bytes] = {}
    records = [_record(number, keys, vault, now) for number in range(first, first + count)]
    return Registrations(records, keys)


def _record(number: int, keys: dict[UUID, bytes], vault: Vault, now: datetime) -> Sent:
    participant_id = ParticipantId(new_id())
    keys[participant_id] = hashlib.sha256(b"person key" + participant_id.bytes).digest()
    event = _event(participant_id, number, vault, now)
    envelope = Envelope(
        event_id=new_id(),
        source="registration",
        stream=event.stream,
        key=str(participant_id),
        seq=1,
        type=event.type,
        version=event.version,
        rules="bpu-registration/2022-07",
        occurred_at=now,
        recorded_at=now,
        actor=f"agent-{number % 200}",
        correlation_id=new_id(),
        branch_id=_BRANCH,
        wadah_id=_WADAH,
        agent_id=_AGENT,
        traceparent=f"00-{number + 1:032x}-{number + 1:016x}-01",
    )
    payload = event.encode(EventSealer(envelope.event_id, keys))
    return envelope.key.encode(), payload, envelope.to_headers()


def _event(participant_id: ParticipantId, number: int, vault: Vault, now: datetime) -> ParticipantRegistered:
    form = people.form(number)
    return ParticipantRegistered(
        participant_id=participant_id,
        contribution_code=str(FIRST_CODE + number),
        entry=Entry.ONLINE,
        registered_on=now.date(),
        expires_at=now + timedelta(days=30),
        occupation=form["occupation"],
        sector=Sector(form["sector"]),
        work_place=form["work_place"],
        working_hours=form["working_hours"],
        income=Rupiah(form["income"]),
        employs_others=False,
        programmes=tuple(Programme(name) for name in form["programmes"]),
        funding_source=FundingSource.SELF,
        language=Language.INDONESIAN,
        new_to_bpu=True,
        outreach_id=None,
        consent=Consent(
            text_version=form["consent"]["text_version"], given_at=now, channel="app", taken_by=f"agent-{number % 200}"
        ),
        person=Sealed(participant_id, _person(form, vault)),
    )


def _person(form: dict[str, str], vault: Vault) -> Person:
    return Person(
        nik=form["nik"],
        nik_hash=vault.nik_hash(form["nik"]),
        name=form["name"],
        birth_place=form["birth_place"],
        birth_date=date.fromisoformat(form["birth_date"]),
        sex=Sex(form["sex"]),
        phone=f"+62{form['phone'].removeprefix('0')}",
        email=form["email"],
        address=form["address"],
    )


async def keep_keys(owner_url: str, keys: dict[UUID, bytes]) -> None:
    """Puts the persons' keys where registration's key door looks for them."""
    wrap = KeyWrap(key_bytes("registration"))
    rows = [(subject, wrap.wrap("person", subject, key)) for subject, key in keys.items()]
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.copy_records_to_table("person_keys", records=rows, columns=["subject", "wrapped"])
    finally:
        await connection.close()


async def publish(bootstrap: str, topic: str, records: Iterable[Sent]) -> None:
    """Sends them as a relay would and waits for the last."""
    producer = make_producer(bootstrap.split(","), client_id="bench-fill")
    await producer.start()
    try:
        acks = []
        for key, value, headers in records:
            acks.append(await producer.send(topic, key=key, value=value, headers=headers))
            if len(acks) == TOGETHER:
                await asyncio.gather(*acks)
                acks.clear()
        await asyncio.gather(*acks)
    finally:
        await producer.stop()
