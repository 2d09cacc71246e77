"""T1: what is not within a caller's scope does not exist for him: by path, query, body, import row, export, idempotency key.

The sweep takes every operation of every service's OpenAPI, as every scoped role of every tenant, and names the things of every
foreign tenant in turn. The answer must be the one for a thing that does not exist, hold nothing of the other side, and change no row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
import pytest

from chassis.ids import new_id
from tests.faults.evidence import Evidence, Violation
from tests.faults.inputs.refusals import odd
from tests.faults.threats import served as doors
from tests.faults.threats.examples import EXAMPLES, Example, Slot, examples
from tests.faults.threats.rows import changes, picture
from tests.faults.threats.served import served
from tests.faults.threats.tenants import BUILD, LATER, SCOPED, Tenant, foreign, leaked
from tests.faults.trial import nothing_changes
from tests.support.service import Harness
from tests.support.stack import Stack

ASKED_ANEW = {"idempotency"}
"""A refusal is an answer too, and kept under its key."""
RESERVED = {"number_blocks"}
pytestmark = pytest.mark.timeout(600)
EVERY = pytest.mark.parametrize("service", ["registration", "payments", "notifications", "audit"])


def unknown(slot: Slot) -> str:
    """A thing of that kind that nobody has."""
    return {"nik": "3671040403909999", "agent_code": "PRS99999999", "transfer": f"{uuid4()}:1"}.get(
        slot.name, str(new_id())
    )


@dataclass
class Sweep:
    """One service with its tenants."""

    h: Harness
    service: str
    tenants: Sequence[Tenant]
    wrong: list[Violation] = field(default_factory=list)
    asked: int = 0

    async def ask(
        self, tenant: Tenant, role: str, operation: str, example: Example, values: Mapping[str, str]
    ) -> httpx.Response:
        request = example.request(operation, values)
        request["headers"] |= tenant.headers(self.h, role)
        self.asked += 1
        return await self.h.client.request(**request)

    def note(self, tenant: Tenant, role: str, operation: str, expected: str, actual: object) -> None:
        where = f"{self.service} {operation}"
        self.wrong.append(
            {"where": where, "key": f"{role} of {tenant.name}", "expected": expected, "actual": str(actual)}
        )

    async def of(self, tenant: Tenant, role: str, operation: str, example: Example) -> None:
        """Every slot of one example in turn filled with everything foreign."""
        others = foreign(self.tenants, tenant, role)
        if operation.startswith("GET"):
            page = await self.ask(tenant, role, operation, example, tenant.values)
            self.no_leak(tenant, role, operation, page, others)
        for slot in example.slots():
            if slot.open and not operation.startswith("GET"):
                continue
            blank = tenant.values | {slot.name: unknown(slot)}
            nothing = await self.ask(tenant, role, operation, example, blank)
            for other in others:
                thing = other.thing(slot.name, tenant, role)
                if thing is None:
                    continue
                named = tenant.values | {slot.name: thing}
                answer = await self.ask(tenant, role, operation, example, named)
                self.no_leak(tenant, role, operation, answer, others, named.values())
                if not slot.open:
                    self.same(tenant, role, operation, example, slot, _seen(answer, named), _seen(nothing, blank))

    def same(
        self, tenant: Tenant, role: str, operation: str, example: Example, slot: Slot, foreign_: str, nothing: str
    ) -> None:
        if foreign_ != nothing:
            self.note(tenant, role, operation, f"{slot.name} as if unknown: {nothing[:80]}", foreign_[:80])
        allowed = role in doors.roles_of(self.service)[operation]
        expected = "403" if not allowed else "404" if slot in example.path.values() else ("200", "404", "409", "422")
        if not foreign_.startswith(expected):
            self.note(tenant, role, operation, str(expected), foreign_[:3])

    def no_leak(
        self,
        tenant: Tenant,
        role: str,
        operation: str,
        answer: httpx.Response,
        others: Sequence[Tenant],
        sent: object = (),
    ) -> None:
        text = answer.text + str(answer.headers)
        if found := leaked(text, others, sent):  # type: ignore[arg-type]
            self.note(
                tenant, role, operation, "nothing foreign", f"{len(found)} foreign values in a {answer.status_code}"
            )
        if answer.status_code >= 500:
            self.note(tenant, role, operation, "below 500", answer.status_code)


def _seen(answer: httpx.Response, sent: Mapping[str, str]) -> str:
    """Status and body, whatever was named."""
    text = f"{answer.status_code} {answer.text}"
    for value in sorted(sent.values(), key=len, reverse=True):
        text = text.replace(value, "·")
    return text


@pytest.mark.cell("threat.T1", fault="T1", service="all")
@EVERY
async def test_a_foreign_thing_is_as_unknown_as_one_that_does_not_exist(
    service: str, stack: Stack, evidence: Evidence
) -> None:
    async with served(service, stack) as h:
        tenants = await BUILD[service](h)
        sweep = Sweep(h, service, tenants)
        operations = sorted(doors.described(h.asgi) - doors.signed(service))
        assert set(operations) == EXAMPLES[service].keys(), (
            "an example for every operation, and an operation for every example"
        )
        before = await picture(h, without=RESERVED)
        for operation in operations:
            for role in SCOPED:
                for tenant in tenants:
                    for example in examples(service, operation, role):
                        await sweep.of(tenant, role, operation, example)
        after = await picture(h, without=RESERVED)
        evidence.fired(sweep.asked, of=sweep.asked, unit="request")
        evidence.holds("T1.unknown", checked=sweep.asked, violations=sweep.wrong)
        evidence.holds("T1.unchanged", checked=before.rows, violations=changes(before, after, grown=ASKED_ANEW))
        assert (await h.replay()).equal


@pytest.mark.cell("threat.T1", fault="T1", service="all")
@EVERY
async def test_a_role_whose_scope_the_token_lacks_sees_nothing(service: str, stack: Stack, evidence: Evidence) -> None:
    async with served(service, stack) as h:
        tenants = await BUILD[service](h)
        async with nothing_changes(h, evidence, proving="T1.scopeless", without=RESERVED, grown=ASKED_ANEW) as trial:
            for operation, role, example in _pointing_somewhere(service):
                request = example.request(operation, tenants[0].values)
                request["headers"] |= h.token(roles=[role], subject=f"{role}-nowhere")
                answer = await h.client.request(**request)
                found = leaked(answer.text, tenants, tenants[0].values.values())
                silent = not found and answer.status_code in (200, 403, 404, 422)
                told = f"{answer.status_code}, {len(found)} values"
                trial.take([] if silent else [odd(operation, role, "nothing", told)])


def _pointing_somewhere(service: str) -> Iterator[tuple[str, str, Example]]:
    """(operation, role, example), but for what names nothing of anybody's, or registers the person with a branch he chose."""
    for operation, every in EXAMPLES[service].items():
        for role in SCOPED:
            for example in every:
                slots = example.slots()
                if not operation.startswith("POST") or (slots and not any(slot.open for slot in slots)):
                    yield operation, role, example


@pytest.mark.cell("threat.T1", fault="T1", service="all")
@EVERY
async def test_the_own_thing_is_found_and_may_be_changed(service: str, stack: Stack, evidence: Evidence) -> None:
    """The control: the very same requests with the caller's own things get through the scope."""
    async with served(service, stack) as h:
        tenants = await BUILD[service](h)
        h.clock.move(LATER)
        sweep, table = Sweep(h, service, tenants), doors.roles_of(service)
        for operation, every in EXAMPLES[service].items():
            for role in sorted(table[operation] & {*SCOPED}):
                for example in (e for e in every if (not e.roles or role in e.roles) and e.slots()):
                    answer = await sweep.ask(tenants[1], role, operation, example, tenants[1].values)
                    if answer.status_code in (401, 403, 404) or answer.status_code >= 500:
                        sweep.note(tenants[1], role, operation, "found", answer.status_code)
                    elif operation.startswith("GET") and answer.status_code != 200:
                        sweep.note(tenants[1], role, operation, "200", answer.status_code)
        evidence.fired(sweep.asked, of=sweep.asked, unit="request")
        evidence.holds("T1.control", checked=sweep.asked, violations=sweep.wrong)
