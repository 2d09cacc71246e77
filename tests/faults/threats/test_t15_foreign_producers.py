"""T15: only the owner of a stream is believed on it. Anybody else's record is put aside and told of, and no header makes us answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from chassis.process import Process
from chassis.records import Record
from chassis.settings import Role
from chassis.subscribing import group_of
from deploy import topics
from services.payments.app import SERVICE as PAYMENTS
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.threats.rows import changes, picture
from tests.faults.threats.served import SERVICES, served
from tests.faults.threats.tenants import BUILD
from tests.integration.chassis.test_deadletters import committed
from tests.integration.payments.people import register, registered
from tests.support.eventually import eventually
from tests.support.service import Harness, harness
from tests.support.stack import Stack
from tests.support.topics import header, read_topic, write_topic
from tests.support.toy import running
from tests.unit.notifications import samples

pytestmark = pytest.mark.timeout(600)
HOSTILE = (
    ("reply_to", b"agency"),
    ("reply-to", b"notifications"),
    ("correlation_id", b"x"),
    ("x-reply-topic", b"contributions"),
    ("content-type", b"application/x-python-pickle"),
    ("\u2603", b"\xff\xfe"),
    ("traceparent", b"\x00" * 40),
)
FORGED = (
    "/perisai/payments",
    "/perisai/notifications",
    "/perisai/operator",
    "/perisai/Registration",
    "/perisai/registration ",
    "/perisai/registration/../registration",
    "/perisai/",
    "registration",
    "/other/registration",
)


def from_(source: str, record: Record) -> Record:
    return replace(record, headers=tuple((n, source.encode() if n == "ce_source" else v) for n, v in record.headers))


@pytest.mark.cell("threat.T15", fault="T15", service="all")
@pytest.mark.parametrize(
    "service", sorted({*SERVICES} - {"audit"})
)  # which believes nobody, and keeps every record as it is
async def test_a_source_that_does_not_own_the_stream_is_a_dead_letter(
    service: str, stack: Stack, evidence: Evidence
) -> None:
    """Every stream that the service reads, under every name but the owner's."""
    async with served(service, stack) as h:
        await BUILD[service](h)
        before, wrong, sent = await picture(h), list[Violation](), 0
        for event in (samples.registered(), samples.billed()):
            owner = h.service.catalogue.owners[event.stream]
            if h.service.catalogue.topics[event.stream] not in h.consumers:
                continue
            h.person(samples.SITI)
            for source in {*FORGED, *(f"/perisai/{name}" for name in SERVICES)} - {f"/perisai/{owner}"}:
                record = from_(source, h.record(event, key=samples.SITI, seq=1))
                outcomes, letters = await h.deliver(record), len(h.letters.sent)
                sent += 1
                reason = h.letters.sent[-1].reason if letters == sent else "none"
                if outcomes or not reason.startswith(("foreign_source", "bad_envelope")):
                    wrong.append({"where": event.stream, "key": source, "expected": "a dead letter", "actual": reason})
        evidence.fired(sent, of=sent, unit="record")
        evidence.holds("T15.source", checked=sent, violations=wrong)
        evidence.holds("T15.unchanged", checked=before.rows or sent, violations=changes(before, await picture(h)))


@asynccontextmanager
async def reading(stack: Stack) -> AsyncIterator[tuple[Harness, str]]:
    """Payments reading a Kafka of its own as its process does, under a prefix of its own."""
    async with stack.own_topics() as prefix:
        where = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix, "roles": frozenset({Role.CONSUMERS})}
        async with harness(PAYMENTS, stack, **where) as h:  # type: ignore[arg-type]
            async with running(Process(h.app)):
                yield h, prefix


def _as_sent(record: Record) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    return record.key, record.value, [*((n, v) for n, v in record.headers if v is not None), *HOSTILE]


def _metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.cell("threat.T15", fault="T15", service="payments")
async def test_foreign_records_are_put_aside_and_told_of_and_nothing_is_published_to_whom_they_name(
    stack: Stack, evidence: Evidence, scale: Scale, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through Kafka: every record, good or foreign, carries headers that ask for an answer."""
    rounds = scale(test=2, long=200)
    async with reading(stack) as (h, prefix):
        topic = f"{prefix}participants"
        labels = {"topic": topic, "reason": "foreign_source"}
        told, good, forged = _metric("perisai_dead_letters_total", **labels), 0, 0
        records = []
        for _ in range(rounds):
            for source in FORGED:
                records.append(from_(source, registered(h)[1]))
                records += [registered(h)[1] for _ in range(24)]  # below one in twenty: the fuse is for a broken build
                forged, good = forged + 1, good + 24
        await write_topic(stack.kafka_bootstrap, topic, map(_as_sent, records))

        async def all_read() -> bool:
            return await committed(stack, group_of(prefix, "payments", "participants"), topic) == len(records)

        await eventually(all_read, within_s=120)
        payers = sum(e.event.type == "PayerAdded" for e in await h.events("contributions"))
        letters = await read_topic(stack.kafka_bootstrap, f"{prefix}dead-letters")
        reasons = [header(letter, "reason").partition(":")[0] for letter in letters]
        others = {t.name for t in topics.declared(prefix=prefix)} - {topic, f"{prefix}dead-letters"}
        published = {name: len(await read_topic(stack.kafka_bootstrap, name)) for name in sorted(others)}
        strangers = reasons.count("foreign_source")
        counted = _metric("perisai_dead_letters_total", **labels) - told
    wrong: list[Violation] = []
    for where, expected, actual in (
        ("letters", forged, len(letters)),
        ("reasons", {"foreign_source", "bad_envelope"}, {*reasons}),
        ("metric", strangers, counted),
        ("good records applied", good, payers),
        ("published elsewhere", 0, sum(published.values())),
        ("alarm", True, "dead_letter" in capsys.readouterr().out),
    ):
        if expected != actual:
            wrong.append({"where": where, "key": "", "expected": str(expected), "actual": str(actual)})
    evidence.fired(forged, of=rounds * len(FORGED), unit="record")
    evidence.holds("T15.letters", checked=len(records), violations=wrong)


@pytest.mark.cell("threat.T15", fault="T15", service="payments")
async def test_a_header_that_asks_for_an_answer_changes_nothing_about_a_good_event(
    stack: Stack, evidence: Evidence
) -> None:
    async with harness(PAYMENTS, stack) as h:
        await register(h)
        wrong: list[Violation] = []
        for name, value in HOSTILE:
            who, record = registered(h)
            (outcome,) = await h.deliver(replace(record, headers=(*record.headers, (name, value), (name, None))))
            stored = [e for e in await h.events("contributions") if e.envelope.key == str(who.participant_id)]
            if type(outcome).__name__ != "Done" or len(stored) != 2 or h.letters.sent:
                wrong.append({"where": name, "key": "", "expected": "applied", "actual": str(outcome)})
        assert (await h.replay()).equal
    evidence.fired(len(HOSTILE), of=len(HOSTILE), unit="record")
    evidence.holds("T15.headers", checked=len(HOSTILE), violations=wrong)
