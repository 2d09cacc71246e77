"""T12: whatever is wrong with the input, nothing of a person comes back, is logged, is a reason, or lies or travels in clear.

Every door is given bad input full of invented people, spoilt at random; afterwards their values are searched for everywhere. Member
names are the caller's own wording and are not made of them; SNAP's three VA keys come back to the bank that sent them, as it demands.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import openpyxl
import pytest

from chassis.ids import new_id
from chassis.records import Record
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.threats.canaries import Canary, canary, in_database, parked_reasons, spilt
from tests.faults.threats.served import served
from tests.integration.payments.bank import Bank
from tests.integration.payments.people import registered
from tests.integration.registration.files import row, table, upload, worker
from tests.integration.registration.world import World, form
from tests.support.service import Harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(900)
Spoil = Callable[[dict[str, Any], random.Random], bytes]
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _typed(body: dict[str, Any], dice: random.Random) -> bytes:
    """Some fields of the wrong type, their values inside."""
    for name in dice.sample(sorted(body), dice.randrange(1, 5)):
        value = body[name]
        body[name] = dice.choice([[value], {"value": value}, {"a": {"b": [value]}}, 1, None, False, [[value, value]]])
    return json.dumps(body).encode()


def _worded(body: dict[str, Any], dice: random.Random) -> bytes:
    """Some texts too long, with control characters, half characters or markup around them."""
    for name in dice.sample([n for n, v in body.items() if isinstance(v, str)], dice.randrange(1, 5)):
        body[name] = dice.choice(
            [
                f"{body[name]}\x00",
                f"\x1b{body[name]}",
                str(body[name]) * 200,
                f"{body[name]}\u2028",
                f"{body[name]}\ud800",
                f"<b>{body[name]}</b>\n",
                f"{body[name]}x",
            ]
        )
    return json.dumps(body).encode()


def _ruled(body: dict[str, Any], dice: random.Random) -> bytes:
    """Well-formed, against the rules."""
    change: Mapping[str, Any] = dice.choice(
        [
            {"nik": body["nik"][:6] + "99" + body["nik"][8:]},
            {"nik": body["nik"][:15]},
            {"birth_date": "2030-01-01"},
            {"birth_date": "1950-01-01"},
            {"phone": "+6591234567"},
            {"income": 0},
            {"programmes": ["JKK"]},
            {"consent": {"given": False, "text_version": "1"}},
            {"outreach_id": str(new_id())},
            {"sex": body["name"]},
            {"sector": body["name"], "birth_date": body["nik"]},
        ]
    )
    return json.dumps({**body, **change}).encode()


def _broken(body: dict[str, Any], dice: random.Random) -> bytes:
    """No JSON, or JSON that says a thing twice."""
    raw = json.dumps(body).encode()
    return dice.choice(
        [
            raw[: dice.randrange(1, len(raw))],
            raw + raw,
            b'{"name": "x", ' + raw[1:],
            raw.replace(b'"', b"'"),
            raw[: len(raw) // 2] + b"\xff" + raw[len(raw) // 2 :],
            b"[" * 40 + raw + b"]" * 40,
            raw.replace(b"1000000", b"NaN"),
        ]
    )


SPOILERS: Sequence[Spoil] = (_typed, _worded, _ruled, _broken)


@pytest.mark.cell("threat.T12", fault="T12", service="registration")
async def test_bad_forms_leave_nothing_of_a_person(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale, capsys: pytest.CaptureFixture[str]
) -> None:
    dice, number = random.Random(seed), scale(test=400, long=40_000)
    async with served("registration", stack) as h:
        world = await World.opened(h)
        capsys.readouterr()
        people, answers, odd = list[Canary](), list[bytes](), list[Violation]()
        for turn in range(number):
            who = canary()
            people.append(who)
            raw = SPOILERS[turn % len(SPOILERS)](form(**who.values), dice)
            headers = {**world.agent(), "Content-Type": dice.choice(["application/json"] * 9 + ["text/plain"])}
            answer = await h.client.post(
                dice.choice(["/participants"] * 4 + ["/agents", "/participants/search"]), content=raw, headers=headers
            )
            answers.append(answer.content + str(answer.headers).encode())
            if answer.status_code >= 500:
                odd.append({"where": "form", "key": str(turn), "expected": "4xx", "actual": str(answer.status_code)})
            who_else = people[dice.randrange(len(people))].values
            for path in (
                f"/participants/{who_else['nik']}",
                f"/participants?cursor={who_else['nik']}&status={who_else['name']}",
            ):
                strange = await h.client.get(path, headers=world.officer(subject="officer-9"))
                answers.append(strange.content + str(strange.headers).encode())
        marks = [mark for who in people for mark in who.marks]
        wrong = spilt("answers", answers, marks) + spilt("logs", [capsys.readouterr().out.encode()], marks)
        looked, stored = await in_database(h, marks)
    evidence.fired(number, of=number, unit="request")
    evidence.holds("I10", checked=looked + len(answers), violations=[*wrong, *stored, *odd])


@pytest.mark.cell("threat.T12", fault="T12", service="registration")
async def test_a_good_form_leaves_nothing_of_a_person_in_clear(
    stack: Stack, evidence: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the control: the canaries are such that they would be found."""
    async with served("registration", stack) as h:
        world = await World.opened(h)
        people = [canary() for _ in range(20)]
        for who in people:
            nik = form()["nik"]
            answer = await world.register(form(**{**who.values, "nik": nik}))
            assert answer.status_code == 201, answer.text
            again = await world.register(form(**{**who.values, "nik": nik, "income": 1}))
            assert again.status_code == 409
        marks = [mark for who in people for mark in who.marks]
        shown = (await h.client.get("/participants", headers=world.officer())).content
        looked, stored = await in_database(h, marks)
        wrong = [*stored, *spilt("logs", [capsys.readouterr().out.encode()], marks)]
    control: list[Violation] = (
        [] if spilt("", [shown], marks) else [{"where": "control", "key": "", "expected": "found", "actual": "not"}]
    )
    evidence.fired(len(people), of=20, unit="request")
    evidence.holds("I10", checked=looked, violations=[*wrong, *control])


def _xlsx(rows: Sequence[Mapping[str, Any]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(rows[0]))
    for one in rows:
        sheet.append(list(one.values()))
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def _bad_row(who: Canary, dice: random.Random) -> dict[str, str]:
    cells = {**row(), **who.values, "agent_code": "", "outreach_id": "", "email": who.values["email"]}
    for name in dice.sample(
        ["nik", "birth_date", "phone", "sex", "income", "programmes", "consent", "email", "outreach_id"], 2
    ):
        cells[name] = dice.choice([who.values["name"], f"={who.values['nik']}", "3.2E+15", who.values["address"]])
    return cells


@pytest.mark.cell("threat.T12", fault="T12", service="registration")
async def test_bad_files_leave_nothing_of_a_person(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    dice, number = random.Random(seed), scale(test=12, long=400)
    async with served("registration", stack) as h:
        world = await World.opened(h)
        capsys.readouterr()
        people, answers = list[Canary](), list[bytes]()
        for turn in range(number):
            some = [canary() for _ in range(8)]
            people += some
            rows = [_bad_row(who, dice) for who in some]
            good = table(*rows)
            content = dice.choice(
                [
                    good,
                    good.split(b"\n", 1)[1],  # a file without a header has a person there
                    good + b'"unclosed',
                    good[: len(good) // 2] + b"\xe9\0" + good[len(good) // 2 :],
                ]
            )
            workbook = turn % 4 == 3
            answer = await upload(
                world, _xlsx(rows) if workbook else content, media_type=XLSX_TYPE if workbook else "text/csv"
            )
            answers.append(answer.content)
            if answer.status_code == 202:
                await worker(world).work(asyncio.Event())
                for accept in ("application/json", "text/csv"):
                    path = f"/imports/{answer.json()['import_id']}/results"
                    answers.append((await h.client.get(path, headers={**world.agent(), "Accept": accept})).content)
        marks = [mark for who in people for mark in who.marks]
        wrong = spilt("answers", answers, marks) + spilt("logs", [capsys.readouterr().out.encode()], marks)
        looked, stored = await in_database(h, marks)
    evidence.fired(number, of=number, unit="request")
    evidence.holds("I10", checked=looked + len(answers), violations=[*wrong, *stored])


@pytest.mark.cell("threat.T12", fault="T12", service="payments")
async def test_bad_calls_of_a_bank_leave_nothing_of_a_person(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale, capsys: pytest.CaptureFixture[str]
) -> None:
    dice, number = random.Random(seed), scale(test=300, long=30_000)
    async with served("payments", stack) as h:
        bank = await Bank(h).enable()
        capsys.readouterr()
        people, answers, keys = list[Canary](), list[bytes](), 0
        for turn in range(number):
            who = canary()
            people.append(who)
            service = dice.choice(["inquiry", "payment", "status"])
            body: dict[str, Any] = {
                **bank.payment(who.values["nik"], 36_800, f"P-{turn}"),
                "inquiryRequestId": f"I-{turn}",
                "virtualAccountName": who.values["name"],
                "virtualAccountEmail": who.values["email"],
                "virtualAccountPhone": who.values["phone"],
                "freeTexts": [{"english": who.values["address"][:32], "indonesia": "x"}],
                "additionalInfo": {"name": who.values["name"], "nik": who.values["nik"]},
            }
            for name in dice.sample(sorted(body.keys() - {"customerNo", "virtualAccountNo", "partnerServiceId"}), 2):
                body[name] = dice.choice([who.values["name"], [who.values["nik"]], {"x": who.values["phone"]}, None, 3])
            raw = json.dumps(body).encode()
            if turn % 4 == 3:
                raw = raw[: dice.randrange(1, len(raw))]
            answer = await bank.send(service, raw, {"X-SIGNATURE": "x"} if turn % 5 == 4 else None)
            keys += answer.text.count(who.values["nik"])
            echoed = {**bank.number(who.values["nik"]), "virtualAccountName": who.values["name"]}
            text = answer.text
            for value in echoed.values():
                text = text.replace(json.dumps(value), '""')
            answers.append(
                text.replace(json.dumps(who.values["email"]), '""')
                .replace(json.dumps(who.values["phone"]), '""')
                .encode()
            )
        assert keys, "the bank is answered with the number it asked about"
        marks = [mark for who in people for mark in who.marks]
        wrong = spilt("logs", [capsys.readouterr().out.encode()], marks)
        wrong += spilt("answers", answers, [who.values["nik"].encode() for who in people])
        looked, stored = await in_database(h, marks)
    evidence.fired(number, of=number, unit="request")
    evidence.holds("I10", checked=looked + len(answers), violations=[*wrong, *stored])


def _strange(record: Record, who: Canary, dice: random.Random) -> Record:
    """A record that is none of our events, full of a person."""
    person = json.dumps(dict(who.values)).encode()
    return dice.choice(
        [
            replace(record, value=person[:-1]),
            replace(record, value=b"\xff" + person),
            replace(record, value=person, key=who.values["nik"].encode()),
            replace(record, value=person, headers=tuple((n, v) for n, v in record.headers if n != "ce_id")),
            replace(
                record, value=person, headers=tuple((n, person if n == "ce_time" else v) for n, v in record.headers)
            ),
            replace(record, value=b'{"a":' * 100 + person + b"}" * 100),
            replace(record, headers=(*record.headers, ("who", person)), value=b"no"),
        ]
    )


@pytest.mark.cell("threat.T12", fault="T12", service="all")
@pytest.mark.parametrize("service", ["payments", "notifications"])
async def test_bad_records_leave_nothing_of_a_person(
    service: str, stack: Stack, evidence: Evidence, seed: int, scale: Scale, capsys: pytest.CaptureFixture[str]
) -> None:
    """A record that cannot be read is sealed as a dead letter; one of a known type that is wrong parks under a reason without values."""
    dice, number = random.Random(seed), scale(test=120, long=12_000)
    async with served(service, stack) as h:
        capsys.readouterr()
        people, reasons = list[Canary](), list[bytes]()
        for turn in range(number):
            who = canary()
            people.append(who)
            _, record = _sealed(h, who)
            if turn % 3:
                await h.deliver(_strange(record, who, dice))
            else:
                assert record.value is not None
                wrong_payload = record.value.replace(b'"sector":"OTHER"', b'"sector":"NONE"', 1)
                assert wrong_payload != record.value
                (outcome,) = await h.deliver(replace(record, value=wrong_payload))
                reasons.append(str(outcome).encode())
        reasons += [letter.reason.encode() for letter in h.letters.sent] + await parked_reasons(h)
        marks = [mark for who in people for mark in who.marks]
        wrong = spilt("reasons", reasons, marks) + spilt("logs", [capsys.readouterr().out.encode()], marks)
        looked, stored = await in_database(h, marks)
        assert len(h.letters.sent) + len(await h.parked()) == number
    evidence.fired(number, of=number, unit="record")
    evidence.holds("I10", checked=looked + len(reasons), violations=[*wrong, *stored])


def _sealed(h: Harness, who: Canary) -> tuple[Any, Record]:
    """A registration as registration would tell it, with the canary sealed inside."""
    somebody, record = registered(h, nik=who.values["nik"])
    return somebody, record
