"""The central office at its desk, and what it is handed: settlement files with what the bank was paid."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import httpx

from contracts.events.reconciliation import SettlementLayout
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.people import Somebody, register
from tests.support.service import Harness
from tests.support.settlement import DAY, MARKED, TITLED

TIMER = "settlement-files"
NOBODY = "8100" + "9" * 13
NEXT_DAY = DAY + timedelta(days=1)
LATE: dict[str, Any] = {"trxDateTime": "2025-10-06T08:00:00+07:00"}
"""A call about a payment of 08:00."""


class Office:
    """The central office, at its desk."""

    def __init__(self, h: Harness) -> None:
        self.h = h

    def headers(self, **more: str) -> dict[str, str]:
        return self.h.token(roles=["central"]) | more

    async def agree(self, layout: SettlementLayout = MARKED, **change: Any) -> httpx.Response:
        wanted = {"partner": "bank-a", "valid_from": "2025-01-01", "layout": layout.model_dump(mode="json")} | change
        return await self.h.client.post("/settlements/layouts", json=wanted, headers=self.headers())

    async def upload(self, content: bytes, day: date = DAY, partner: str = "bank-a") -> httpx.Response:
        """On the day itself, at the earliest."""
        if self.h.clock.business() < (begun := at(day.year, day.month, day.day)):
            self.h.clock.set(begun)
        return await self.send(content, str(day), partner)

    async def send(self, content: bytes, day: str, partner: str = "bank-a") -> httpx.Response:
        path = f"/settlements/days/{partner}/{day}/files"
        return await self.h.client.post(path, content=content, headers=self.headers(**{"Content-Type": "text/csv"}))

    async def reconcile(self, content: bytes, day: date = DAY) -> dict[str, Any]:
        """Uploads and works off; the file as shown."""
        answer = await self.upload(content, day)
        assert answer.status_code == 202, answer.text
        await self.h.due(TIMER)
        found = await self.get(f"/settlements/files/{answer.json()['file_id']}")
        assert found["status"] == "RECONCILED"
        assert found["lines_done"] == found["lines"]
        return dict(found)

    async def get(self, path: str) -> Any:
        answer = await self.h.client.get(path, headers=self.headers())
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def outcomes(self, file: dict[str, Any]) -> list[str]:
        return [line["outcome"] for line in (await self.lines(file))]

    async def lines(self, file: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get(f"/settlements/files/{file['file_id']}/lines"))["items"]
        return found

    async def cases(self, **query: str) -> list[dict[str, Any]]:
        path = "/settlements/cases" + ("?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else "")
        found: list[dict[str, Any]] = (await self.get(path))["items"]
        return found

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        return await self.h.client.post(path, json=body, headers=self.headers())

    async def balance(self, account: str) -> int:
        """Debit minus credit."""
        books = await self.get("/ledger/trial-balance")
        assert books["imbalance"] == 0
        return next((a["balance"] for a in books["accounts"] if a["account"] == account), 0)


async def paid(h: Harness, bank: Bank, count: int = 1) -> list[tuple[str, str, int, int]]:
    """Payments over SNAP, as the bank's file lists them."""
    lines = []
    for _ in range(count):
        who = await register(h)
        reference = f"PAY-{who.code}"
        assert code(await bank.pay(who.code, 36_800, reference)) == "2002500"
        lines.append((reference, account(who), 36_800, 1_000))
    return lines


async def titled(office: Office) -> None:
    """The bank's files give its own number, and not the id of the payment."""
    zone = TITLED.model_copy(update={"time_zone": "Asia/Jakarta", "cut_off": "00:00"})
    assert (await office.agree(zone, valid_from="2025-10-06")).status_code == 201


def unnamed(own_number: str, to: str, amount: str = "36.800,00", *, titles: bool = True) -> bytes:
    """One line, paid at 08:00 of the day."""
    head = "Waktu;No VA;Referensi;Nominal;Keterangan\n" if titles else ""
    return f"{head}06/10/2025 08:00:00;{to};{own_number};{amount};\n".encode("cp1252")


def account(who: Somebody) -> str:
    return f"8100{who.code}"


def totals(file: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {one["outcome"]: (one["lines"], one["amount"]) for one in file["outcomes"]}
