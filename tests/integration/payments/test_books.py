"""The books for any day: trial balance and statements with the balance after each line, page by page, over HTTP and typed."""

from __future__ import annotations

from typing import Any

import pytest

from chassis.http.dates import FIRST_DAY, LAST_DAY
from services.payments.api import ledger
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.test_arrivals import arrival, arrive
from tests.support.service import Harness


async def asked(h: Harness, path: str) -> Any:
    response = await h.client.get(f"/ledger{path}", headers=h.token(roles=["auditor"]))
    assert response.status_code == 200, response.text
    return response.json()


async def three_days(h: Harness) -> None:
    """1,000 rupiah on 7 October 2025, 2,000 on the 8th, 4,000 on the 9th in the last minute (WIB)."""
    for n, when in enumerate((at(2025, 10, 7), at(2025, 10, 8), at(2025, 10, 9, 23, 59))):
        h.clock.set(when)
        await arrive(h, arrival(h, "9999999999999", f"R-{n}", 1_000 * 2**n))


async def test_the_trial_balance_of_a_day_holds_what_was_posted_by_its_end(h: Harness, bank: Bank) -> None:
    await three_days(h)
    seen = []
    for day in ("2025-10-06", "2025-10-07", "2025-10-08", "2025-10-09"):
        found = await asked(h, f"/trial-balance?on={day}")
        assert found["imbalance"] == 0
        seen.append(found["suspense"])
    assert seen == [0, 1_000, 3_000, 7_000]
    assert await asked(h, "/trial-balance?on=2025-10-09") == await asked(h, "/trial-balance")


async def test_a_statement_shows_the_balance_after_each_line(
    h: Harness, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    await three_days(h)
    path = "/accounts/clearing:bank-a/transfers"
    whole = await asked(h, path)
    assert (whole["opening"], [line["balance"] for line in whole["transfers"]]) == (0, [1_000, 3_000, 7_000])
    other = await asked(h, "/accounts/suspense/transfers")
    assert [line["balance"] for line in other["transfers"]] == [-1_000, -3_000, -7_000]
    part = await asked(h, f"{path}?since=2025-10-08&until=2025-10-08")
    assert (part["opening"], [line["balance"] for line in part["transfers"]]) == (1_000, [3_000])
    monkeypatch.setattr(ledger, "PAGE", 1)
    balances, after = [], ""
    while True:
        page = await asked(h, f"{path}?since=2025-10-08{after}")
        balances += [(page["opening"], line["balance"]) for line in page["transfers"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert balances == [(1_000, 3_000), (3_000, 7_000)]


async def test_a_day_that_is_none_is_422(h: Harness) -> None:
    for query in ("/trial-balance?on=2025-02-30", "/accounts/suspense/transfers?since=x"):
        response = await h.client.get(f"/ledger{query}", headers=h.token(roles=["auditor"]))
        assert (response.status_code, bool(response.json()["errors"])) == (422, True)


async def test_an_account_that_is_none_is_no_quiet_one(h: Harness) -> None:
    """A name typed wrong must not read as "nothing moved"."""
    headers = h.token(roles=["auditor"])
    quiet = await h.client.get("/ledger/accounts/suspense/transfers", headers=headers)
    none = await h.client.get("/ledger/accounts/suspence/transfers", headers=headers)
    assert (quiet.status_code, quiet.json()["transfers"]) == (200, [])
    assert (none.status_code, none.json()["code"]) == (404, "account_unknown")


async def test_days_that_run_backwards_are_422(h: Harness) -> None:
    path = "/ledger/accounts/suspense/transfers?since=2025-11-01&until=2025-10-31"
    response = await h.client.get(path, headers=h.token(roles=["auditor"]))
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "query.until")


async def test_a_day_that_nobody_means_is_refused_by_its_name(h: Harness) -> None:
    for path, field in (
        ("/ledger/trial-balance?on={}", "query.on"),
        ("/ledger/accounts/suspense/transfers?since={}", "query.since"),
        ("/ledger/accounts/suspense/transfers?until={}", "query.until"),
        ("/parameters?day={}", "query.day"),
        ("/settlements/files?day={}", "query.day"),
    ):
        for day in ("0001-01-01", "9999-12-31"):
            response = await h.client.get(path.format(day), headers=h.token(roles=["auditor"]))
            assert response.status_code == 422, path
            told = [(one["field"], one["code"]) for one in response.json()["errors"]]
            assert told == [(field, "date_out_of_range")]
        for day in (str(FIRST_DAY), str(LAST_DAY)):
            response = await h.client.get(path.format(day), headers=h.token(roles=["auditor"]))
            assert response.status_code == 200, path
