"""Bad calls of a bank: each gets the code of its case under the service that was called, and books nothing, not even to suspense.

The bank is written by hand from the published standard. A call that did not prove itself leaves no trace, not even its X-EXTERNAL-ID.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest

from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.inputs.refusals import odd
from tests.faults.trial import nothing_changes, unchanged
from tests.integration.payments.bank import OTHER_KEY, PATH, Bank
from tests.integration.payments.people import Somebody, register
from tests.support.service import Harness

pytestmark = pytest.mark.timeout(900)
NUMBERS: Final[Mapping[str, str]] = {"inquiry": "24", "payment": "25", "status": "26"}
HEADERS: Final = ("Content-Type", "X-TIMESTAMP", "X-SIGNATURE", "X-PARTNER-ID", "X-EXTERNAL-ID", "CHANNEL-ID")
MANDATORY: Final[Mapping[str, tuple[str, ...]]] = {
    "inquiry": ("partnerServiceId", "customerNo", "virtualAccountNo", "inquiryRequestId"),
    "payment": ("partnerServiceId", "customerNo", "virtualAccountNo", "paymentRequestId", "paidAmount"),
    "status": ("partnerServiceId", "customerNo", "virtualAccountNo"),
}
USED_UP: Final = {"external_ids"}
"""What a signed call leaves when it is refused."""
PRICE: Final = 36_800


def answered(row: str, answer: httpx.Response, code: str, naming: str = "") -> list[Violation]:
    """What is wrong with an answer: its code, the HTTP status, the field, the flag and the reason in both languages."""
    found = answer.json()
    if (found.get("responseCode"), answer.status_code) != (code, int(code[:3])):
        return [odd(row, naming, code, f"{answer.status_code} {found.get('responseCode')}")]
    wrong = list[Violation]()
    if naming and not found["responseMessage"].endswith(f" {naming}"):
        wrong.append(odd(row, naming, naming, found["responseMessage"]))
    if code[:3] in ("401", "405") or code[3:5] == "73":
        return wrong + ([odd(row, code, "bare", "more")] if set(found) != {"responseCode", "responseMessage"} else [])
    data = found["virtualAccountData"]
    kind = "inquiry" if code[3:5] == "24" else "paymentFlag"
    reason = data[f"{kind}Reason"]
    if data[f"{kind}Status"] != ("02" if code[:3] == "504" else "01") or not (
        reason["english"] and reason["indonesia"]
    ):
        wrong.append(odd(row, code, "refused, in both languages", "otherwise"))
    return wrong


def body_of(bank: Bank, service: str, customer_no: str, request_id: str = "REQ-0") -> dict[str, Any]:
    """A request of this service that is well formed."""
    if service == "payment":
        return bank.payment(customer_no, PRICE, request_id)
    return {**bank.number(customer_no), "inquiryRequestId": request_id}


def other_bank(h: Harness, **terms: Any) -> Bank:
    """A second partner's side."""
    return Bank(h, partner="bank-b", client_key="client-b", partner_id="82002", prefix="8200", **terms)


def _bad_fields(bank: Bank, service: str, code: str, dice: random.Random) -> Iterator[tuple[str, Any, str, str]]:
    """(row, body, code, field named) of every way in which a body is wrong in itself."""
    xx, good = NUMBERS[service], body_of(bank, service, code)
    for name in MANDATORY[service]:
        for missing in ("left out", None, "", "  "):
            body = {n: v for n, v in good.items() if n != name or missing != "left out"}
            yield "missing", body if missing == "left out" else {**body, name: missing}, f"400{xx}02", name
    wrong: list[tuple[str, Any]] = [
        ("partnerServiceId", "8" * 9),
        ("customerNo", "8" * 21),
        ("customerNo", int(code)),
        ("virtualAccountNo", bank.number(code)["virtualAccountNo"][:-1] + "x"),
        ("virtualAccountNo", dice.randrange(10**9)),
        (MANDATORY["inquiry"][3] if service != "payment" else "paymentRequestId", "R" * dice.randrange(129, 200)),
        ("additionalInfo", "text"),
    ]
    if service == "inquiry":
        wrong += [("trxDateInit", "kemarin"), ("channelCode", "x"), ("channelCode", 12_345), ("language", "ind")]
    if service == "payment":
        wrong += [("flagAdvise", dice.choice("XyZ1")), ("trxDateTime", "2025-10-06 09:00"), ("journalNum", "1" * 7)]
        wrong += [
            ("paidBills", "xyz"),
            ("billDetails", [{}] * 25),
            ("freeTexts", {"english": "x"}),
            ("subCompany", "123456"),
        ]
    for name, value in wrong:
        yield "format", {**good, name: value}, f"400{xx}01", name
    if service == "payment":
        yield from _bad_sums(good, xx, dice)
    for raw in (b"", b"{", b"[]", b"null", b'{"a":1,"a":2}', b"\xff", b"[" * dice.randrange(40, 5_000), b'{"a":NaN}'):
        yield "malformed", raw, f"400{xx}00", ""


def _bad_sums(good: Mapping[str, Any], xx: str, dice: random.Random) -> Iterator[tuple[str, Any, str, str]]:
    for value in ("0.00", f"-{PRICE}.00", f"{PRICE}.50", f"{PRICE},00", "1e5", "NaN", "9" * 17, PRICE, " 1 "):
        for name in ("paidAmount", "totalAmount"):
            yield "sum", {**good, name: {"value": value, "currency": "IDR"}}, f"400{xx}01", f"{name}.value"
    currency = dice.choice(["USD", "idr", "Rp", "IDRX"])
    yield (
        "currency",
        {**good, "paidAmount": {"value": f"{PRICE}.00", "currency": currency}},
        f"400{xx}01",
        "paidAmount.currency",
    )
    yield "sum", {**good, "paidAmount": {"currency": "IDR"}}, f"400{xx}02", "paidAmount.value"


@pytest.mark.cell("input.snap.field", fault="inputs", service="payments")
async def test_what_is_missing_or_malformed_is_named_under_the_service_that_was_called(
    bank: Bank, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    who, each = await register(bank.h), scale(test=1, long=100)
    async with nothing_changes(bank.h, evidence, grown=USED_UP) as trial:
        async with unchanged(bank.h, trial.wrong):  # nobody has proved himself yet
            for service, xx in [*NUMBERS.items()] * each:
                good = body_of(bank, service, who.code)
                for name, value, case in _bad_headers(dice):
                    answer = await bank.send(service, good, {name: value})
                    trial.take(answered(service, answer, f"400{xx}{case}", name))
        for service in [*NUMBERS] * each:
            for row, body, code, name in _bad_fields(bank, service, who.code, dice):
                trial.take(answered(f"{service}, {row}", await bank.send(service, body), code, name))


def _bad_headers(dice: random.Random) -> Iterator[tuple[str, str | None, str]]:
    """(header, value or None, case) of every way in which one is missing or malformed."""
    for name in HEADERS:
        for blank in (None,) if name == "X-SIGNATURE" else (None, "", "  "):
            yield name, blank, "02"
    now = ["2025-10-06 09:00:00", "2025-10-06T09:00:00", "2025-13-06T09:00:00+07:00", "now"]
    yield "Content-Type", dice.choice(["text/plain", "application/xml", "json"]), "01"
    yield "X-TIMESTAMP", dice.choice(now), "01"
    yield "X-PARTNER-ID", "1" * dice.randrange(37, 90), "01"
    yield "X-EXTERNAL-ID", "1" * dice.randrange(37, 90), "01"
    yield "CHANNEL-ID", "1" * dice.randrange(6, 90), "01"


# --- who calls ------------------------------------------------------------------------------------------------------


@pytest.mark.cell("input.snap.signature", fault="inputs", service="payments")
async def test_a_call_that_its_partner_did_not_sign_is_401_and_leaves_no_trace(
    bank: Bank, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    """Any signed part changed, another's id, a partner that was disabled, a time outside the window."""
    h, who = bank.h, await register(bank.h)
    other = await other_bank(h, secret="b-secret-of-the-tests-0001").enable()
    gone = await Bank(
        h, partner="bank-c", client_key="client-c", partner_id="83003", prefix="8300", asymmetric=True
    ).enable()
    path = "/partners/bank-c/disable"
    await h.client.post(path, json={"reason": "contract_ended"}, headers=h.token(roles=["central"]))
    async with nothing_changes(h, evidence) as trial:
        for turn, service in enumerate([*NUMBERS] * scale(test=2, long=100)):
            for row, answer in [one async for one in _unsigned(bank, other, gone, service, who, dice, turn)]:
                code = f"401{NUMBERS[service]}{'01' if row == 'a disabled partner' else '00'}"
                trial.take(answered(f"{service}, {row}", answer, code))
        bank.key = OTHER_KEY
        for ask in ({}, {"X-CLIENT-KEY": "nobody"}, {"X-SIGNATURE": ""}):
            trial.take(answered("token", await bank.ask_token(headers={**ask}), "4017300"))
        trial.take(answered("token", await gone.ask_token(), "4017300"))


async def _unsigned(
    bank: Bank, other: Bank, gone: Bank, service: str, who: Somebody, dice: random.Random, turn: int
) -> AsyncIterator[tuple[str, httpx.Response]]:
    path, raw = f"{PATH}/transfer-va/{service}", json.dumps(body_of(bank, service, who.code, f"REQ-{turn}")).encode()
    at = dice.randrange(len(raw))
    for row, called, sent, headers in (
        ("another body", path, raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :], {}),
        ("another path", f"{path}?x={dice.randrange(99)}", raw, {}),
        ("another time", path, raw, {"X-TIMESTAMP": (bank.h.clock.wall() + timedelta(seconds=1)).isoformat(timespec="seconds")}),
        ("another signature", path, raw, {"X-SIGNATURE": dice.choice(["", "x", "A" * 88])}),
        ("another's id", path, raw, {"X-PARTNER-ID": dice.choice([other.partner_id, "nobody"])}),
    ):  # fmt: skip
        signed = bank.envelope(path, raw) | headers
        yield row, await bank.h.client.post(called, content=sent, headers=signed)
    other_secret = replace(bank, secret=other.secret)
    yield "another's secret", await other_secret.send(service, raw)
    yield "a disabled partner", await gone.send(service, raw)
    off = dice.choice([-1, 1]) * dice.randrange(302, 3_600)
    bank.h.clock.move_wall(timedelta(seconds=off))
    signed = bank.envelope(path, raw)
    bank.h.clock.move_wall(timedelta(seconds=-off))
    yield "outside the window", await bank.h.client.post(path, content=raw, headers=signed)


@pytest.mark.cell("input.snap.token", fault="inputs", service="payments")
async def test_a_token_that_is_none_is_401_01_and_leaves_no_trace(
    bank: Bank, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    who, other = await register(bank.h), await other_bank(bank.h).enable()
    async with nothing_changes(bank.h, evidence) as trial:
        for service, xx in [*NUMBERS.items()] * scale(test=2, long=100):
            body = body_of(bank, service, who.code)
            made_up = "".join(dice.choice("abcXYZ019-_") for _ in range(dice.randrange(1, 80)))
            for token in (None, "Bearer", "Bearer ", f"Bearer {made_up}", f"Basic {bank.token}", bank.token):
                answer = await bank.send(service, body, {"Authorization": token})
                trial.take(answered(service, answer, f"401{xx}01"))
            # a good token, of another: it is not this id's (snap.md section 5, check 5)
            answer = await replace(bank, token=other.token).send(service, body)
            trial.take(answered(service, answer, f"401{xx}00"))
        bank.h.clock.move_wall(timedelta(seconds=900))
        for service, xx in NUMBERS.items():
            answer = await bank.send(service, body_of(bank, service, who.code))
            trial.take(answered("expired", answer, f"401{xx}01"))
