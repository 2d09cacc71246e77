"""T5: a door is open to the roles of roles.toml and to nobody else. What the table does not name is denied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from chassis.ids import new_id
from tests.faults.evidence import Evidence, Violation
from tests.faults.threats import served as doors
from tests.faults.threats.examples import examples
from tests.faults.threats.served import ROLES, served
from tests.support.service import Harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(600)
THINGS = (
    "wadah_id", "agent_id", "participant_id", "member_id", "outreach_id", "reassignment_id", "import_id", "branch_id", "notification_id",
    "payment_id", "astray_payment_id", "proposal_id", "payee_account_id", "order_id", "bill_id",
    "open_bill_id", "collective_bill_id", "paid_collective_bill_id", "dispute_id", "file_id", "case_id",
    "event_id",
)  # fmt: skip


def values() -> dict[str, str]:
    """Things that nobody knows: what is asked here is who may knock."""
    ids = {name: str(new_id()) for name in THINGS}
    return {**ids, "nik": "3671040403900001", "transfer": f"{new_id()}:1"}


def everywhere() -> dict[str, Any]:
    """The claims of a token that lacks no scope."""
    return {name: new_id() for name in ("branch_id", "wadah_id", "agent_id", "participant_id")}


async def knock(h: Harness, request: Mapping[str, Any], headers: Mapping[str, str]) -> httpx.Response:
    return await h.client.request(**{**request, "headers": {**request["headers"], **headers}})


@pytest.mark.cell("threat.T5", fault="T5", service="all")
@pytest.mark.parametrize("service", ["registration", "payments", "notifications", "audit"])
async def test_every_door_is_open_to_its_roles_alone(service: str, stack: Stack, evidence: Evidence) -> None:
    table, wrong, tried = doors.roles_of(service), list[Violation](), 0
    async with served(service, stack) as h:
        for operation, allowed in table.items():
            for role in (*ROLES, "guest", "Officer", ""):
                request = examples(service, operation, role)[0].request(operation, values())
                answer = await knock(h, request, h.token(roles=[role], subject=f"{role}-1", **everywhere()))
                tried += 1
                told = {401: "denied", 403: "denied"}.get(answer.status_code, "let in")
                expected = "let in" if role in allowed else "denied"
                if told != expected or answer.status_code >= 500:
                    wrong.append(_wrong(operation, role, expected, answer))
            denied = sorted(set(ROLES) - allowed)
            request = examples(service, operation, "")[0].request(operation, values())
            for roles in (denied, [*denied, "guest"], ["admin"]):
                tried += 1
                answer = await knock(h, request, h.token(roles=roles or ["guest"], **everywhere()))
                if answer.status_code != 403:
                    wrong.append(_wrong(operation, " ".join(roles), "denied", answer))
            tried += 1
            if (answer := await knock(h, request, {})).status_code != 401:
                wrong.append(_wrong(operation, "no token", "401", answer))
    evidence.fired(tried, of=len(table) * (len(ROLES) + 3 + 3 + 1), unit="request")
    evidence.holds("T5", checked=tried, violations=wrong)


def _wrong(operation: str, role: str, expected: str, answer: httpx.Response) -> Violation:
    return {"where": operation, "key": role, "expected": expected, "actual": str(answer.status_code)}


@pytest.mark.cell("threat.T5", fault="T5", service="all")
@pytest.mark.parametrize("service", ["registration", "payments", "notifications", "audit"])
async def test_every_served_route_stands_in_the_table_and_nothing_else_does(
    service: str, stack: Stack, evidence: Evidence
) -> None:
    async with served(service, stack) as h:
        routes = doors.routed(h.asgi)
    known = {*doors.roles_of(service), *doors.signed(service), *doors.open_to_all(service)}
    wrong: list[Violation] = [
        {"where": service, "key": one, "expected": "in roles.toml" if one in routes else "served", "actual": "is not"}
        for one in sorted(routes ^ known)
    ]
    evidence.fired(len(routes), of=len(routes), unit="run")
    evidence.holds("T5.table", checked=len(routes), violations=wrong)


@pytest.mark.cell("threat.T5", fault="T5", service="all")
@pytest.mark.parametrize("service", ["registration", "payments", "notifications"])
async def test_no_token_of_the_issuer_opens_a_door_that_asks_for_a_signature(
    service: str, stack: Stack, evidence: Evidence
) -> None:
    wrong, tried, doors_of = list[Violation](), 0, sorted(doors.signed(service))
    async with served(service, stack) as h:
        for operation in doors_of:
            method, _, path = operation.replace("*", "POST").partition(" ")
            for role in ROLES:
                headers = h.token(roles=[role], **everywhere())
                answer = await h.client.request(
                    method, path.replace("{rest:path}", "v1.0/else"), json={"subjects": []}, headers=headers
                )
                tried += 1
                if not 400 <= answer.status_code < 500:
                    wrong.append(_wrong(operation, role, "4xx", answer))
    evidence.fired(tried, of=len(doors_of) * len(ROLES), unit="request")
    evidence.holds("T5.signed", checked=tried, violations=wrong)
