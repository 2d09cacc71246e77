"""The conformance run that a bank's team starts, played against the service itself; and that it sees what is wrong (snap.md section 12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chassis.transaction import Scope
from contracts.events.participants import RefusalReason
from contracts.values import PaymentId
from services.payments.app import SERVICE
from services.payments.domain.snap import codes
from services.payments.domain.snap.codes import Service
from services.payments.domain.snap.sent import SENT
from services.payments.kit.cases import Case
from services.payments.kit.credentials import Credentials, QrCode, Side, VoidedPayment
from services.payments.kit.exchanges import CASES
from services.payments.kit.lacking import LACKS
from services.payments.kit.play import FAILED, PASSED, SKIPPED, Result, play
from services.payments.kit.stage import Stage
from tests.integration.payments.acquirer import agree, teller
from tests.integration.payments.bank import OTHER_KEY, Bank, at, code
from tests.integration.payments.groups import agent, bill, register_many
from tests.integration.payments.office import Office
from tests.integration.payments.people import BRANCH, Somebody, refuse, register
from tests.integration.payments.test_differences import voided
from tests.integration.payments.test_own_numbers import cancel, numbered
from tests.integration.payments.test_parameters import enact
from tests.support.service import Harness, harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(550)
OWING, SINGLES, DEPOSITS, CODES = 24, 2, 3, 3
WITHOUT_SHOPS = {"valid_from": "2025-10-07", "source": "contoh", "value": {"channels": ["BANK_VA", "QRIS"]}}
NARROW = {"valid_from": "2025-10-07", "source": "contoh", "value": {"retail_min": 50_000, "retail_max": 100_000}}
"""One month of the lowest band is below, three people of it are above."""
SHUT = {"opens": "21:00", "closes": "22:00"}
STRICT = {
    "numeric_external_ids": True,
    "token_not_found": True,
    "channel_ids": ["95221"],
    "mandatory_fields": ["inquiry.channelCode"],
}


INSIDE = (codes.TOO_MANY, codes.GENERAL_ERROR, codes.TIMEOUT)
BARE = (401, 405)


def _published() -> dict[str, set[str]]:
    """Code → its reasons as they are published, in English; "" where the answer is bare."""
    found: dict[str, set[str]] = {}
    for case, services, _ in SENT:
        for service in services if case not in INSIDE else ():
            bare = case.status in BARE or service in (Service.TOKEN, Service.QR_NOTICE)
            found.setdefault(case.code(service), set()).add("" if bare else case.reason.english)
    return found


PUBLISHED = _published()


@dataclass
class Sandbox:
    h: Harness
    credentials: Credentials

    def stage(self) -> Stage:
        return Stage(self.h.client, self.credentials, self.h.clock.wall)

    async def played(self, *cases: Case) -> list[Result]:
        return [result async for result in play(self.stage(), cases or CASES)]


def _side(bank: Bank) -> Side:
    key: rsa.RSAPrivateKey = bank.key
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Side(
        partner_id=bank.partner_id,
        client_key=bank.client_key,
        client_secret=bank.secret,
        private_key=pem,
        prefix=bank.prefix,
        asymmetric=bank.asymmetric,
    )


async def _agree(h: Harness, partner: str, conditions: Mapping[str, object]) -> None:
    body = {"valid_from": "2025-10-06", "conditions": conditions}
    answer = await h.client.post(f"/partners/{partner}/conditions", json=body, headers=h.token(roles=["central"]))
    assert answer.status_code == 200, answer.text


async def _deposits(h: Harness, which: int) -> str:
    """The code of an agent's deposits."""
    answer = await h.client.post("/agent-balances", headers=agent(h, UUID(int=0xA0 + which)))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["code"])


async def _barred(h: Harness, bank: Bank, reason: RefusalReason) -> Somebody:
    """Somebody whose payment was refused for good."""
    who = await register(h)
    paid = await bank.buy(who.code)
    reference = paid.json()["virtualAccountData"]["billDetails"][0]["billerReferenceId"]
    await refuse(h, who, PaymentId(UUID(reference)), reason)
    return who


async def _voided(h: Harness, bank: Bank) -> VoidedPayment:
    """A payment that the day's file does not show, that the bank knows nothing of, and that two people took out of the books."""
    office, who = Office(h), await register(h)
    await office.agree()
    quoted = (await bank.inquire(who.code, "V-1")).json()["virtualAccountData"]["totalAmount"]["value"]
    paid = await bank.pay(who.code, quoted, "V-1")
    await voided(h, office, paid.json()["virtualAccountData"]["billDetails"][0]["billerReferenceId"])
    return VoidedPayment(customer_no=who.code, payment_request_id="V-1", amount=quoted)


async def _code(h: Harness) -> QrCode:
    """A code asked for at an acquirer that does not answer: it may be paid all the same."""
    who, headers = await register(h), agent(h)
    (bill,) = (await h.client.get(f"/bills?participant_id={who.participant_id}", headers=headers)).json()
    answer = await h.client.post(f"/bills/{bill['bill_id']}/qr", headers=headers)
    assert answer.status_code == 202, answer.text
    return QrCode(reference=UUID(bill["bill_id"]).hex, amount=f"{bill['amount']}.00", customer_no=who.code)


@pytest.fixture
async def sandbox(h: Harness) -> Sandbox:
    plain = await Bank(h).enable()
    sides = {
        "plain": plain,
        "key": await Bank(h, "bank-k", "8200", "client-k", partner_id="82", asymmetric=True, key=OTHER_KEY).enable(),
        "bca": await Bank(h, "bank-b", "8300", "client-b", partner_id="83").enable(repeat_profile="BCA"),
        "shut": await Bank(h, "bank-s", "8400", "client-s", partner_id="84").enable(),
        "limited": await Bank(h, "bank-l", "8500", "client-l", partner_id="85").enable(),
        "strict": await Bank(h, "bank-t", "8600", "client-t", partner_id="86").enable(strictness=STRICT),
        "shop": await Bank(h, "shop", "8700", "client-shop", partner_id="87").enable(),
        "acquirer": await teller(h).enable(),
        "acquirer-key": await Bank(
            h, "qris-k", "9400", "client-qk", partner_id="94", asymmetric=True, key=OTHER_KEY
        ).enable(),
    }
    await _agree(h, "bank-s", SHUT)
    await _agree(h, "bank-l", {"most_payments_a_day": 0, "most_per_deposit": 100_000})
    await agree(h, "http://127.0.0.1:9/snap/v1.0")
    await _agree(h, "shop", {"retail": True})
    await enact(h, "first_payment_channels", WITHOUT_SHOPS)
    await enact(h, "retail_limits", NARROW)
    gone_for_good = await _voided(h, plain)
    h.clock.set(at(2025, 10, 7, 9))
    singles = [await register(h) for _ in range(SINGLES)]
    own = [await numbered(h, who) for who in singles]
    withdrawn = await numbered(h, gone := await register(h))
    await cancel(h, gone)
    soon = h.clock.business() + timedelta(minutes=1)
    expired = await register(h, expires_at=soon)
    overdue = await numbered(h, await register(h, expires_at=soon))
    ended = await bill(h, alone := await register_many(h, 2))
    for who in alone:
        await plain.buy(who.code)
    whole, large = [await bill(h, await register_many(h, heads)) for heads in (2, 3)]
    people = {
        "blocked": [await _barred(h, plain, RefusalReason.NIK_TAKEN)],
        "closed": [await _barred(h, plain, RefusalReason.PARTICIPANT_CLOSED)],
        "expired": [expired],
        "owing": [await register(h) for _ in range(OWING)],
        "first": [await register(h)],
        "small": [await register(h, scope=Scope(BRANCH))],
    }
    h.pass_time(minutes=2)
    return Sandbox(
        h,
        Credentials(
            base_url="http://service",
            business_offset_s=round((h.clock.business() - h.clock.wall()).total_seconds()),
            sides={name: _side(bank) for name, bank in sides.items()},
            numbers={
                **{kind: tuple(who.code for who in some) for kind, some in people.items()},
                "single": tuple(own),
                "standing": tuple(who.code for who in singles),
                "withdrawn": (withdrawn,),
                "overdue": (overdue,),
                "collective": (whole["code"],),
                "ended": (ended["code"],),
                "large": (large["code"],),
                "deposit": tuple([await _deposits(h, which) for which in range(DEPOSITS)]),
            },
            codes=tuple([await _code(h) for _ in range(CODES)]),
            voided=(gone_for_good,),
        ),
    )


async def test_every_exchange_of_the_conformance_run_is_answered_as_the_standard_says(sandbox: Sandbox) -> None:
    results = await sandbox.played()
    failed = [f"{one.case} / {one.name}: {'; '.join(one.why)}" for one in results if one.outcome == FAILED]
    assert not failed, "\n".join(failed)
    assert {one.why for one in results if one.outcome == SKIPPED} == set()
    assert sum(one.outcome == PASSED for one in results) >= 366
    answered: dict[str, set[str]] = {}
    for one in results:
        answered.setdefault(one.answered, set()).add(one.reason)
    lacking = {code: reasons - answered.get(code, set()) for code, reasons in PUBLISHED.items()}
    assert {code: reasons for code, reasons in lacking.items() if reasons} == {}, "as published, and answered so"


async def test_what_the_sandbox_lacks_is_skipped_with_its_reason_and_nothing_else(sandbox: Sandbox) -> None:
    numbers = {kind: some for kind, some in sandbox.credentials.numbers.items() if kind not in LACKS}
    fewer = Sandbox(sandbox.h, sandbox.credentials.model_copy(update={"numbers": numbers, "voided": ()}))
    skipped = [one for one in await fewer.played() if one.outcome == SKIPPED]
    assert {one.case for one in skipped} == {lack.case for lack in LACKS.values()}
    reasons = {lack.case: lack.why for lack in LACKS.values()}
    assert [one.why for one in skipped if not one.why[0].endswith(f": {reasons[one.case]}")] == []


async def test_a_biller_that_answers_otherwise_is_found_out(sandbox: Sandbox) -> None:
    """Else the run passes whatever comes: with another secret every signed call of that side fails."""
    side = sandbox.credentials.sides["plain"].model_copy(update={"client_secret": "not-the-agreed-secret"})
    sides = {**sandbox.credentials.sides, "plain": side}
    spoilt = Sandbox(sandbox.h, sandbox.credentials.model_copy(update={"sides": sides}))
    results = await spoilt.played(*CASES)
    assert sum(one.outcome == FAILED for one in results) >= 60
    assert all(one.why for one in results if one.outcome == FAILED)


def test_the_run_covers_every_code_that_is_published() -> None:
    """By all seven digits, and by the reason where one code has several. What is left is proved where the fault can be made: 429 at the rate
    (below), 500 and 504 in tests/faults/inputs/test_snap_cases.py.
    """
    steps = [step for case in CASES for step in case.steps]
    shown = {pair for step in steps for pair in ((step.code, step.reason), (step.code, ""))}
    wanted = {(code, one if len(reasons) > 1 else "") for code, reasons in PUBLISHED.items() for one in reasons}
    assert sorted(wanted - shown) == []


def test_the_run_expects_no_code_that_is_not_published() -> None:
    assert sorted({step.code for case in CASES for step in case.steps} - {*PUBLISHED}) == []


async def test_a_partner_above_the_rate_is_told_429(stack: Stack) -> None:
    async with harness(SERVICE, stack, snap_max_per_partner_s=0.001) as h:
        bank = await Bank(h).enable()  # its token was the one call of these seconds
        answer = await bank.inquire("1")
        assert code(answer) == "4292400"
        told = answer.json()["virtualAccountData"]
        assert told["inquiryStatus"] == "01"
        assert told["inquiryReason"]["english"] and told["inquiryReason"]["indonesia"]
