"""Requests made from the OpenAPI of every service, as it says and against it: whatever comes, no answer is a fault of ours.

schemathesis draws the cases; they are sent with a token that may call the operation, half of them naming things that exist.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import seed as hypothesis_seed
from hypothesis import settings as hypothesis_settings
from schemathesis import Case, GenerationMode

from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.threats import served as doors
from tests.faults.threats.served import served
from tests.faults.threats.tenants import BUILD, SCOPED, Tenant
from tests.support.service import Harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(900)
SLOW = {"GET /ops/status"}
"""Asks a Kafka that is not there."""
LAST = ("POST /ops/clock",)
"""Moves the calendar for everybody after it."""
SHARE = {"registration": 0.55, "payments": 0.3, "notifications": 0.15}


def _drawn(schema: Any, operation: str, number: int, seed: int) -> list[Case[Any]]:
    """So many cases of one operation: half as its schema says, half against it."""
    method, _, path = operation.partition(" ")
    described, found = schema[path][method], list[Case[Any]]()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        wanted = number - number // 2 if mode is GenerationMode.POSITIVE else number // 2

        @hypothesis_seed(seed)
        @hypothesis_settings(
            max_examples=max(1, wanted), database=None, deadline=None, suppress_health_check=[*HealthCheck]
        )
        @given(case=described.as_strategy(generation_mode=mode))
        def draw(case: Case[Any]) -> None:
            found.append(case)

        try:
            draw()
        except Exception as error:  # an operation without input has nothing to be wrong about
            if mode is GenerationMode.POSITIVE:
                raise error from None
    return found[:number]


def _request(case: Case[Any], tenant: Tenant, dice: random.Random) -> dict[str, Any]:
    """What is sent; in half of the cases its path names things that exist."""
    if dice.random() < 0.5:
        known = {name: tenant.values.get(name, value) for name, value in case.path_parameters.items()}
        case.path_parameters.update(known)
    given_ = case.as_transport_kwargs(base_url="http://service")
    kept = ("method", "url", "params", "json", "data", "headers", "cookies")
    made = {name: given_[name] for name in kept if given_.get(name) is not None}
    if isinstance(made.get("data"), bytes | str):
        made["content"] = made.pop("data")
    made["headers"] = dict(made.get("headers", {}))
    return made


def _headers(h: Harness, operation: str, service: str, tenant: Tenant, dice: random.Random) -> Mapping[str, str]:
    if operation in doors.signed(service):
        return {}
    role = dice.choice(sorted(doors.roles_of(service)[operation]))
    return tenant.headers(h, role) if role in SCOPED else h.token(roles=[role])


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
@pytest.mark.parametrize("service", sorted(SHARE))
async def test_no_request_makes_a_service_fail(
    service: str, stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    dice, total = random.Random(seed), round(scale(test=1_000, long=50_000) * SHARE[service])
    async with served(service, stack) as h:
        (tenant, *_) = await BUILD[service](h)
        schema = schemathesis.openapi.from_dict(h.asgi.openapi())
        operations = sorted(doors.described(h.asgi), key=lambda one: (one in LAST, one))
        each = -(-total // len(operations))
        wrong, statuses = list[Violation](), Counter[int]()
        for operation in operations:
            for case in _drawn(schema, operation, 2 if operation in SLOW else each, seed):
                request = _request(case, tenant, dice)
                headers = {**request.pop("headers"), **_headers(h, operation, service, tenant, dice)}
                sent = {n.encode("latin-1", "replace"): v.encode("latin-1", "replace") for n, v in headers.items()}
                try:
                    answer = await h.client.request(**request, headers=list(sent.items()))
                except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError, ValueError):
                    continue  # no client can send it
                statuses[answer.status_code] += 1
                if fault := _fault(operation, answer):
                    wrong.append(fault)
        assert {200, 404, 422} <= statuses.keys(), "requests got as far as the rules"
        assert (await h.replay()).equal
    sent_ = statuses.total()
    evidence.fired(sent_, of=sent_, unit="request")
    evidence.count(
        schema_driven_cases=sent_, schema_driven_5xx=sum(n for status, n in statuses.items() if status >= 500)
    )
    evidence.holds("inputs.schema", checked=sent_, violations=wrong)
    assert sent_ >= 0.7 * total, f"only {sent_} of {total} cases could be sent"
