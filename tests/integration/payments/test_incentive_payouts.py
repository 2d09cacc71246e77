"""What is paid to a Wadah: ordered on the 4th to its verified account, noted when a bank's evidence confirms it."""

from __future__ import annotations

import io

import openpyxl
import pypdf

from contracts.events.incentives import IncentivePaidOut, IncentivePayoutOrdered
from tests.integration.payments.agency import Worker, close_month, engage, hire
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import acquire, wadah_statement
from tests.integration.payments.people import BRANCH
from tests.integration.payments.test_parameters import enact
from tests.support.service import Harness

PAYOUT = 2 * 36_800 * 15 // 100 * 11 // 10


async def account(h: Harness, worker: Worker) -> None:
    """Recorded by one person of the branch, verified by another."""
    wanted = {
        "kind": "WADAH",
        "owner_id": str(worker.scope.wadah_id),
        "bank_code": "014",
        "number": "1234567890",
        "holder": "Wadah Contoh",
    }
    made = await h.client.post("/payee-accounts", json=wanted, headers=officer(h))
    assert made.status_code == 201, made.text
    verified = await h.client.post(
        f"/payee-accounts/{made.json()['payee_account_id']}/verification",
        json={"evidence": "Buku rekening"},
        headers=h.token(roles=["checker"], subject="checker-1", branch_id=BRANCH),
    )
    assert verified.status_code == 200, verified.text


def officer(h: Harness) -> dict[str, str]:
    return h.token(roles=["officer"], subject="officer-1", branch_id=BRANCH)


async def work_off(h: Harness) -> None:
    for timer in ("incentive-orders", "incentive-payouts"):
        await h.due(timer)


async def test_a_payout_waits_for_its_day_and_for_a_verified_account(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 2)
    await close_month(h, at(2025, 11, 3, 12))
    await account(h, worker)
    await work_off(h)
    assert [e for r in await h.events("incentives") if isinstance(e := r.event, IncentivePayoutOrdered)] == []
    h.clock.set(at(2025, 11, 4, 0))
    await work_off(h)
    await work_off(h)
    (ordered,) = [e for r in await h.events("incentives") if isinstance(e := r.event, IncentivePayoutOrdered)]
    assert ordered.amount == PAYOUT
    assert (await wadah_statement(h, worker, "2025-10"))["order_id"] == str(ordered.order_id)


async def test_without_an_account_nothing_is_ordered_and_it_is_tried_again(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 2)
    await close_month(h, at(2025, 11, 4, 1))
    await work_off(h)
    await account(h, worker)
    h.clock.set(at(2025, 11, 4, 3))
    await work_off(h)
    assert (await wadah_statement(h, worker, "2025-10"))["order_id"] is not None


async def test_a_document_calls_nothing_paid_before_the_bank_says_so(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 2)
    await close_month(h, at(2025, 11, 4, 1))
    await account(h, worker)
    await work_off(h)
    assert (await wadah_statement(h, worker, "2025-10"))["paid_on"] is None
    before = await documents(h, worker)
    assert ["Untuk dibayarkan / To be paid" in one for one in before] == [True, True], before
    assert not any("Paid out" in one for one in before)
    h.clock.set(at(2025, 11, 6))
    order = (await wadah_statement(h, worker, "2025-10"))["order_id"]
    confirmed = await h.client.post(
        f"/transfer-orders/{order}/confirmation",
        json={"partner": "bank-a", "paid_on": "2025-11-04", "evidence": "Mutasi 7"},
        headers=treasurer(h),
    )
    assert confirmed.status_code == 200, confirmed.text
    await work_off(h)
    after = await documents(h, worker)
    assert ["Dibayarkan pada / Paid out on 2025-11-04" in one for one in after] == [True, True], after
    assert not any("To be paid" in one for one in after)


async def documents(h: Harness, worker: Worker) -> tuple[str, str]:
    """The words of PDF and XLSX, as the board reads them."""
    path = f"/incentives/wadah/{worker.scope.wadah_id}/statements/2025-10/document"
    board = h.token(roles=["coordinator"], wadah_id=worker.scope.wadah_id)
    printed, kept = [await h.client.get(f"{path}.{form}", headers=board) for form in ("pdf", "xlsx")]
    pages = pypdf.PdfReader(io.BytesIO(printed.content)).pages
    sheet = openpyxl.load_workbook(io.BytesIO(kept.content)).worksheets[0]
    return " ".join(page.extract_text() for page in pages), str([*sheet.iter_rows(values_only=True)])


async def test_a_failed_order_is_given_anew_and_a_confirmed_one_is_paid_out_once(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 2)
    await close_month(h, at(2025, 11, 4, 1))
    await account(h, worker)
    await work_off(h)
    first = (await wadah_statement(h, worker, "2025-10"))["order_id"]
    failed = await h.client.post(
        f"/transfer-orders/{first}/failure", json={"reason": "account_closed"}, headers=treasurer(h)
    )
    assert failed.status_code == 200, failed.text
    h.clock.set(at(2025, 11, 4, 6))
    await work_off(h)
    second = (await wadah_statement(h, worker, "2025-10"))["order_id"]
    assert second not in (None, first)
    h.clock.set(at(2025, 11, 6))
    for wrong, refusal in (("2025-11-07", "paid_on_in_future"), ("2025-11-03", "paid_on_before_order")):
        refused = await h.client.post(
            f"/transfer-orders/{second}/confirmation",
            json={"partner": "bank-a", "paid_on": wrong, "evidence": "Mutasi 7"},
            headers=treasurer(h),
        )
        assert (refused.status_code, refused.json()["code"]) == (422, refusal)
        assert refused.json()["field"] == "paid_on", refused.text
    confirmed = await h.client.post(
        f"/transfer-orders/{second}/confirmation",
        json={"partner": "bank-a", "paid_on": "2025-11-04", "evidence": "Mutasi 7"},
        headers=treasurer(h),
    )
    assert confirmed.status_code == 200, confirmed.text
    await work_off(h)
    await work_off(h)
    (paid,) = [e for r in await h.events("incentives") if isinstance(e := r.event, IncentivePaidOut)]
    assert (paid.amount, str(paid.order_id)) == (PAYOUT, second)
    told = await wadah_statement(h, worker, "2025-10")
    assert (told["paid_on"], told["paid_at"]) == ("2025-11-04", "2025-11-03T17:00:00Z")
    books = (await h.client.get("/ledger/trial-balance", headers=h.token(roles=["auditor"]))).json()
    balances = {one["account"]: one["balance"] for one in books["accounts"]}
    assert balances[f"incentives-payable:{worker.scope.wadah_id}"] == 0
    assert (balances["incentive-expense"], balances["bank:bank-a"]) == (PAYOUT, -PAYOUT)


def treasurer(h: Harness) -> dict[str, str]:
    return h.token(roles=["officer"], subject="officer-2", branch_id=BRANCH)


async def test_the_tax_of_the_month_after_is_kept_for_the_state_and_the_rest_is_paid(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 2)
    value = {"valid_from": "2025-11-01", "source": "PMK contoh", "value": {"bps": 200}}
    await enact(h, "tax_bps", value)
    await close_month(h, at(2025, 11, 4, 1))
    await account(h, worker)
    await work_off(h)
    tax = PAYOUT * 2 // 100
    told = await wadah_statement(h, worker, "2025-10")
    assert (told["gross"], told["tax_bps"], told["tax"], told["payout"]) == (PAYOUT, 200, tax, PAYOUT - tax)
    (ordered,) = [e for r in await h.events("incentives") if isinstance(e := r.event, IncentivePayoutOrdered)]
    assert ordered.amount == PAYOUT - tax
    books = (await h.client.get("/ledger/trial-balance", headers=h.token(roles=["auditor"]))).json()
    balances = {one["account"]: one["balance"] for one in books["accounts"]}
    assert (balances["incentive-expense"], balances["tax-withheld"]) == (PAYOUT, -tax)
