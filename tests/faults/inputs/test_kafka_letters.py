"""Bad input on Kafka that is no event of ours: each record is one dead letter, told in clear where and why, its bytes sealed for its days.

Payments' own reader on real topics. Neighbours flow, the offset moves past, and headers that ask for anything are ignored.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from chassis.deadletters import LetterUnreadable
from chassis.ids import new_id
from chassis.records import Record
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.inputs.kafka import Reading, woven
from tests.faults.inputs.refusals import unlike
from tests.faults.stories import facts
from tests.integration.payments.people import registered
from tests.support.topics import read_topic

pytestmark = pytest.mark.timeout(900)
DAYS = 30
Spoil = Callable[[Record, random.Random], Record]


def _header(name: str, value: bytes) -> Spoil:
    return lambda one, dice: replace(one, headers=tuple((n, value if n == name else v) for n, v in one.headers))


def _without(name: str) -> Spoil:
    return lambda one, dice: replace(one, headers=tuple(h for h in one.headers if h[0] != name))


def _deep(one: Record, dice: random.Random) -> Record:
    depth = dice.choice((65, 1_000, 10_000))
    return replace(one, value=b'{"a":' * depth + b"1" + b"}" * depth)


def _cut(one: Record, dice: random.Random) -> Record:
    assert one.value is not None
    return replace(one, value=one.value[: dice.randrange(1, len(one.value))])


SPOILT: Mapping[str, tuple[Spoil, str]] = {
    "tombstone": (lambda one, dice: replace(one, value=None), "empty"),
    "empty": (lambda one, dice: replace(one, value=b""), "empty"),
    "not UTF-8": (lambda one, dice: replace(one, value=b"\xff\xfe" + (one.value or b"")), "not_utf8"),
    "not JSON": (lambda one, dice: replace(one, value=b"private words"), "not_json"),
    "cut off": (_cut, "not_json"),
    "no JSON inside": (lambda one, dice: replace(one, value=b'{"by": nope}'), "not_json"),
    "too deep": (_deep, "too_deep"),
    "no envelope at all": (lambda one, dice: replace(one, headers=()), "bad_envelope"),
    "a header missing": (_without("ce_id"), "bad_envelope"),
    "a header unreadable": (_header("ce_time", b"\xff\xfe"), "bad_envelope"),
    "a header of nonsense": (_header("ce_seq", b"-1"), "bad_envelope"),
    "no key": (lambda one, dice: replace(one, key=None), "no_key"),
    "key is not subject": (lambda one, dice: replace(one, key=str(new_id()).encode()), "key_is_not_subject"),
    "foreign source": (_header("ce_source", b"/perisai/notifications"), "foreign_source"),
}


@pytest.mark.cell("input.kafka.dead_letter", fault="inputs", service="payments")
async def test_what_is_no_event_is_one_dead_letter_and_harms_nobody(
    reading: Reading, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    rounds = scale(test=1, long=100)
    each = scale(test=4, long=25)  # in bulk there is a fuse at one in twenty
    h = reading.h
    reasons = [reason for _ in range(rounds) for _, reason in SPOILT.values()]
    bad = [spoil(registered(h)[1], dice) for _ in range(rounds) for spoil, _ in SPOILT.values()]
    good = [registered(h)[1] for _ in range(each * (len(bad) + 1))]
    every = woven(bad, good)
    places = await reading.put(every)
    injected = {place: one for place, one in zip(places, every, strict=True) if any(one is b for b in bad)}
    await reading.dealt_with(within_s=scale(test=60, long=600))
    letters = await reading.letters()
    wrong = await _unlike(reading, letters, injected, reasons)
    payers = Counter(e.event.type for e in await h.events("contributions"))["PayerAdded"]
    wrong += unlike(("good records applied", len(good), payers), ("parked", {}, await reading.parked()))
    evidence.fired(len(injected), of=len(SPOILT) * rounds, unit="record")
    evidence.holds("I9", checked=len(every), violations=wrong)
    evidence.holds("I10", checked=len(letters), violations=await _readable_after(reading, letters))


async def _unlike(
    reading: Reading, letters: Sequence[Record], injected: Mapping[str, Record], reasons: Sequence[str]
) -> list[Violation]:
    """Letters by place = injected, each once, with coordinates, hash and reason in clear, and the record for who may open it."""
    found = {(one.key or b"").decode(): one for one in letters}
    wrong = unlike(("letters", len(injected), len(letters)), ("places", sorted(injected), sorted(found)))
    for (place, record), reason in zip(injected.items(), reasons, strict=True):
        if (letter := found.get(place)) is None:
            continue
        told = {name: (value or b"").decode() for name, value in letter.headers}
        at = tuple(place.rsplit(":", 2))
        wrong += unlike(
            (place, reason, told["reason"].partition(":")[0]),
            (place, at, (told["topic"], told["partition"], told["offset"])),
            (place, reading.h.app.vault.keyed_hash(record.value or b""), told["hash"]),
        )
        opened = await reading.process.letters.open(letter)
        if (opened.key, opened.value or b"") != (record.key, record.value or b""):
            wrong.append(facts.wrong("letter", place, "the record as it was", "another"))
        if record.value and len(record.value) > 8 and record.value in (letter.value or b""):
            wrong.append(facts.wrong("letter", place, "sealed", "in clear"))
    return wrong


async def _readable_after(reading: Reading, letters: Sequence[Record]) -> list[Violation]:
    """Letters that open although the key of their day was destroyed; as long as it is kept, each opens."""
    box, today, wrong = reading.process.letters, reading.h.clock.wall().date(), list[Violation]()
    assert reading.h.app.settings.dead_letter_days == DAYS
    await box.destroy_keys_before(today)
    for letter in letters:
        await box.open(letter)
    await box.destroy_keys_before(today + timedelta(days=1))
    for letter in letters:
        try:
            await box.open(letter)
        except LetterUnreadable:
            continue
        wrong.append(facts.wrong("letter", letter.key, "unreadable for ever", "opened"))
    return wrong


HOSTILE = (
    ("reply_to", b"agency"),
    ("reply-to", b"notifications"),
    ("correlation_id", b"\xff\xfe"),
    ("\u2603", b"\xff\xfe\x00"),
    ("content-type", b"application/x-python-pickle"),
    ("traceparent", b"\x00" * 40),
)


@pytest.mark.cell("input.kafka.foreign_headers", fault="inputs", service="payments")
async def test_headers_of_strangers_are_ignored_and_nobody_is_answered(
    reading: Reading, evidence: Evidence, scale: Scale
) -> None:
    rounds = scale(test=4, long=400)
    made = [registered(reading.h)[1] for _ in range(rounds * len(HOSTILE))]
    spoilt = [replace(one, headers=(*one.headers, HOSTILE[n % len(HOSTILE)])) for n, one in enumerate(made)]
    await reading.put(spoilt)
    await reading.dealt_with()
    payers = Counter(e.event.type for e in await reading.h.events("contributions"))["PayerAdded"]
    elsewhere = [
        len(await read_topic(reading.stack.kafka_bootstrap, reading.prefix + name))
        for name in ("agency", "notifications")
    ]
    wrong = unlike(
        ("applied", len(spoilt), payers),
        ("letters", 0, len(await reading.letters())),
        ("parked", {}, await reading.parked()),
        ("published to whom they name", 0, sum(elsewhere)),
    )
    evidence.fired(len(spoilt), of=rounds * len(HOSTILE), unit="record")
    evidence.holds("I9", checked=len(spoilt), violations=wrong)
