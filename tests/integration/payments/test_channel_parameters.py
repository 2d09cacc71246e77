"""Through which channels a first payment comes, and what a chain of shops takes: dated sets, asked on the day of the payment."""

from __future__ import annotations

from typing import Any

import pytest

from chassis.transaction import Scope
from contracts.values import Programme, Sector
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.office import Office, account
from tests.integration.payments.people import BRANCH, Somebody, register
from tests.integration.payments.test_balances import charge, opened
from tests.integration.payments.test_parameters import bill, decide, enact, propose
from tests.integration.payments.test_qr import Town
from tests.integration.payments.test_qr import town as town  # the fixture
from tests.support.service import Harness
from tests.support.settlement import DAY, marked

TOMORROW = "2025-10-07"
BY_BALANCE = {"valid_from": TOMORROW, "source": "FAQ 2023", "value": {"channels": ["AGENT_BALANCE"]}}
WITHOUT_BALANCE = {"valid_from": TOMORROW, "source": "contoh", "value": {"channels": ["BANK_VA", "QRIS"]}}
WIDER = {"valid_from": TOMORROW, "source": "contoh", "value": {"retail_min": 5_000, "retail_max": 50_000}}
TWO = (Programme.JKK, Programme.JKM)


async def at_shops(h: Harness, bank: Bank, valid_from: str = "2025-10-06") -> None:
    """The bank of the tests is a chain of shops from this day on."""
    body = {"valid_from": valid_from, "conditions": {"retail": True}}
    answer = await h.client.post(f"/partners/{bank.partner}/conditions", json=body, headers=h.token(roles=["central"]))
    assert answer.status_code == 200, answer.text


async def payment(h: Harness, who: Somebody) -> list[dict[str, Any]]:
    path = f"/payments?participant_id={who.participant_id}"
    found: list[dict[str, Any]] = (await h.client.get(path, headers=h.token(roles=["auditor"]))).json()
    return found


class TestFirstPayments:
    async def test_any_channel_does_until_two_people_say_otherwise(self, h: Harness, bank: Bank) -> None:
        one, two = await register(h), await register(h)
        proposed = (await propose(h, "first_payment_channels", BY_BALANCE)).json()["set_id"]
        assert code(await bank.buy(one.code)) == "2002500"
        own = await decide(h, "first_payment_channels", proposed, "approve", by="central-1")
        assert (own.status_code, own.json()["code"]) == (409, "same_person")
        await decide(h, "first_payment_channels", proposed, "approve")
        taken_before = bank.business_now()
        h.clock.set(at(2025, 10, 7, 0))
        asked = await bank.inquire(two.code)
        assert code(asked) == "4032415"
        assert asked.json()["virtualAccountData"]["inquiryReason"]["english"].startswith("The first payment")
        assert code(await bank.pay(two.code, 36_800, "NOW-1")) == "4032515"
        assert await payment(h, two) == []
        # what was taken before that day is judged by the set of its day
        assert code(await bank.pay(two.code, 36_800, "THEN-1", trxDateTime=taken_before)) == "2002500"

    async def test_the_balance_pays_it_and_every_later_payment_comes_by_any_channel(
        self, h: Harness, bank: Bank
    ) -> None:
        number, who = await opened(h), await register(h)
        await enact(h, "first_payment_channels", BY_BALANCE)
        h.clock.set(at(2025, 10, 7, 9))
        assert code(await bank.pay(number, 50_000)) == "2002500"
        assert (await charge(h, who)).status_code == 201
        await bill(h, who, 1)
        assert code(await bank.buy(who.code)) == "2002500"

    async def test_the_balance_is_refused_where_it_is_no_way(self, h: Harness, bank: Bank) -> None:
        number, who = await opened(h), await register(h)
        await enact(h, "first_payment_channels", WITHOUT_BALANCE)
        h.clock.set(at(2025, 10, 7, 9))
        await bank.pay(number, 50_000)
        refused = await charge(h, who)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_for_first_payment")
        assert "BANK_VA, QRIS" in refused.json()["messages"]["id"]
        assert code(await bank.buy(who.code)) == "2002500"

    async def test_a_shop_is_another_channel_than_a_bank(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        await enact(h, "first_payment_channels", WITHOUT_BALANCE)
        await at_shops(h, bank, TOMORROW)
        h.clock.set(at(2025, 10, 7, 9))
        assert code(await bank.inquire(who.code)) == "4032415"

    async def test_who_registered_himself_pays_through_any(self, h: Harness, bank: Bank) -> None:
        who = await register(h, scope=Scope(BRANCH))
        await enact(h, "first_payment_channels", BY_BALANCE)
        h.clock.set(at(2025, 10, 7, 9))
        assert code(await bank.buy(who.code)) == "2002500"

    async def test_money_that_a_file_brings_waits_in_suspense_with_the_reason(self, h: Harness, bank: Bank) -> None:
        office, early, late = Office(h), await register(h), await register(h)
        await office.agree()
        await enact(h, "first_payment_channels", BY_BALANCE)
        h.clock.set(at(2025, 10, 8, 9))
        file = await office.reconcile(marked(("LOST-1", account(early), 36_800, 0, "08:30:00")))
        assert [line["reason"] for line in await office.lines(file)] == [None]
        day = DAY.replace(day=7)
        file = await office.reconcile(marked(("LOST-2", account(late), 36_800, 0, "08:30:00"), day=day), day)
        assert [line["reason"] for line in await office.lines(file)] == ["channel_not_for_first"]
        assert await office.balance("suspense") == -36_800

    async def test_no_qr_code_is_made_where_it_is_no_way(self, town: Town) -> None:
        await enact(town.h, "first_payment_channels", BY_BALANCE)
        town.h.clock.set(at(2025, 10, 7, 9))
        refused = await town.ask()
        assert (refused.status_code, refused.json()["code"]) == (409, "not_for_first_payment")

    @pytest.mark.parametrize(
        ("channels", "field"),
        [([], "value.channels"), (["QRIS", "QRIS"], "value.channels"), (["KIOSK"], "value.channels.0")],
    )
    async def test_a_wrong_list_is_refused_by_its_field(self, h: Harness, channels: list[str], field: str) -> None:
        refused = await propose(h, "first_payment_channels", BY_BALANCE | {"value": {"channels": channels}})
        assert (refused.status_code, refused.json()["field"]) == (422, field)


class TestRetail:
    """A month of Rp8,400 or Rp16,800: JKK and JKM, lowest band."""

    async def test_below_the_minimum_two_months_are_offered(self, h: Harness, bank: Bank) -> None:
        h.clock.set(at(2026, 2, 2, 9))
        await at_shops(h, bank, "2026-02-02")
        bank.token = (await bank.ask_token()).json()["accessToken"]
        who = await register(h, programmes=TWO, sector=Sector.TRANSPORT)
        one = (await bill(h, who, 1)).json()
        assert (one["amount"], one["retail_months"]) == (8_400, 2)
        asked = await bank.inquire(who.code)
        assert code(asked) == "4032402"
        assert "months" in asked.json()["virtualAccountData"]["inquiryReason"]["english"]
        assert code(await bank.pay(who.code, 8_400)) == "4032502"
        two = (await bill(h, who, 2)).json()
        assert (two["amount"], two["retail_months"]) == (16_800, 2)
        assert code(await bank.buy(who.code)) == "2002500"

    async def test_the_limits_of_the_day_of_the_payment_count(self, h: Harness, bank: Bank) -> None:
        """Rp73,600 is within the limits of today, and beyond those of tomorrow."""
        await at_shops(h, bank)
        one, two, three = [await register(h) for _ in range(3)]
        version = await enact(h, "retail_limits", WIDER)
        assert version == "bpu-retail/2025-10-07.1"
        for who in (one, two, three):
            assert (await bill(h, who, 2)).json()["retail_months"] == 2
        taken_today = bank.business_now()
        assert code(await bank.buy(one.code)) == "2002500"
        h.clock.set(at(2025, 10, 7, 0))
        assert code(await bank.inquire(two.code)) == "4032402"
        assert code(await bank.pay(two.code, 73_600, "NOW-1")) == "4032502"
        assert code(await bank.pay(two.code, 73_600, "THEN-1", trxDateTime=taken_today)) == "2002500"
        assert (await bill(h, three, 3)).json()["retail_months"] == 1

    async def test_a_bank_takes_what_a_shop_does_not(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        wanted = WIDER | {"value": {"retail_min": 100_000, "retail_max": 200_000}}
        await enact(h, "retail_limits", wanted)
        h.clock.set(at(2025, 10, 7, 0))
        assert code(await bank.buy(who.code)) == "2002500"

    async def test_an_agents_deposit_at_a_shop_keeps_the_limits_too(self, h: Harness, bank: Bank) -> None:
        number = await opened(h)
        await at_shops(h, bank)
        answers = [code(await bank.pay(number, amount)) for amount in (9_999, 10_000, 5_000_000, 5_000_001)]
        assert answers == ["4032502", "2002500", "2002500", "4032502"]

    async def test_limits_that_hold_nothing_are_refused(self, h: Harness) -> None:
        wanted = WIDER | {"value": {"retail_min": 2, "retail_max": 1}}
        refused = await propose(h, "retail_limits", wanted)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "limits_empty")
