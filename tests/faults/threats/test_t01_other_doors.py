"""T1 where a thing is named otherwise than in a request: in rows of a file, by a repeated Idempotency-Key, in sums, and over SNAP."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from chassis.ids import new_id
from tests.faults.evidence import Evidence, Violation
from tests.faults.threats.rows import changes, picture
from tests.faults.threats.served import served
from tests.faults.threats.tenants import Tenant, foreign, in_notifications, in_payments, in_registration, leaked
from tests.integration.payments.bank import Bank
from tests.integration.payments.people import register
from tests.integration.registration.files import row, table, worked
from tests.integration.registration.world import World, form
from tests.support.service import Harness
from tests.support.stack import Stack

IMPORTED = {"imports", "import_results", "import_parts", "idempotency"}
RESERVED = {"number_blocks"}


def _rows(own: Tenant, role: str, named: Mapping[str, str]) -> list[dict[str, str]]:
    """One row that names an agent, one that names a session, one with the NIK of somebody registered."""
    mine = "" if role == "officer" else own.values["agent_code"]
    return [
        row(agent_code=named["agent_code"]),
        row(agent_code=mine, outreach_id=named["outreach_id"]),
        row(agent_code=mine, outreach_id="") | {"nik": named["nik"]},
    ]


UNKNOWN = {"agent_code": "PRS99999999", "outreach_id": str(new_id()), "nik": ""}


@pytest.mark.cell("threat.T1", fault="T1", service="registration")
async def test_a_row_that_names_a_foreign_thing_is_refused_as_if_it_named_nothing(
    stack: Stack, evidence: Evidence
) -> None:
    async with served("registration", stack) as h:
        tenants, wrong, checked = await in_registration(h), list[Violation](), 0
        before = await picture(h, without=RESERVED)
        for own in tenants:
            world = World(h, own.branch_id, own.wadah_id, own.agent_id, own.values["agent_code"])
            for role in ("agent", "officer", "coordinator"):
                headers = own.headers(h, role)
                others = foreign(tenants, own, role)
                sheet = [line for other in others for line in _rows(own, role, other.values)]
                done = await worked(world, table(*sheet, *_rows(own, role, UNKNOWN)[:2]), headers)
                exported = await h.client.get(
                    f"/imports/{done.summary['import_id']}/results", headers={**headers, "Accept": "text/csv"}
                )
                nothing = done.codes[-2:]
                wanted = [*(code for _ in others for code in (*nothing, "nik_registered")), *nothing]
                checked += len(wanted)
                wrong += [
                    {"where": f"row {at}", "key": f"{role} of {own.name}", "expected": str(wish), "actual": str(found)}
                    for at, (wish, found) in enumerate(zip(wanted, done.codes, strict=True))
                    if wish != found or found is None
                ]
                named = [value for other in others for value in other.values.values()]
                spilt = leaked(f"{done.rows}{exported.text}", others, named)
                numbers = [r for r in done.rows if r["participant_id"] or r["contribution_code"]]
                if spilt or numbers or len([*csv.reader(io.StringIO(exported.text))]) != len(wanted) + 1:
                    wrong.append(
                        {"where": "results", "key": role, "expected": "nothing foreign", "actual": f"{len(spilt)}"}
                    )
        evidence.fired(checked, of=checked, unit="record")
        evidence.holds("T1.rows", checked=checked, violations=wrong)
        after = await picture(h, without=RESERVED)
        evidence.holds("T1.unchanged", checked=before.rows, violations=changes(before, after, grown=IMPORTED))


@dataclass
class Command:
    """A command of one tenant's person, answered well."""

    role: str
    path: str
    body: Mapping[str, Any] | None


def _commands(tenant: Tenant) -> list[Command]:
    agent = f"/agents/{tenant.values['agent_id']}"
    return [
        Command("agent", "/participants", form(name=f"Rahasia Berulang {tenant.name}")),
        Command("officer", "/participants", form(name=f"Rahasia Berulang {tenant.name}")),
        Command("coordinator", "/agents", {"participant_id": tenant.values["member_id"], "name": "Calon", "phone": "081234567899"}),
        Command("checker", f"{agent}/suspension", {"reason": "review"}),
        Command("checker", f"{agent}/reinstatement", None),
        Command("coordinator", f"/outreach/{tenant.values['outreach_id']}/cancellation", {"reason": "hujan"}),
    ]  # fmt: skip


async def _do(h: Harness, headers: dict[str, str], command: Command, key: str) -> httpx.Response:
    return await h.client.post(command.path, json=command.body, headers={**headers, "Idempotency-Key": key})


@pytest.mark.cell("threat.T1", fault="T1", service="registration")
async def test_the_key_of_another_actor_gives_nobody_his_answer(stack: Stack, evidence: Evidence) -> None:
    async with served("registration", stack) as h:
        tenants, wrong, checked = await in_registration(h), list[Violation](), 0
        for owner in tenants:
            for command in _commands(owner):
                key = str(new_id())
                first = await _do(h, owner.headers(h, command.role), command, key)
                assert first.status_code in (200, 201), first.text
                owner.secrets |= {v for v in first.json().values() if isinstance(v, str) and len(v) > 9}
                for thief in foreign(tenants, owner, command.role):
                    checked += 1
                    stolen = await _do(h, thief.headers(h, command.role), command, key)
                    if stolen.status_code not in (404, 409, 422) or leaked(stolen.text, [owner], owner.values.values()):
                        wrong.append(
                            {
                                "where": command.path.split("/")[1],
                                "key": f"{command.role} {thief.name}",
                                "expected": "refused",
                                "actual": str(stolen.status_code),
                            }
                        )
                again = await _do(h, owner.headers(h, command.role), command, key)
                if (again.status_code, again.content) != (first.status_code, first.content):
                    wrong.append(
                        {
                            "where": command.path,
                            "key": owner.name,
                            "expected": "the first answer",
                            "actual": str(again.status_code),
                        }
                    )
        evidence.fired(checked, of=checked, unit="request")
        evidence.holds("T1.keys", checked=checked, violations=wrong)


@pytest.mark.cell("threat.T1", fault="T1", service="all")
async def test_a_sum_counts_the_own_things_alone(stack: Stack, evidence: Evidence) -> None:
    """Every tenant has another number of people, so a sum over anybody else's shows."""
    wrong, asked = list[Violation](), 0
    async with served("registration", stack) as h:
        tenants = await in_registration(h)
        for own in tenants:
            branch = [one for one in tenants if one.branch_id == own.branch_id]
            whole = sum(one.people + one.branch_people for one in branch)
            for role, expected in (
                ("agent", own.people),
                ("coordinator", own.people),
                ("officer", whole),
                ("checker", whole),
            ):
                answer = await h.client.get("/participants/counts", headers=own.headers(h, role))
                asked += 1
                wrong += _differs(
                    "/participants/counts", f"{role} of {own.name}", expected, sum(answer.json().values())
                )
    async with served("payments", stack) as h:
        tenants = await in_payments(h)
        for own in tenants:
            branch = [one for one in tenants if one.branch_id == own.branch_id]
            # beside the people of the tenant, one who paid three months ahead and died in the first: two were given back
            whole = sum(one.people + 1 for one in branch)
            for role, people, paid, months in (
                ("agent", own.people + 1, 2, 2),
                ("officer", whole, 4, 4),
                ("participant", 1, 1, 1),
            ):
                told = (await h.client.get("/contributions/totals", headers=own.headers(h, role))).json()
                asked += 1
                found = (told["participants"], told["paid"], told["contributions"])
                wrong += _differs(
                    "/contributions/totals", f"{role} of {own.name}", (people, paid, months * 36_800), found
                )
            told = (await h.client.get("/ledger/trial-balance", headers=own.headers(h, "officer"))).json()
            asked += 1
            wrong += _differs("/ledger/trial-balance", own.name, 4 * 36_800, told["contributions"])
    async with served("notifications", stack) as h:
        tenants = await in_notifications(h)
        for own in tenants:
            whole = sum(one.people for one in tenants if one.branch_id == own.branch_id)
            for role, expected in (("coordinator", own.people), ("officer", whole), ("checker", whole)):
                told = (await h.client.get("/notifications/counts", headers=own.headers(h, role))).json()
                asked += 1
                wrong += _differs("/notifications/counts", f"{role} of {own.name}", expected, told["queued"])
    evidence.fired(asked, of=asked, unit="request")
    evidence.holds("T1.sums", checked=asked, violations=wrong)


def _differs(where: str, key: str, expected: object, actual: object) -> list[Violation]:
    if expected == actual:
        return []
    return [{"where": where, "key": key, "expected": str(expected), "actual": str(actual)}]


@pytest.mark.cell("threat.T1", fault="T1", service="payments")
async def test_a_number_of_another_partner_is_as_unknown_as_one_that_nobody_has(
    stack: Stack, evidence: Evidence
) -> None:
    async with served("payments", stack) as h:
        banks = [
            await Bank(h).enable(),
            await Bank(h, "bank-b", "8200", "client-b", "a-secret-of-the-tests-0002", "82002").enable(),
        ]
        wrong, asked = list[Violation](), 0
        people = {bank.partner: await register(h) for bank in banks}
        for bank in banks:
            assert (await bank.buy(people[bank.partner].code)).status_code == 200
            assert (await bank.pay((await register(h)).code, 36_800, f"THEIRS-{bank.partner}")).status_code == 200
        before = await picture(h, without={"external_ids"})
        for mine, theirs in (banks, banks[::-1]):
            who = people[theirs.partner]
            foreign_number = theirs.number(who.code)
            unknown_number = theirs.number("8899999999999")
            ids = {"paymentRequestId": f"THEIRS-{theirs.partner}"}
            for service, more in (
                ("inquiry", {"inquiryRequestId": "X"}),
                ("payment", {**ids, "paidAmount": {"value": "36800.00", "currency": "IDR"}}),
                ("status", ids),
                ("status", {}),
            ):
                seen = []
                for number in (foreign_number, unknown_number):
                    answer = await mine.send(service, {**number, **more})
                    asked += 1
                    seen.append((answer.status_code, answer.text.replace(who.code, "·").replace("8899999999999", "·")))
                if seen[0] != seen[1] or seen[0][0] != 404:
                    wrong.append(
                        {"where": service, "key": mine.partner, "expected": seen[1][1][:60], "actual": seen[0][1][:60]}
                    )
            own_number = mine.number(who.code)
            asked += 1
            told = (await mine.send("status", {**own_number, **ids})).json()["responseCode"]
            if told != "4042601":
                wrong.append(
                    {"where": "status", "key": f"request id of {theirs.partner}", "expected": "4042601", "actual": told}
                )
        evidence.fired(asked, of=2 * 9, unit="request")
        evidence.holds("T1.partners", checked=asked, violations=wrong)
        after = await picture(h, without={"external_ids"})
        evidence.holds("T1.unchanged", checked=before.rows, violations=changes(before, after))
