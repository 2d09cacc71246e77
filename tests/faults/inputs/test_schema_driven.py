"""Requests to every operation of every service, as its OpenAPI says, against it, and nearly right: whatever comes, no answer is a fault of ours.

schemathesis draws the first two kinds; the third is the working example with one value made odd. Every role that may call an operation
calls it in its turn, doors of banks and providers are called with a good signature, half of the drawn requests name things that exist.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis

from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.inputs.schema_cases import drawn, of_what_exists, spoilt
from tests.faults.inputs.signed_doors import Make, callers
from tests.faults.threats import served as doors
from tests.faults.threats.served import served
from tests.faults.threats.tenants import BUILD, SCOPED, Tenant
from tests.support.service import Harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(900)
SERVICES = ("registration", "payments", "notifications", "audit")
SLOW = {"GET /ops/status"}
"""Asks a Kafka that is not there."""
LAST = ("POST /ops/clock",)
"""Moves the calendar for everybody after it."""
Request = dict[str, Any]


@dataclass
class Crowd:
    """Everybody who may call one service."""

    h: Harness
    service: str
    tenants: Sequence[Tenant]
    signing: Make
    schema: Any
    dice: random.Random

    def requests(self, operation: str, number: int, seed: int) -> Iterator[Request]:
        """So many drawn ones, and half as many of those that are nearly right; a signed door gets as many of the latter."""
        cases, signed = drawn(self.schema, operation, number, seed), operation in doors.signed(self.service)
        if signed:
            yield from cases
            yield from (self.signing(operation, self.dice) for _ in range(number))
            return
        for turn, (role, tenant) in enumerate(self._callers(operation, number + number // 2)):
            if turn >= number:
                request = spoilt(self.service, operation, role, tenant, self.dice)
            elif turn >= len(cases):
                continue
            else:
                request = cases[turn]
                if self.dice.random() < 0.5:
                    request = of_what_exists(request, self.service, operation, role, tenant)
            proof = tenant.headers(self.h, role) if role in SCOPED else self.h.token(roles=[role])
            yield {**request, "headers": {**request["headers"], **proof}}

    def _callers(self, operation: str, number: int) -> Iterator[tuple[str, Tenant]]:
        roles = sorted(doors.roles_of(self.service)[operation])
        for turn in range(number):
            yield roles[turn % len(roles)], self.tenants[turn // len(roles) % len(self.tenants)]


async def _sent(h: Harness, request: Mapping[str, Any]) -> httpx.Response | None:
    """The answer; None for what no client can send."""
    made = dict(request)
    if (body := made.pop("json", None)) is not None:
        made["content"] = json.dumps(body).encode()
        made["headers"] = {"Content-Type": "application/json", **made["headers"]}
    given = made.pop("headers").items()
    made["headers"] = [(n.encode("latin-1", "replace"), v.encode("latin-1", "replace")) for n, v in given]
    try:
        return await h.client.request(**made)
    except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError, ValueError):
        return None


def _fault(operation: str, answer: httpx.Response) -> Violation | None:
    """A fault of ours, or a refusal that says neither what is wrong nor what to do."""
    expected = None
    if answer.status_code >= 500:
        expected = "below 500"
    elif answer.status_code >= 400 and "/snap/" not in operation:
        told = answer.json()
        sound = (
            told.get("code")
            and told["messages"]["id"]
            and told["messages"]["en"]
            and told["status"] == answer.status_code
        )
        expected = None if sound else "problem details in both languages"
    if expected is None:
        return None
    return {"where": operation, "key": "", "expected": expected, "actual": f"{answer.status_code} {answer.text[:60]}"}


@pytest.mark.cell("input.schema", fault="inputs", service="all")
@pytest.mark.parametrize("service", SERVICES)
async def test_no_request_makes_a_service_fail(
    service: str, stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    each, sent = scale(test=8, long=250), Counter[str]()
    wrong, statuses = list[Violation](), Counter[int]()
    async with served(service, stack) as h:
        tenants = await BUILD[service](h)
        schema = schemathesis.openapi.from_dict(h.asgi.openapi())
        signing = await callers(service, h, tenants[0])
        crowd = Crowd(h, service, tenants, signing, schema, random.Random(seed))
        operations = sorted(doors.described(h.asgi), key=lambda one: (one in LAST, one))
        for operation in operations:
            for request in crowd.requests(operation, 2 if operation in SLOW else each, seed):
                if (answer := await _sent(h, request)) is None:
                    continue
                sent[operation] += 1
                statuses[answer.status_code] += 1
                if fault := _fault(operation, answer):
                    wrong.append(fault)
        assert {200, 404, 422} <= statuses.keys(), "requests got as far as the rules"
        assert (await h.replay()).equal
    unreached = [one for one in operations if sent[one] < (1 if one in SLOW else each / 2)]
    assert not unreached, f"hardly any request could be sent to {unreached}"
    evidence.fired(sent.total(), of=sent.total(), unit="request")
    evidence.count(
        schema_driven_cases=sent.total(),
        schema_driven_5xx=sum(n for status, n in statuses.items() if status >= 500),
    )
    evidence.holds("inputs.schema", checked=sent.total(), violations=wrong)
