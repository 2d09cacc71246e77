"""The conformance run that a bank's team starts, played against the service itself; and that it sees what is wrong (snap.md section 12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from contracts.events.participants import RefusalReason
from contracts.values import PaymentId
from services.payments.app import SERVICE
from services.payments.domain.snap import codes
from services.payments.kit.cases import Case
from services.payments.kit.credentials import Credentials, Side
from services.payments.kit.exchanges import CASES
from services.payments.kit.play import FAILED, PASSED, SKIPPED, Result, play
from services.payments.kit.stage import Stage
from tests.integration.payments.bank import OTHER_KEY, Bank, code
from tests.integration.payments.groups import agent, bill, register_many
from tests.integration.payments.people import Somebody, refuse, register
from tests.integration.payments.test_own_numbers import cancel, numbered
from tests.support.service import Harness, harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(550)
OWING, SINGLES = 24, 2
SHUT = {"opens": "21:00", "closes": "22:00"}
STRICT = {
    "numeric_external_ids": True,
    "token_not_found": True,
    "channel_ids": ["95221"],
    "mandatory_fields": ["inquiry.channelCode"],
}


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
    }
    await _agree(h, "bank-s", SHUT)
    await _agree(h, "bank-l", {"most_payments_a_day": 0, "most_per_deposit": 100_000})
    singles = [await register(h) for _ in range(SINGLES)]
    own = [await numbered(h, who) for who in singles]
    withdrawn = await numbered(h, gone := await register(h))
    await cancel(h, gone)
    soon = h.clock.business() + timedelta(minutes=1)
    expired = await register(h, expires_at=soon)
    overdue = await numbered(h, await register(h, expires_at=soon))
    whole = await bill(h, await register_many(h, 3))
    people = {
        "blocked": [await _barred(h, plain, RefusalReason.NIK_TAKEN)],
        "closed": [await _barred(h, plain, RefusalReason.PARTICIPANT_CLOSED)],
        "expired": [expired],
        "owing": [await register(h) for _ in range(OWING)],
    }
    h.pass_time(minutes=2)
    return Sandbox(
        h,
        Credentials(
            base_url="http://service",
            sides={name: _side(bank) for name, bank in sides.items()},
            numbers={
                **{kind: tuple(who.code for who in some) for kind, some in people.items()},
                "single": tuple(own),
                "standing": tuple(who.code for who in singles),
                "withdrawn": (withdrawn,),
                "overdue": (overdue,),
                "collective": (whole["code"],),
                "deposit": (await _deposits(h, 1), await _deposits(h, 2)),
            },
        ),
    )


async def test_every_exchange_of_the_conformance_run_is_answered_as_the_standard_says(sandbox: Sandbox) -> None:
    results = await sandbox.played()
    failed = [f"{one.case} / {one.name}: {'; '.join(one.why)}" for one in results if one.outcome == FAILED]
    assert not failed, "\n".join(failed)
    assert {one.why for one in results if one.outcome == SKIPPED} == set()
    assert sum(one.outcome == PASSED for one in results) >= 245


async def test_a_biller_that_answers_otherwise_is_found_out(sandbox: Sandbox) -> None:
    """Else the run passes whatever comes: with another secret every signed call of that side fails."""
    side = sandbox.credentials.sides["plain"].model_copy(update={"client_secret": "not-the-agreed-secret"})
    sides = {**sandbox.credentials.sides, "plain": side}
    spoilt = Sandbox(sandbox.h, sandbox.credentials.model_copy(update={"sides": sides}))
    results = await spoilt.played(*CASES)
    assert sum(one.outcome == FAILED for one in results) >= 60
    assert all(one.why for one in results if one.outcome == FAILED)


def test_the_run_covers_every_code_that_can_be_sent_from_outside() -> None:
    """What is left is proved where the fault can be made: 429 at the rate (below), 500 and 504 in tests/faults/inputs/test_snap_cases.py."""
    inside = {codes.TOO_MANY, codes.GENERAL_ERROR, codes.TIMEOUT}
    played = {(step.code[:3], step.code[5:]) for case in CASES for step in case.steps}
    known = {case for case in vars(codes).values() if isinstance(case, codes.Case)}
    assert {(str(case.status), case.number) for case in known - inside} <= played


async def test_a_partner_above_the_rate_is_told_429(stack: Stack) -> None:
    async with harness(SERVICE, stack, snap_max_per_partner_s=0.001) as h:
        bank = await Bank(h).enable()  # its token was the one call of these seconds
        answer = await bank.inquire("1")
        assert code(answer) == "4292400"
        told = answer.json()["virtualAccountData"]
        assert told["inquiryStatus"] == "01"
        assert told["inquiryReason"]["english"] and told["inquiryReason"]["indonesia"]
