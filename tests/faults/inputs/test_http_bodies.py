"""Bad input at the HTTP door, before any rule is asked: bodies that are no JSON, and members that are not as the form says.

Every operation that reads a body is asked, in every service; nothing of a refused body is stored, not even its Idempotency-Key.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.faults.evidence import Evidence, Scale
from tests.faults.inputs.refusals import odd, refused
from tests.faults.inputs.spoiling import BROKEN, LIMIT, OTHER_MEDIA, misfilled, over_limit
from tests.faults.threats import served as doors
from tests.faults.threats.examples import EXAMPLES
from tests.faults.threats.served import served
from tests.faults.threats.tenants import BUILD, SCOPED, Tenant
from tests.faults.trial import nothing_changes
from tests.support.service import Harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(900)
EVERY = pytest.mark.parametrize("service", ["registration", "payments", "notifications"])
_POSITION = re.compile(r"line \d+, column \d+|byte \d+|depth > 16|duplicate member \w+")
_BOUND_BY_THE_FRAMEWORK = {"POST /ops/clock"}
"""An operator's door outside production."""


@dataclass(frozen=True)
class Door:
    """An operation with a request that would do, and headers of somebody who may."""

    h: Harness
    operation: str
    request: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def body(self) -> dict[str, Any]:
        return dict(self.request["json"])

    def required(self) -> set[str]:
        method, _, path = self.operation.partition(" ")
        body: Mapping[str, Any] = self.h.asgi.openapi()["paths"][path][method.lower()]["requestBody"]
        return set(body["content"]["application/json"]["schema"].get("required", ()))

    async def post(self, content: bytes, media: str = "application/json") -> httpx.Response:
        sent = {**self.headers, **({"Content-Type": media} if media else {})}
        return await self.h.client.request(self.request["method"], self.request["url"], content=content, headers=sent)


def _doors(service: str, h: Harness, tenant: Tenant) -> Iterator[Door]:
    """Every operation that reads a body."""
    for operation, every in EXAMPLES[service].items():
        if every[0].json is None or operation in _BOUND_BY_THE_FRAMEWORK:
            continue
        role = sorted(doors.roles_of(service)[operation])[0]
        example = next(one for one in every if not one.roles or role in one.roles)
        headers = tenant.headers(h, role) if role in SCOPED else h.token(roles=[role])
        yield Door(h, operation, example.request(operation, tenant.values), headers)


@asynccontextmanager
async def opened(service: str, stack: Stack) -> AsyncIterator[tuple[Harness, list[Door]]]:
    async with served(service, stack) as h:
        (tenant, *_) = await BUILD[service](h)
        yield h, [*_doors(service, h, tenant)]


@pytest.mark.cell("input.http.body", fault="inputs", service="all")
@EVERY
async def test_what_is_no_json_of_ours_is_refused_and_says_where(
    service: str, stack: Stack, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    each = scale(test=2, long=100)
    async with opened(service, stack) as (h, every), nothing_changes(h, evidence) as trial:
        for door in every:
            raw = json.dumps(door.body).encode()
            for kind, content in [(kind, spoil(raw, dice)) for kind, spoil in BROKEN.items() for _ in range(each)]:
                answer = await door.post(content)
                trial.take(refused(f"{door.operation}, malformed: {kind}", answer, 400, "malformed"))
                if not _POSITION.search(answer.json().get("detail", "")):
                    trial.wrong.append(odd(door.operation, kind, "a position", "none"))
            for kind in OTHER_MEDIA:
                answer = await door.post(raw, kind)
                trial.take(refused(f"{door.operation}, {kind}", answer, 415, "unsupported_media_type"))
            answer = await door.post(over_limit(raw, dice, doors.OWN_LIMITS.get(door.operation, LIMIT)))
            trial.take(refused(f"{door.operation}, over limit", answer, 413, "too_large"))


@pytest.mark.cell("input.http.field", fault="inputs", service="all")
@EVERY
async def test_every_bad_member_is_listed(
    service: str, stack: Stack, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    async with opened(service, stack) as (h, every), nothing_changes(h, evidence) as trial:
        for door in every * scale(test=15, long=500):
            content, bad = misfilled(door.body, door.required(), dice)
            trial.take(refused(door.operation, await door.post(content), 422, "invalid", fields=bad))


@pytest.mark.cell("input.http.field", fault="inputs", service="registration")
async def test_nothing_but_a_whole_number_is_an_income(stack: Stack, evidence: Evidence) -> None:
    written = ['"1"', "false", "1.5", "1e3", "NaN", "Infinity", "null", "9007199254740992", "[]"]
    async with opened("registration", stack) as (h, every), nothing_changes(h, evidence) as trial:
        door = next(one for one in every if one.operation == "POST /participants")
        for number in written:
            content = json.dumps({**door.body, "income": 4711}).replace("4711", number).encode()
            trial.take(refused(number, await door.post(content), 422, "invalid", fields={"income"}))
