"""T6: whoever is shown a person's data leaves a trail, whichever door he came through.

The sweep calls every operation of every service's OpenAPI, as every role that may, and looks into the answer for what the service keeps
encrypted: it knows all of it, because it opens every cell itself. Where any of it stands in an answer, one event must say so: to whom, as
what, through which door, of whose. Where none does there must be no event. So a new door cannot forget it, and a door cannot say too much.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from chassis.privacy import looks
from contracts.reads import PersonalDataRead
from services.payments.tables.incentives import dispute_notes
from tests.faults.evidence import Evidence, Violation
from tests.faults.threats import served as doors
from tests.faults.threats.examples import EXAMPLES, Example
from tests.faults.threats.served import served
from tests.faults.threats.tenants import BUILD, LATER, SCOPED, Tenant
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.people import register
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.unit.payments.test_documents import text as text_of_pdf

pytestmark = pytest.mark.timeout(600)
SHARED = {"birth_place", "birth_date", "sex"}
"""Columns whose values many people have, and that stand elsewhere too."""
HANDED_ON = {"GET /payments/{payment_id}/proof-link"}
"""Shows no name, and gives away a link behind which one stands: on record as seen by who asked for it."""
SHOWING = {
    "registration": {
        "GET /participants",
        "GET /participants/{participant_id}",
        "POST /participants/search",
        "GET /agents",
        "GET /agents/{agent_id}",
        "GET /participants/{participant_id}/export",
    },
    "payments": {
        "GET /payee-accounts",
        "GET /payee-accounts/{payee_account_id}",
        "GET /incentives/disputes",
        "GET /participants/{participant_id}/export",
    },
}
"""The operations of today that show somebody, for the control alone: the sweep itself needs no list."""


@dataclass
class Known:
    """All that a service keeps encrypted: value → the rows that have it, as `table/row`."""

    rows: dict[str, set[str]] = field(default_factory=dict)

    def seen_in(self, answer: httpx.Response) -> dict[str, set[str]]:
        """Values in the answer → whose they may be."""
        return {value: self.rows[value] for value in _texts(answer) if value in self.rows}

    @classmethod
    async def of(cls, h: Harness) -> Known:
        known = cls()
        for table, columns in _encrypted(h):
            (key,) = table.primary_key.columns
            async with h.app.read() as conn:
                found = (await conn.execute(sa.select(table))).mappings().all()
            for row in found:
                for column in columns:
                    known._add(h, table, column, row[key.name], row[column])
        return known

    def _add(self, h: Harness, table: sa.Table, column: str, key: Any, box: bytes | None) -> None:
        said = h.app.vault.open(table.name, column, key, box)
        if said is None or column in SHARED:
            return
        values = [said]
        if column == "details":
            number, holder = (json.loads(said)[name] for name in ("number", "holder"))
            values = [number, number[-4:], holder]
        if column == "nik":
            values.append("*" * 12 + said[-4:])
        for value in values:
            self.rows.setdefault(value, set()).add(f"{table.name}/{key}")


def _encrypted(h: Harness) -> Iterator[tuple[sa.Table, Sequence[str]]]:
    """Every table of people with its encrypted columns; what people wrote is plumbing, and named here."""
    for table in h.service.tables:
        if columns := h.service.personal.get(table.name):
            yield table, columns
    if h.service.name == "payments":
        yield dispute_notes, ("note", "answer")


def _texts(answer: httpx.Response) -> set[str]:
    kind = answer.headers.get("content-type", "")
    if "json" in kind:
        return {*_leaves(answer.json())}
    if "pdf" in kind:
        return {*text_of_pdf(answer.content).split()}
    if "sheet" in kind:
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            return {part for name in book.namelist() for part in book.read(name).decode("utf-8", "replace").split()}
    return {cell for line in answer.text.splitlines() for cell in line.split(",")}


def _leaves(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for inner in node.values():
            yield from _leaves(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _leaves(inner)


@dataclass
class Sweep:
    """One service. `shown`: tables of which something was shown in some answer."""

    h: Harness
    known: Known
    wrong: list[Violation] = field(default_factory=list)
    asked: int = 0
    shown: set[str] = field(default_factory=set)
    on_record: int = 0

    async def ask(self, tenant: Tenant, role: str, operation: str, example: Example) -> None:
        request = example.request(operation, tenant.values)
        scope = tenant.claims(role) if role in SCOPED else {}
        subject = f"{role}-{tenant.name}"
        request["headers"] |= self.h.token(roles=[role], subject=subject, **scope)
        answer = await self.h.client.request(**request)
        self.asked += 1
        seen = self.known.seen_in(answer)
        reads = await self.reads_of(answer)
        told = {f"{o.kind}/{one}" for _, read in reads for o in read.opened for one in (*o.persons, *o.things)}
        self.shown |= {row.partition("/")[0] for rows in seen.values() for row in rows if row in told}
        self.on_record += len(reads)
        if seen and len(reads) != 1:
            self.note(operation, role, f"one event: {len(seen)} values were shown", f"{len(reads)} events")
        if not seen and reads and operation not in HANDED_ON:
            self.note(operation, role, "no event: nothing was shown", f"{len(reads)} events")
        if forgotten := [value for value, rows in seen.items() if not rows & told]:
            self.note(operation, role, "everybody who was shown", f"{len(forgotten)} values of nobody who is named")
        for envelope, read in reads:
            said = (envelope.actor, read.roles, read.door, envelope.branch_id)
            if said != (subject, (role,), operation, scope.get("branch_id")):
                self.note(operation, role, f"{subject} as {role} through {operation}", str(said))

    async def reads_of(self, answer: httpx.Response) -> list[tuple[Any, PersonalDataRead]]:
        correlation = UUID(answer.headers["X-Correlation-Id"])
        return [
            (one.envelope, one.event)
            for one in await reads(self.h, correlation)
            if isinstance(one.event, PersonalDataRead)
        ]

    def note(self, operation: str, role: str, expected: str, actual: str) -> None:
        self.wrong.append({"where": operation, "key": role, "expected": expected, "actual": actual})


async def reads(h: Harness, correlation: UUID | None = None) -> list[Any]:
    """The trail, of one request where it is named."""
    found = await h.events(f"reads-{h.service.name}")
    return [one for one in found if correlation in (None, one.envelope.correlation_id)]


def _in_order(operations: Iterable[str]) -> list[str]:
    """What only reads first: commands change what there is to see."""
    return sorted(operations, key=lambda operation: (not operation.startswith("GET"), operation))


@pytest.mark.cell("threat.T6", fault="T6", service="all")
@pytest.mark.parametrize("service", ["registration", "payments", "notifications", "audit"])
async def test_every_answer_that_shows_a_person_is_on_record_and_no_other_is(
    service: str, stack: Stack, evidence: Evidence
) -> None:
    async with served(service, stack) as h:
        sweep = await swept(h)
        kept = {table.name for table, _ in _encrypted(h)}
        assert sweep.shown >= kept, f"the sweep saw nothing of {kept - sweep.shown}: it proves nothing of them"
        assert (await h.replay()).equal
    evidence.fired(sweep.asked, of=sweep.asked, unit="request")
    evidence.holds("T6.trail", checked=sweep.asked, violations=sweep.wrong)


@pytest.mark.cell("threat.T6", fault="T6", service="all")
@pytest.mark.parametrize("service", ["registration", "payments"])
async def test_a_door_that_forgot_would_be_found(
    service: str, stack: Stack, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with nothing noted, every operation that shows somebody is named, and no other."""
    monkeypatch.setattr(looks, "note", lambda *_: None)
    async with served(service, stack) as h:
        sweep = await swept(h)
    named = {one["where"] for one in sweep.wrong}
    missed = SHOWING[service] ^ named
    wrong: list[Violation] = [
        {"where": one, "key": "", "expected": "named", "actual": str(one in named)} for one in sorted(missed)
    ]
    evidence.fired(sweep.asked, of=sweep.asked, unit="request")
    evidence.holds("T6.control", checked=sweep.asked, violations=wrong)


async def swept(h: Harness) -> Sweep:
    """Every operation of the service asked as every role that may, by one tenant with things of his own."""
    service = h.service.name
    tenants = await BUILD[service](h)
    h.clock.move(LATER)
    sweep, table = Sweep(h, await Known.of(h)), doors.roles_of(service)
    operations = doors.described(h.asgi) - doors.signed(service) - doors.open_to_all(service)
    assert operations == EXAMPLES[service].keys()
    for operation in _in_order(operations):
        for role in sorted(table[operation]):
            for example in (e for e in EXAMPLES[service][operation] if not e.roles or role in e.roles):
                await sweep.ask(tenants[1], role, operation, example)
    return sweep


@pytest.mark.cell("threat.T6", fault="T6", service="payments")
async def test_a_bank_and_the_holder_of_a_link_leave_their_trail_too(stack: Stack, evidence: Evidence) -> None:
    """Doors without a token of the issuer. A payment is on record as itself: who paid for whom, at which partner."""
    wrong = list[Violation]()
    async with served("payments", stack) as h:
        bank = await Bank(h).enable()
        who = await register(h)
        name = f"Contoh {who.code[-4:]}"
        inquiry = await bank.inquire(who.code)
        assert code(inquiry) == "2002400" and name in inquiry.text
        unknown = await bank.inquire("8800000009999")
        assert code(unknown) != "2002400"
        assert code(await bank.buy(who.code)) == "2002500"
        (payment,) = (
            await h.client.get(f"/payments?participant_id={who.participant_id}", headers=h.token(roles=["central"]))
        ).json()
        link = await h.client.get(
            f"/payments/{payment['payment_id']}/proof-link",
            headers=h.token(roles=["participant"], subject="somebody", participant_id=who.participant_id),
        )
        found = await h.client.get(link.json()["path"])
        assert name in text_of_pdf(found.content)
        told = [(one.envelope.actor, one.event.roles, one.event.door) for one in await reads(h)]
        snap = ("partner:bank-a", ("partner",), "POST /snap/v1.0/transfer-va/inquiry")
        expected = [
            snap,
            snap,  # buying begins with an inquiry
            ("somebody", ("participant",), "GET /payments/{payment_id}/proof-link"),
            (f"link:{payment['payment_id']}", ("link",), "GET /proofs/{payment_id}"),
        ]
        if told != expected:
            wrong.append({"where": "payments", "key": "", "expected": str(expected), "actual": str(told)})
        for one in await reads(h):
            (opened,) = one.event.opened
            if (opened.kind, opened.fields, opened.persons) != ("payers", ("name",), (who.participant_id,)):
                wrong.append({"where": one.event.door, "key": "", "expected": "his name", "actual": opened.kind})
        assert (await h.replay()).equal
    evidence.fired(6, of=6, unit="request")
    evidence.holds("T6.trail", checked=6, violations=wrong)
