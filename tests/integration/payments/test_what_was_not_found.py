"""Of several ids and names in one request the answer says which one is wrong."""

from __future__ import annotations

from chassis.ids import new_id
from tests.integration.payments.bank import Bank
from tests.integration.payments.office import Office
from tests.integration.payments.people import register
from tests.integration.payments.test_suspense import account, in_suspense, open_bill, propose
from tests.support.service import Harness
from tests.support.settlement import DAY, marked


async def test_a_proposal_names_the_id_that_leads_nowhere(h: Harness) -> None:
    payment_id, who, other = await in_suspense(h, "9999999999999", 36_800), await register(h), await register(h)
    right = {"participant_id": str(who.participant_id), "bill_id": (await open_bill(h, who))["bill_id"]}
    for field, wrong in (
        ("bill_id", str(new_id())),
        ("bill_id", (await open_bill(h, other))["bill_id"]),
        ("participant_id", str(new_id())),
    ):
        refused = await propose(h, "MATCH", payment_id, 404, **right | {field: wrong})
        assert (refused["code"], refused["field"]) == ("not_found", field)
    refused = await propose(h, "MATCH", new_id(), 404, **right)
    assert refused["field"] == "payment_id"
    await account(h)
    refused = await propose(h, "RETURN", payment_id, 404, payee_account_id=str(new_id()))
    assert refused["field"] == "payee_account_id"


async def test_settlement_of_a_partner_that_nobody_knows_says_so(h: Harness, bank: Bank, office: Office) -> None:
    unknown = await office.send(marked(), str(DAY), "nobody")
    assert (unknown.status_code, unknown.json()["code"], unknown.json()["field"]) == (404, "no_such_partner", "partner")
    assert "nobody" in unknown.json()["messages"]["id"]
    waiting = await office.agree(partner="nobody")
    assert (waiting.status_code, waiting.json()["code"]) == (404, "no_such_partner")


async def test_a_day_that_no_calendar_has_is_told_as_such_in_a_path_too(h: Harness, bank: Bank, office: Office) -> None:
    for method, path in (("POST", "2025-13-01/files"), ("POST", "2025-02-30/credits"), ("GET", "2025-13-01")):
        refused = await h.client.request(method, f"/settlements/days/bank-a/{path}", headers=office.headers())
        found = refused.json()
        assert (refused.status_code, found["errors"][0]["field"], found["errors"][0]["code"]) == (
            422,
            "path.day",
            "not_a_date",
        )


async def test_an_account_line_of_nothing_is_none(h: Harness, bank: Bank, office: Office) -> None:
    refused = await office.post(f"/settlements/days/bank-a/{DAY}/credits", {"amount": 0, "evidence": "RK/0"})
    assert (refused.status_code, refused.json()["field"]) == (422, "amount")
