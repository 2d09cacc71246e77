"""Bad input at the HTTP door, before any rule is asked: bodies that are no JSON, and members that are not as the form says.

Every operation that reads a body is asked, in every service; nothing of a refused body is stored, not even its Idempotency-Key.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.inputs.refusals import odd, refused
from tests.faults.inputs.spoiling import BROKEN, OTHER_MEDIA, misfilled, over_limit
from tests.faults.threats import served as doors
from tests.faults.threats.examples import EXAMPLES
from tests.faults.threats.rows import changes, picture
from tests.faults.threats.served import served
from tests.faults.threats.tenants import BUILD, SCOPED, Tenant
from tests.support.service import Harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(900)
EVERY = pytest.mark.parametrize("service", ["registration", "payments", "notifications"])
_POSITION = re.compile(r"line \d+, column \d+|byte \d+|depth > 16|duplicate member \w+")
_BOUND_BY_THE_FRAMEWORK = {"POST /ops/clock"}
"""An operator's door outside production."""


def _doors(service: str, h: Harness, tenant: Tenant) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """(operation, a request that would do, headers of somebody who may) of every operation that reads a body."""
    for operation, every in EXAMPLES[service].items():
        if every[0].json is None or operation in _BOUND_BY_THE_FRAMEWORK:
            continue
        role = sorted(doors.roles_of(service)[operation])[0]
        example = next(one for one in every if not one.roles or role in one.roles)
        headers = tenant.headers(h, role) if role in SCOPED else h.token(roles=[role])
        yield operation, example.request(operation, tenant.values), headers


def _required(h: Harness, operation: str) -> set[str]:
    method, _, path = operation.partition(" ")
    body: Mapping[str, Any] = h.asgi.openapi()["paths"][path][method.lower()]["requestBody"]
    return set(body["content"]["application/json"]["schema"].get("required", ()))


@pytest.mark.cell("input.http.body", fault="inputs", service="all")
@EVERY
async def test_what_is_no_json_of_ours_is_refused_and_says_where(
    service: str, stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    dice, each = random.Random(seed), scale(test=2, long=100)
    async with served(service, stack) as h:
        (tenant, *_) = await BUILD[service](h)
        before, wrong, tried = await picture(h), list[Violation](), 0
        for operation, request, headers in _doors(service, h, tenant):
            raw = json.dumps(request["json"]).encode()
            sent = [(f"malformed: {kind}", spoil(raw, dice)) for kind, spoil in BROKEN.items() for _ in range(each)]
            for kind, content in sent:
                answer = await _post(h, request, content, headers)
                wrong += refused(f"{operation}, {kind}", answer, 400, "malformed")
                if not _POSITION.search(answer.json().get("detail", "")):
                    wrong.append(odd(operation, kind, "a position", "none"))
            for kind in OTHER_MEDIA:
                answer = await _post(h, request, raw, headers, media=kind)
                wrong += refused(f"{operation}, {kind}", answer, 415, "unsupported_media_type")
            answer = await _post(h, request, over_limit(raw, dice), headers)
            wrong += refused(f"{operation}, over limit", answer, 413, "too_large")
            tried += len(sent) + len(OTHER_MEDIA) + 1
        changed = changes(before, await picture(h))
    evidence.fired(tried, of=tried, unit="request")
    evidence.holds("inputs.answers", checked=tried, violations=wrong)
    evidence.holds("inputs.unchanged", checked=max(1, before.rows), violations=changed)


@pytest.mark.cell("input.http.field", fault="inputs", service="all")
@EVERY
async def test_every_bad_member_is_listed(
    service: str, stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    dice, each = random.Random(seed), scale(test=15, long=500)
    async with served(service, stack) as h:
        (tenant, *_) = await BUILD[service](h)
        before, wrong, tried = await picture(h), list[Violation](), 0
        for operation, request, headers in _doors(service, h, tenant):
            required = _required(h, operation)
            for _ in range(each):
                content, bad = misfilled(request["json"], required, dice)
                answer = await _post(h, request, content, headers)
                wrong += refused(operation, answer, 422, "invalid", fields=bad)
                tried += 1
        changed = changes(before, await picture(h))
    evidence.fired(tried, of=tried, unit="request")
    evidence.holds("inputs.answers", checked=tried, violations=wrong)
    evidence.holds("inputs.unchanged", checked=max(1, before.rows), violations=changed)


@pytest.mark.cell("input.http.field", fault="inputs", service="registration")
async def test_nothing_but_a_whole_number_is_an_income(stack: Stack, evidence: Evidence) -> None:
    written = ['"1"', "false", "1.5", "1e3", "NaN", "Infinity", "null", "9007199254740992", "[]"]
    async with served("registration", stack) as h:
        (tenant, *_) = await BUILD["registration"](h)
        before, wrong = await picture(h), list[Violation]()
        (request, headers) = next((r, t) for o, r, t in _doors("registration", h, tenant) if o == "POST /participants")
        for number in written:
            content = json.dumps({**request["json"], "income": 4711}).replace("4711", number).encode()
            answer = await _post(h, request, content, headers)
            wrong += refused(number, answer, 422, "invalid", fields={"income"})
        changed = changes(before, await picture(h))
    evidence.fired(len(written), of=len(written), unit="request")
    evidence.holds("inputs.answers", checked=len(written), violations=wrong)
    evidence.holds("inputs.unchanged", checked=before.rows, violations=changed)


async def _post(
    h: Harness, request: Mapping[str, Any], content: bytes, headers: Mapping[str, str], media: str = "application/json"
) -> Any:
    sent = {**headers, **({"Content-Type": media} if media else {})}
    return await h.client.request(request["method"], request["url"], content=content, headers=sent)
