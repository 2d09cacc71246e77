"""Whatever is wrong on purpose is named by the checker, and by just those invariants that it breaks; a run without fault passes all."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.faults.small_run import PRICE, QUICK, TOPICS, SmallRun, small_run
from tests.support.stack import Stack
from tests.support.topics import header, read_topic, write_topic
from tests.support.toy import toy_topics

pytestmark = pytest.mark.timeout(600)

Plant = Callable[[SmallRun], AbstractAsyncContextManager[dict[str, Any]]]
PLANTS: dict[str, tuple[Plant, set[str]]] = {}


def plant(*expected: str) -> Callable[[Callable[[SmallRun], AsyncIterator[dict[str, Any]]]], None]:
    """Something wrong while the block runs; gives what the checker is told was planted."""

    def register(make: Callable[[SmallRun], AsyncIterator[dict[str, Any]]]) -> None:
        PLANTS[make.__name__.replace("_", " ")] = (asynccontextmanager(make), set(expected))

    return register


@asynccontextmanager
async def swapped(run: SmallRun, service: str, table: str, column: str, value: Any, where: str) -> AsyncIterator[None]:
    """One cell holds another value."""
    (before,) = await run.sql(service, f"SELECT {column} AS cell FROM {table} WHERE {where}")
    await run.sql(service, f"UPDATE {table} SET {column} = $1 WHERE {where}", value)
    try:
        yield
    finally:
        await run.sql(service, f"UPDATE {table} SET {column} = $1 WHERE {where}", before["cell"])


@plant("I1")
async def an_answer_without_state(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    before = run.journal.read_text()
    what = {"key": "key-x", "actor": "officer-1", "service": "registration", "path": "/participants"}
    run.note(kind="sent", request="6d3f4f0a-0000-4000-8000-000000000001", creates="participants", person=1, **what)
    answer = {"status": 201, "body_sha256": "0" * 64, "id": "6d3f4f0a-0000-4000-8000-000000000002", "code": None}
    run.note(kind="answered", request="6d3f4f0a-0000-4000-8000-000000000001", key="key-x", **answer)
    yield {}
    run.journal.write_text(before)


@plant("I1")
async def another_stored_answer(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    (row,) = await run.sql("registration", f"SELECT body FROM idempotency WHERE body LIKE '%{run.people[0][0]}%'")
    other = json.dumps(json.loads(row["body"]) | {"payable": "now"})
    async with swapped(run, "registration", "idempotency", "body", other, f"body LIKE '%{run.people[0][0]}%'"):
        yield {}


@plant("I1", "I3")
async def a_payment_twice_in_the_books(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    columns = "channel, participant_id, bill_id, kind, amount, months, effective_at, posted_at"
    await run.sql(
        "payments",
        f"INSERT INTO payments (payment_id, partner, channel_reference, {columns})"
        f" SELECT gen_random_uuid(), partner, 'R-again', {columns} FROM payments LIMIT 1",
    )
    yield {}
    await run.sql("payments", "DELETE FROM payments WHERE channel_reference = 'R-again'")


@plant("I3", "I5")
async def a_payment_that_never_came_to_us(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    run.party.held(run.people[0][1], "R-lost", PRICE, "done")
    yield {}
    run.party.payments.pop()


@plant("I3")
async def a_scanned_code_that_we_never_heard_of(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    code = {"merchant_reference": "nobody", "reference_no": "Q1", "status": "00", "paid_amount": PRICE}
    run.party.codes.append(code)
    yield {}
    run.party.codes.pop()


@plant("I3", "I5")
async def a_refusal_that_was_booked(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    run.party.payments[0]["state"] = "refused"
    yield {}
    run.party.payments[0]["state"] = "done"


@plant("I3", "I5")
async def money_that_the_bank_took_back_and_we_did_not(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    (entry,) = [one for one in run.party.payments if one["payment_request_id"] == "R-whole"]
    entry["state"] = "taken_back"
    yield {}
    entry["state"] = "done"


@plant("I3", "I5")
async def money_that_the_bank_has_and_we_took_back(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    (entry,) = [one for one in run.party.payments if one["payment_request_id"] == "R-never"]
    entry["state"] = "done"
    yield {}
    entry["state"] = "taken_back"


@plant()
async def a_payment_the_bank_never_told_us_of(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    run.party.held(run.people[0][1], "R-untold", PRICE, "done")
    run.party.payments[-1]["told"] = False
    yield {"missing_here": ["R-untold"]}
    run.party.payments.pop()


@plant("I3")
async def suspense_of_another_amount(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    which = "channel_reference = 'R-astray'"
    async with swapped(run, "payments", "suspense", "amount", 1, which):
        yield {}


@plant("I1", "I3")
async def a_receipt_that_no_table_shows(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    which = "channel_reference = 'R-deposit'"
    async with swapped(run, "payments", "payments", "payment_id", uuid4(), which):
        yield {}


@plant("I1")
async def a_case_without_a_cause(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    (row,) = await run.sql("payments", "SELECT case_id FROM cases ORDER BY case_id LIMIT 1")
    other = uuid4()
    await run.sql("payments", "UPDATE cases SET case_id = $1 WHERE case_id = $2", other, row["case_id"])
    yield {}
    await run.sql("payments", "UPDATE cases SET case_id = $1 WHERE case_id = $2", row["case_id"], other)


@plant("I4")
async def a_message_shown_twice(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    run.party.messages.append(run.party.messages[0] | {"message_id": "m-again"})
    yield {}
    run.party.messages.pop()


@plant("I4")
async def a_message_that_was_sent_and_is_called_failed(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    which = "notification_id = (SELECT max(notification_id::text)::uuid FROM notifications)"
    async with swapped(run, "notifications", "notifications", "state", "FAILED", which):
        async with swapped(run, "notifications", "notifications", "sent_at", None, which):
            yield {}


@plant("I5")
async def a_wrong_balance(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    which = "account = 'contributions:jkk'"
    (row,) = await run.sql("payments", f"SELECT credit FROM balances WHERE {which}")
    async with swapped(run, "payments", "balances", "credit", row["credit"] + 1, which):
        yield {}


@plant("I5")
async def a_ledger_line_of_another_amount(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    which = "event_id = (SELECT max(event_id::text)::uuid FROM transfers) AND line = 1"
    async with swapped(run, "payments", "transfers", "amount", 1, which):
        yield {}


@plant("I6")
async def a_key_that_came_past_where_it_is_parked(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    which = f"stream = 'participants' AND key = '{run.people[0][0]}'"
    await run.sql(
        "payments",
        "INSERT INTO parked_events SELECT stream, key, seq, event_id, 'x', 0, 0, '[]', '\\x00' FROM progress"
        f" WHERE {which}",
    )
    async with swapped(run, "payments", "progress", "parked", "invalid", which):
        async with swapped(run, "payments", "progress", "attempts", 1, which):
            parked = {"service": "payments", "stream": "participants", "key": run.people[0][0], "attempts": 1}
            yield {"parked": [parked | {"reasons": ["invalid"]}]}
    await run.sql("payments", "DELETE FROM parked_events")


@plant("I9")
async def a_parked_key_nobody_planted(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    which = f"stream = 'participants' AND key = '{run.people[0][0]}'"
    async with swapped(run, "payments", "progress", "parked", "failed", which):
        yield {}


@plant("I9")
async def a_planted_cause_that_parked_nothing(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    parked = {"service": "payments", "stream": "participants", "key": run.people[0][0], "attempts": 5}
    yield {"parked": [parked | {"reasons": ["failed"]}]}


@plant("I10")
async def a_nik_in_a_log(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    before = run.log.read_text()
    run.log.write_text(before + f'{{"event": "refused", "nik": "{run.niks[2]}"}}\n')
    yield {}
    run.log.write_text(before)


@plant("I10")
async def a_phone_number_in_base64_in_a_log(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    before, form = run.log.read_text(), json.loads(run.journal.read_text().splitlines()[0])["values"]
    run.log.write_text(before + "body=" + base64.b64encode(b'{"to": "+62' + form["phone"][1:].encode()).decode() + "\n")
    yield {}
    run.log.write_text(before)


@plant("I10")
async def a_nik_in_a_reason(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    which = f"stream = 'participants' AND key = '{run.people[0][0]}'"
    async with swapped(run, "payments", "progress", "detail", f"no such NIK: {run.niks[1]}", which):
        yield {}


@plant("I10")
async def a_sealed_name_in_a_column_that_is_not_declared(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    form = json.loads(run.journal.read_text().splitlines()[0])["values"]
    row = (await run.sql("payments", "SELECT * FROM external_ids LIMIT 1"))[0]
    place = ":".join(str(row[name]) for name in ("partner", "day", "external_id"))
    box = run.harnesses["payments"].app.vault.seal("external_ids", "content", place, form["name"])
    async with swapped(run, "payments", "external_ids", "content", box, f"external_id = '{row['external_id']}'"):
        yield {}


@plant("I10")
async def a_name_in_clear_where_a_box_belongs(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    which = f"participant_id = '{run.people[0][0]}'"
    async with swapped(run, "payments", "payers", "name", b"Kenari", which):
        yield {}


@plant("I10")
async def a_copy_of_who_was_erased(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    async with swapped(run, "registration", "person_keys", "wrapped", None, f"subject = '{run.people[0][0]}'"):
        yield {}


@plant("I11")
async def a_recovery_that_came_late(run: SmallRun) -> AsyncIterator[dict[str, Any]]:
    samples = [[1.0, 0, 0.0, 0], [2.0, 1, 0.5, 3], [3.0, 1, 4.0, 3], [7.5, 1, 0.2, 3], [8.0, 1, 0.0, 0]]
    at = datetime.now(UTC).isoformat()
    yield {"recovery": {"ended_at": at, "budget_s": 6, "load_per_s": 60, "samples": samples}}


async def test_every_planted_fault_is_named_by_just_the_invariants_that_it_breaks(stack: Stack, tmp_path: Path) -> None:
    async with small_run(stack, tmp_path) as run:
        await _passes(run)
        named: dict[str, set[str]] = {}
        for name, (wrong, _) in PLANTS.items():
            async with wrong(run) as planted:
                named[name] = await run.violated(planted=planted)
        assert named == {name: expected for name, (_, expected) in PLANTS.items()}
        await _passes(run)
        await lasting(run)


async def _passes(run: SmallRun) -> None:
    found = await run.verdict()
    assert {name: one["first"] for name, one in found.items() if one["first"]} == {}
    assert {name for name, one in found.items() if one["checked"]} == {*QUICK} - {"I11"}


async def lasting(run: SmallRun) -> None:
    """What cannot be taken back, each on top of the last, so each is judged by the invariants that were well until then."""
    async with copied(run, lambda records: records[1:]) as kafka:
        assert await run.violated(["I2", "I6", "I10"], kafka=kafka) == {"I2", "I6"}, "a gap on a topic"
    async with copied(run, _overtaking) as kafka:
        assert await run.violated(["I2", "I6", "I10"], kafka=kafka) == {"I6"}, "an event that overtook another"
    async with copied(run, lambda records: [*records, _quoting(records[0], run.niks[0])]) as kafka:
        assert await run.violated(["I2", "I6", "I10"], kafka=kafka) == {"I10"}, "a NIK in a header"
    await _poison(run)
    await _extended_twice(run)


Records = list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]]


@asynccontextmanager
async def copied(run: SmallRun, change: Callable[[Records], Records]) -> AsyncIterator[dict[str, Any]]:
    """All topics once more under another prefix, the records of one key of `notifications` changed; gives what the facts say of Kafka."""
    bootstrap = run.stack.kafka_bootstrap
    async with toy_topics(run.stack, *TOPICS, "dead-letters") as prefix:
        for topic in TOPICS:
            found = await read_topic(bootstrap, run.prefix + topic)
            records: Records = [(r.key, r.value, [*r.headers]) for r in found]
            if topic == "notifications":
                key = next(r.key for r in found if header(r, "ce_stream") == "notifications")
                mine = [record for record in records if record[0] == key]
                records = [record for record in records if record[0] != key] + change(mine)
            await write_topic(bootstrap, prefix + topic, records)
        told = {"bootstrap": bootstrap, "prefix": prefix, "topics": TOPICS}
        yield told | {"dead_letters": f"{prefix}dead-letters"}


def _overtaking(records: Records) -> Records:
    first, second, *others = records
    return [second, first, *others]


def _quoting(record: tuple[bytes | None, bytes | None, list[tuple[str, bytes]]], nik: str) -> Any:
    key, value, headers = record
    return key, value, [*headers, ("x-said", nik.encode())]


async def _poison(run: SmallRun) -> None:
    """A record that is no event becomes one dead letter per reader; unplanted it breaks I2, I9 and I10, planted nothing."""
    topic = f"{run.prefix}participants"
    rubbish = f"no event at all, but a NIK: {run.niks[0]}".encode()
    await write_topic(run.stack.kafka_bootstrap, topic, [(b"k", rubbish, [])])
    await run.settle()
    (at,) = [r for r in await read_topic(run.stack.kafka_bootstrap, topic) if r.value == rubbish]
    place = {"topic": topic, "partition": at.partition, "offset": at.offset}
    run.planted = {"dead_letters": [place | {"sha256": hashlib.sha256(rubbish).hexdigest()}]}
    assert await run.violated(WELL) == {"I2", "I9", "I10"}, (
        "a dead letter nobody planted, of a record that quotes a NIK"
    )
    assert await run.violated(WELL, planted=run.planted) == set(), "a dead letter that was planted"
    wrong = {"dead_letters": [place | {"sha256": "0" * 64}]}
    assert await run.violated(WELL, planted=wrong) == {"I9"}, "a dead letter of other bytes"


WELL = ("I1", "I2", "I3", "I4", "I5", "I6", "I9", "I10")


async def _extended_twice(run: SmallRun) -> None:
    """One payment has a second effect, told and published as any other: only the effect table knows."""
    (started,) = await run.sql("registration", _STARTED)
    data = json.loads(started["payload"])
    again = {name: data[name] for name in ("participant_id", "spell", "payment_id", "amount", "months", "paid_through")}
    payload = json.dumps(again | {"effective_at": data["starts_at"]}).encode()
    await run.sql("registration", _AGAIN, started["position"], payload)
    await run.settle()
    assert await run.violated(WELL, planted=run.planted) == {"I2"}, "an effect twice"
    replayed = await run.verdict(["I7"], commands={"replay": {"registration": run.replay("registration")}})
    assert {one["where"] for one in replayed["I7"]["first"]} == {"registration.participants.spells"}


_STARTED = "SELECT * FROM event_log WHERE type = 'ProtectionStarted' ORDER BY position LIMIT 1"
_AGAIN = (
    "INSERT INTO event_log (event_id, stream, key, seq, bucket, type, version, rules, occurred_at, recorded_at, branch_id,"
    " wadah_id, agent_id, actor, correlation_id, causation_id, traceparent, payload)"
    " SELECT gen_random_uuid(), stream, key, seq + 1, bucket, 'ProtectionExtended', version, rules, occurred_at,"
    " recorded_at, branch_id, wadah_id, agent_id, actor, correlation_id, causation_id, traceparent, $2"
    " FROM event_log WHERE position = $1"
)
