"""Payments and the local acquirer, each an HTTP server of its own: from the code to the day's file of an outside party's own books."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from contracts.events.reconciliation import DecimalMark, EdgeColumn, LineColumn, SettlementLayout, ThousandsMark
from deploy.local.acquirer.app import compose
from services.payments.app import SERVICE
from tests.integration.payments.acquirer import OUR_KEY, agree
from tests.integration.payments.bank import Bank
from tests.integration.payments.office import Office, totals
from tests.integration.payments.people import AGENT, Somebody, register
from tests.support.clock import START, FakeClock
from tests.support.service import Harness, harness
from tests.support.settlement import DAY
from tests.support.stack import Stack
from tests.unit.deploy.serving import party, served

C, E = LineColumn, EdgeColumn
LAYOUT = SettlementLayout(
    partner_code="M-1",
    header=(E.PARTNER, E.DAY),
    titles=("RRN", "Merchant Ref", "Waktu", "Nominal", "MDR"),
    columns=(C.REFERENCE, C.REFERENCE_NO, C.PAID_AT, C.AMOUNT, C.FEE),
    trailer=(E.COUNT, E.AMOUNT, E.FEE),
    separator=";",
    day_pattern="%d/%m/%Y",
    time_pattern="%d/%m/%Y %H:%M:%S",
    decimal_mark=DecimalMark.COMMA,
    thousands_mark=ThousandsMark.POINT,
)


@dataclass
class Town:
    h: Harness
    office: Office
    acquirer: httpx.AsyncClient

    async def code(self) -> tuple[Somebody, dict[str, Any]]:
        """A participant, and the code of the first bill."""
        who, headers = await register(self.h), self.h.token(roles=["agent"], agent_id=AGENT)
        (bill,) = (await self.h.client.get(f"/bills?participant_id={who.participant_id}", headers=headers)).json()
        answer = await self.h.client.post(f"/bills/{bill['bill_id']}/qr", headers=headers)
        assert (answer.status_code, answer.json()["state"]) == (201, "LIVE"), answer.text
        return who, answer.json()

    async def pay(self, code: dict[str, Any], **wish: Any) -> dict[str, Any]:
        answer = await self.acquirer.post("/pay", json={"content": code["content"], **wish})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def payments(self, who: Somebody) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.office.get(f"/payments?participant_id={who.participant_id}")
        return found


@pytest.fixture
async def town(stack: Stack, tmp_path: Path) -> AsyncIterator[Town]:
    key = tmp_path / "merchant.pem"
    key.write_bytes(OUR_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    clock = FakeClock(START, wall=datetime.now(UTC))
    values = {
        "DATA_DIR": str(tmp_path / "acquirer"),
        "PARTNER_ID": "93001",
        "CLIENT_KEY": "client-qris",
        "CLIENT_SECRET": "q-secret-of-the-tests-0001",
        "MERCHANT_CLIENT_KEY": "perisai",
        "MERCHANT_CLIENT_SECRET": "a-secret-of-the-acquirer-1",
        "MERCHANT_KEY_FILE": str(key),
        "MERCHANT_ID": "M-1",
        "BUSINESS_TIME": START.isoformat(),
        "BACKOFF_S": "0.05",
    }
    address = _free_address()
    async with harness(SERVICE, stack, clock=clock, qris_timeout_s=20.0) as h:
        async with served(h.asgi) as ours:
            async with _at(address, {**values, "BILLER_URL": f"{ours}/snap/v1.0"}) as acquirer:
                pem = (await acquirer.get("/public-key")).text
                caller = Bank(h, "qris-a", "9300", "client-qris", "q-secret-of-the-tests-0001", "93001")
                wanted = caller.terms(public_keys=[pem])
                answer = await h.client.post("/partners", json=wanted, headers=h.token(roles=["central"]))
                assert answer.status_code == 201, answer.text
                await agree(h, f"{address}/snap/v1.0", client_key="perisai")
                office = Office(h)
                assert (await office.agree(LAYOUT, partner="qris-a")).status_code == 201
                yield Town(h, office, acquirer)
        outcome = await h.replay()
        assert outcome.equal, outcome.differences


async def test_a_day_with_an_acquirer_adds_up_in_both_books(town: Town) -> None:
    paid, silent, odd = [await town.code() for _ in range(3)]
    assert (await town.pay(paid[1], notices=2))["answers"] == ["2005200", "2005200"]
    assert (await town.pay(silent[1], notices=0))["answers"] == []
    assert (await town.pay(odd[1], amount_off=200))["answers"] == ["2005200"]
    assert [
        len([p for p in await town.payments(who) if p["reversed_for"] is None]) for who, _ in (paid, silent, odd)
    ] == [1, 0, 0]
    text = (await town.acquirer.get(f"/settlement/{DAY}")).content
    answer = await town.office.upload(text, partner="qris-a")
    assert answer.status_code == 202, answer.text
    await town.h.due("settlement-files")
    file = await town.office.get(f"/settlements/files/{answer.json()['file_id']}")
    assert totals(file) == {"matched": (2, 73_800), "missing_here": (1, 36_800)}
    (payment,) = await town.payments(silent[0])
    assert (payment["channel"], payment["reversed_for"]) == ("settlement-file", None)
    day = await town.office.get(f"/settlements/days/qris-a/{DAY}")
    assert (day["expected"], day["fees"]) == (110_600 - 331, 331)
    credit = {"amount": day["expected"], "evidence": "MT940/9"}
    await town.office.post(f"/settlements/days/qris-a/{DAY}/credits", credit)
    assert (await town.office.get(f"/settlements/days/qris-a/{DAY}"))["status"] == "SETTLED"
    assert await town.office.balance("clearing:qris-a") == 0
    books = (await town.acquirer.get("/books")).json()["statuses"]
    assert books == {"00": {"count": 3, "rupiah": 110_600}}


async def test_a_notice_that_was_altered_is_refused_and_the_next_one_is_taken(town: Town) -> None:
    who, code = await town.code()
    told = await town.pay(code, corrupt_signature=True)
    assert set(told["answers"]) <= {"4015200"}
    assert await town.payments(who) == []
    again = await town.acquirer.post(f"/codes/{code['acquirer_reference']}/tell", json={})
    assert again.json()["answers"] == ["2005200"]
    assert len(await town.payments(who)) == 1


async def test_a_payment_that_failed_pays_nothing_and_a_cancelled_code_is_closed(town: Town) -> None:
    (who, code), (_, cancelled) = await town.code(), await town.code()
    await town.pay(code, fails=True)
    assert await town.payments(who) == []
    answer = await town.acquirer.post(f"/codes/{cancelled['acquirer_reference']}/cancel")
    assert answer.json()["answers"] == ["2005200"]
    shown = await town.office.get(f"/bills/{cancelled['bill_id']}/qr")
    assert (shown["state"], shown["reason"]) == ("CLOSED", "cancelled")


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def _at(address: str, values: dict[str, str]) -> Any:
    return party(compose, values, port=int(address.rpartition(":")[2]))
