"""Contributions over time: how many months, arrears and a new spell, changes between months, cancelled bills, the number that stays payable."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from contracts.values import FundingSource, Programme, Rupiah, Sector
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.people import AGENT, BRANCH, Somebody, correct, lapse, register
from tests.support.service import Harness

TWO = (Programme.JKK, Programme.JKM)


async def ask(h: Harness, who: Somebody, months: int | None = None) -> httpx.Response:
    body = {"participant_id": str(who.participant_id)} | ({} if months is None else {"months": months})
    return await h.client.post("/bills", json=body, headers=h.token(roles=["agent"], agent_id=AGENT))


async def bills(h: Harness, who: Somebody) -> list[dict[str, Any]]:
    """Newest first."""
    path = f"/bills?participant_id={who.participant_id}"
    found: list[dict[str, Any]] = (await h.client.get(path, headers=h.token(roles=["auditor"]))).json()
    return found


async def quoted(bank: Bank, who: Somebody) -> tuple[str, list[str]]:
    """The sum and the months that the bank is told for this number."""
    told = (await bank.inquire(who.code)).json()
    assert told["responseCode"] == "2002400", told
    data = told["virtualAccountData"]
    return data["totalAmount"]["value"], [line["billShortName"] for line in data["billDetails"]]


@pytest.mark.parametrize(
    ("months", "last", "amount"), [(1, "2025-10", 36_800), (2, "2025-11", 73_600), (3, "2025-12", 110_400),
                                   (6, "2026-03", 220_800), (12, "2026-09", 441_600)],
)  # fmt: skip
async def test_a_bill_holds_the_months_that_are_offered(h: Harness, months: int, last: str, amount: int) -> None:
    told = (await ask(h, await register(h), months)).json()
    assert (len(told["months"]), told["months"][0], told["months"][-1], told["amount"]) == (
        months,
        "2025-10",
        last,
        amount,
    )


async def test_arrears_inside_grace_are_billed_oldest_first_and_in_part_on_request(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await bank.buy(who.code)
    h.clock.set(at(2026, 1, 31, 23))
    owed = ["2025-11", "2025-12", "2026-01"]
    assert (await ask(h, who)).json()["months"] == owed
    assert await quoted(bank, who) == ("110400.00", owed)
    part = (await ask(h, who, 1)).json()
    assert (part["kind"], part["months"]) == ("STANDARD", ["2025-11"])
    await bank.buy(who.code)
    assert await quoted(bank, who) == ("73600.00", owed[1:])


async def test_after_grace_a_new_spell_opens_without_the_old_arrears(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await bank.buy(who.code)
    h.clock.set(at(2026, 2, 1, 0))
    await lapse(h, who, "2025-10")
    assert await quoted(bank, who) == ("36800.00", ["2026-02"])
    assert code(await bank.buy(who.code)) == "2002500"
    assert (await bills(h, who))[0]["kind"] == "REACTIVATION"
    assert (await ask(h, who, 2)).json()["months"] == ["2026-03", "2026-04"]


async def test_a_correction_prices_the_unpaid_months_and_leaves_the_paid_ones(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await bank.buy(who.code)
    await correct(h, who, income=Rupiah(3_000_000))
    assert (await ask(h, who, 1)).json()["amount"] == 95_300
    await correct(h, who, income=Rupiah(3_000_000), programmes=TWO)
    newest, before, paid = await bills(h, who)
    assert (newest["amount"], newest["status"]) == (36_300, "OPEN")
    assert (before["amount"], before["status"], before["reason"]) == (95_300, "CANCELLED", "corrected")
    assert (paid["amount"], paid["status"]) == (36_800, "PAID")


async def test_the_first_bill_of_somebody_corrected_before_paying_is_the_corrected_one(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await correct(h, who, income=Rupiah(1_200_000))
    assert await quoted(bank, who) == ("42800.00", ["2025-10"])
    assert code(await bank.pay(who.code, 36_800)) == "4042513"
    assert code(await bank.buy(who.code)) == "2002500"


async def test_a_correction_of_the_occupation_alone_leaves_the_bill(h: Harness) -> None:
    who = await register(h)
    await correct(h, who, occupation="penjahit")
    assert [bill["status"] for bill in await bills(h, who)] == ["OPEN"]


async def test_sector_and_payer_decide_the_discount_of_each_bill(h: Harness) -> None:
    h.clock.set(at(2026, 2, 2))
    who = await register(h, programmes=TWO, sector=Sector.TRANSPORT)
    assert (await bills(h, who))[0]["amount"] == 8_400
    await correct(h, who, programmes=TWO, sector=Sector.TRANSPORT, funding_source=FundingSource.LOCAL_GOV)
    await correct(h, who, programmes=TWO, sector=Sector.OTHER)
    assert [bill["amount"] for bill in await bills(h, who)] == [16_800, 16_800, 8_400]


async def test_an_open_bill_is_cancelled_once_and_its_number_stays_payable(h: Harness, bank: Bank) -> None:
    who = await register(h)
    (bill,) = await bills(h, who)
    path = f"/bills/{bill['bill_id']}/cancel"
    for headers in (h.token(roles=["officer"], branch_id=BRANCH), h.token(roles=["agent"], agent_id=AGENT)):
        told = await h.client.post(path, headers=headers)
        assert (told.status_code, told.json()["status"]) == (200, "CANCELLED")
    assert [r.event.type for r in await h.events("contributions")].count("BillCancelled") == 1
    assert code(await bank.pay(who.code, 36_800)) == "4042519"
    assert code(await bank.buy(who.code)) == "2002500"
    (newest, _) = await bills(h, who)
    paid = await h.client.post(f"/bills/{newest['bill_id']}/cancel", headers=h.token(roles=["agent"], agent_id=AGENT))
    assert (paid.status_code, paid.json()["code"]) == (409, "bill_ended")


async def test_the_standing_number_is_payable_every_month_although_it_was_paid_before(h: Harness, bank: Bank) -> None:
    """RECURRING, keyed by the contribution code (domain.md section 6; section 12, rule 22)."""
    who = await register(h)
    for month in range(10, 13):
        h.clock.set(at(2025, month, 9))
        assert await quoted(bank, who) == ("36800.00", [f"2025-{month}"])
        assert code(await bank.buy(who.code)) == "2002500"
        assert code(await bank.inquire(who.code)) == "4042414"
    assert [bill["status"] for bill in await bills(h, who)] == ["PAID"] * 3
