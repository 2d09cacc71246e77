"""Partners over HTTP: enabled, changed, rotated, disabled; what is shown of them, and never their secrets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.values import WIB
from tests.integration.payments.bank import OTHER_KEY, PATH, Bank, at, code, pem
from tests.integration.payments.groups import bill as collective_bill
from tests.integration.payments.groups import register_many
from tests.integration.payments.people import register
from tests.support.service import Harness


class TestEnabling:
    async def test_a_drawn_secret_is_shown_once_and_lies_encrypted(self, h: Harness) -> None:
        bank = Bank(h)
        terms = bank.terms()
        del terms["client_secret"]
        headers = h.token(roles=["central"])
        first = await h.client.post("/partners", json=terms, headers=headers)
        again = await h.client.post("/partners", json=terms, headers=headers)
        bank.secret = first.json()["client_secret"]
        assert "client_secret" not in again.json()
        assert first.json()["secret_id"] == again.json()["secret_id"]
        bank.token = (await bank.ask_token()).json()["accessToken"]
        who = await register(h)
        assert code(await bank.inquire(who.code)) == "2002400"
        async with h.app.read() as conn:
            for table in ("partner_secrets", "idempotency", "event_log", "partners"):
                stored = str((await conn.exec_driver_sql(f"SELECT * FROM {table}")).all())
                assert bank.secret not in stored
        assert bank.secret not in (await h.client.get("/partners", headers=h.token(roles=["auditor"]))).text

    async def test_names_and_client_keys_are_taken_once(self, h: Harness, bank: Bank) -> None:
        for same in ({"client_key": "client-x"}, {"partner": "bank-x"}):
            response = await h.client.post("/partners", json=bank.terms(**same), headers=h.token(roles=["central"]))
            assert (response.status_code, response.json()["code"]) == (409, "partner_exists")

    @pytest.mark.parametrize("name", ["agent-balance", "perisai"])
    async def test_the_names_of_our_own_accounts_are_no_banks(self, h: Harness, name: str) -> None:
        terms = Bank(h).terms(partner=name)
        response = await h.client.post("/partners", json=terms, headers=h.token(roles=["central"]))
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "partner")

    async def test_a_disabled_partner_may_come_back_under_new_terms(self, h: Harness, bank: Bank) -> None:
        reason = {"reason": "contract_ended"}
        for _ in range(2):
            response = await h.client.post("/partners/bank-a/disable", json=reason, headers=h.token(roles=["central"]))
            assert response.status_code == 200
        keys = {"public_keys": [pem()]}
        response = await h.client.post("/partners/bank-a/keys", json=keys, headers=h.token(roles=["central"]))
        assert response.json()["code"] == "partner_disabled"
        bank.secret = "another-secret-of-the-tests"
        await bank.enable()
        assert code(await bank.inquire((await register(h)).code)) == "2002400"
        assert [r.event.type for r in await h.events("partners")] == [
            "PartnerEnabled", "PartnerDisabled", "PartnerEnabled",
        ]  # fmt: skip

    async def test_unfit_keys_and_unknown_partners_are_refused(self, h: Harness) -> None:
        for keys in ([], ["hello"], [pem(), pem(), pem()]):
            response = await h.client.post(
                "/partners", json=Bank(h).terms(public_keys=keys), headers=h.token(roles=["central"])
            )
            assert response.status_code == 422
        for path, body in (("keys", {"public_keys": [pem()]}), ("disable", {"reason": "x"})):
            response = await h.client.post(f"/partners/nobody/{path}", json=body, headers=h.token(roles=["central"]))
            assert response.status_code == 404


CENTRAL = ["central"]


async def change(h: Harness, path: str, body: dict[str, Any] | None = None, status: int = 200) -> Any:
    """What an admin call answers; it must have this status."""
    sent: dict[str, Any] = {} if body is None else {"json": body}
    answer = await h.client.post(f"/partners/{path}", headers=h.token(roles=CENTRAL), **sent)
    assert answer.status_code == status, answer.text
    return answer.json()


async def shown(h: Harness, partner: str = "bank-a") -> Any:
    answer = await h.client.get(f"/partners/{partner}", headers=h.token(roles=["auditor"]))
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestRotation:
    async def test_two_keys_are_live_until_the_old_one_dies(self, h: Harness, bank: Bank) -> None:
        until = h.clock.wall() + timedelta(hours=24)
        await change(h, "bank-a/keys", {"public_keys": [pem(OTHER_KEY)], "old_until": until.isoformat()})
        new = Bank(h, key=OTHER_KEY)
        assert [code(await one.ask_token()) for one in (bank, new)] == ["2007300", "2007300"]
        assert [key["until"] is None for key in (await shown(h))["keys"]] == [False, True]
        h.clock.move_wall(timedelta(hours=24) - timedelta(seconds=1))
        assert code(await bank.ask_token()) == "2007300"
        h.clock.move_wall(timedelta(seconds=1))
        assert [code(await one.ask_token()) for one in (bank, new)] == ["4017300", "2007300"]
        assert (await shown(h))["live_keys"] == 1

    async def test_two_secrets_are_live_until_the_old_one_dies(self, h: Harness, bank: Bank) -> None:
        who, old = await register(h), bank.secret
        until = h.clock.wall() + timedelta(minutes=10)
        told = await change(h, "bank-a/secrets", {"old_until": until.isoformat()})
        secrets = (old, told["client_secret"])
        for elapsed, expected in ((0, ["2002400", "2002400"]), (600, ["4012400", "2002400"])):
            h.clock.move_wall(timedelta(seconds=elapsed))
            found = []
            for bank.secret in secrets:
                found.append(code(await bank.inquire(who.code)))
            assert found == expected
        kept = (await shown(h))["secrets"]
        assert [one["secret_id"] for one in kept] == [told["secret_id"]]

    async def test_a_secret_that_is_replaced_without_overlap_is_dead_at_once(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        told = await change(h, "bank-a/secrets", {"client_secret": "the-next-secret-of-the-tests"})
        assert "client_secret" not in told
        assert code(await bank.inquire(who.code)) == "4012400"
        bank.secret = "the-next-secret-of-the-tests"
        assert code(await bank.inquire(who.code)) == "2002400"

    @pytest.mark.parametrize("path", ["keys", "secrets"])
    async def test_no_second_overlap_takes_the_promised_time_from_an_older_one(
        self, h: Harness, bank: Bank, path: str
    ) -> None:
        who, more = await register(h), {"public_keys": [pem(OTHER_KEY)]} if path == "keys" else {}
        until = h.clock.wall() + timedelta(days=1)
        await change(h, f"bank-a/{path}", {**more, "old_until": until.isoformat()})
        before = await shown(h)
        later = {**more, "old_until": (until + timedelta(days=1)).isoformat()}
        told = await change(h, f"bank-a/{path}", later, 409)
        assert (told["code"], told["field"]) == ("old_still_lives", "old_until")
        assert all(f"{until.astimezone(WIB):%Y-%m-%d %H:%M:%S} WIB" in told["messages"][one] for one in ("id", "en"))
        assert await shown(h) == before
        assert (code(await bank.ask_token()), code(await bank.inquire(who.code))) == ("2007300", "2002400")
        h.clock.move_wall(timedelta(days=1))
        await change(h, f"bank-a/{path}", later)

    async def test_a_secret_that_nobody_received_is_replaced_and_the_older_one_keeps_its_end(
        self, h: Harness, bank: Bank
    ) -> None:
        who, until = await register(h), h.clock.wall() + timedelta(minutes=10)
        secrets = [bank.secret]
        lost = await change(h, "bank-a/secrets", {"old_until": until.isoformat()})
        got = await change(h, "bank-a/secrets", {"instead_of": lost["secret_id"]})
        secrets += [lost["client_secret"], got["client_secret"]]
        for elapsed, expected in ((0, ["2002400", "4012400", "2002400"]), (600, ["4012400", "4012400", "2002400"])):
            h.clock.move_wall(timedelta(seconds=elapsed))
            found = []
            for bank.secret in secrets:
                found.append(code(await bank.inquire(who.code)))
            assert found == expected
        told = await change(h, "bank-a/secrets", {"instead_of": lost["secret_id"]}, 409)
        assert (told["code"], told["field"]) == ("secret_not_newest", "instead_of")
        both = {"instead_of": got["secret_id"], "old_until": (h.clock.wall() + timedelta(days=1)).isoformat()}
        assert (await change(h, "bank-a/secrets", both, 422))["errors"][0]["code"] == "too_many"

    async def test_a_rotation_without_overlap_ends_the_old_ones_at_once(self, h: Harness, bank: Bank) -> None:
        who, secrets = await register(h), [bank.secret]
        until = (h.clock.wall() + timedelta(days=1)).isoformat()
        for body in ({"old_until": until}, {}):
            secrets.append((await change(h, "bank-a/secrets", body))["client_secret"])
        found = []
        for bank.secret in secrets:
            found.append(code(await bank.inquire(who.code)))
        assert found == ["4012400", "4012400", "2002400"]

    async def test_a_dead_secret_is_deleted_by_the_housekeeping(self, h: Harness, bank: Bank) -> None:
        until = h.clock.wall() + timedelta(minutes=10)
        await change(h, "bank-a/secrets", {"old_until": until.isoformat()})
        h.clock.move_wall(timedelta(minutes=11))
        await h.due("snap-housekeeping")
        async with h.app.read() as conn:
            rows = (await conn.exec_driver_sql("SELECT until FROM partner_secrets")).all()
        assert [row.until for row in rows] == [None]

    async def test_a_drawn_secret_is_told_once_and_stands_in_no_event(self, h: Harness, bank: Bank) -> None:
        headers = h.token(roles=CENTRAL)
        first = await h.client.post("/partners/bank-a/secrets", json={}, headers=headers)
        again = await h.client.post("/partners/bank-a/secrets", json={}, headers=headers)
        assert first.json()["secret_id"] == again.json()["secret_id"]
        assert "client_secret" not in again.json()
        async with h.app.read() as conn:
            for table in ("partner_secrets", "idempotency", "event_log", "partners"):
                stored = str((await conn.exec_driver_sql(f"SELECT * FROM {table}")).all())
                assert first.json()["client_secret"] not in stored

    @pytest.mark.parametrize("path", ["keys", "secrets"])
    async def test_an_overlap_in_the_past_or_for_ever_is_refused_by_its_field(
        self, h: Harness, bank: Bank, path: str
    ) -> None:
        more: dict[str, Any] = {"public_keys": [pem(OTHER_KEY)]} if path == "keys" else {}
        for away in (timedelta(0), timedelta(days=91)):
            until = (h.clock.wall() + away).isoformat()
            told = await change(h, f"bank-a/{path}", {**more, "old_until": until}, 422)
            assert (told["code"], told["field"]) == ("overlap_out_of_range", "old_until")
        assert [r.event.type for r in await h.events("partners")] == ["PartnerEnabled"]


class TestTerms:
    async def test_changed_terms_hold_at_once_and_leave_keys_and_secrets(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        terms = {"name": "Bank A (baru)", "partner_ids": ["81009"], "va_prefixes": ["8109"]}
        await change(h, "bank-a/terms", {**terms, "strictness": {"channel_ids": ["95221"]}})
        assert code(await bank.inquire(who.code)) == "4012400"
        bank.partner_id, bank.prefix = "81009", "8109"
        assert code(await bank.inquire(who.code)) == "2002400"
        assert code(await bank.inquire(who.code, headers={"CHANNEL-ID": "1"})) == "4012400"
        told = await shown(h)
        assert (told["name"], told["partner_ids"]) == ("Bank A (baru)", ["81009"])
        assert (told["strictness"]["channel_ids"], told["live_keys"]) == (["95221"], 1)

    @pytest.mark.parametrize(
        ("strictness", "field"),
        [
            ({"source_networks": ["hello"]}, "strictness.source_networks"),
            ({"source_networks": ["10.0.0.1/8"]}, "strictness.source_networks"),
            ({"amount_digits": 0}, "strictness.amount_digits"),
            ({"amount_digits": 5_000}, "strictness.amount_digits"),
            ({"channel_ids": ["123456"]}, "strictness.channel_ids"),
            ({"mandatory_fields": ["payment.nonsense"]}, "strictness.mandatory_fields"),
            ({"lengths": [{"field": "payment.referenceNo", "most": 65}]}, "strictness.lengths"),
            ({"versions": ["v3.0"]}, "strictness.versions"),
            ({"versions": []}, "strictness.versions"),
            ({"sub_company": "123456"}, "strictness.sub_company"),
        ],
    )
    async def test_terms_that_cannot_work_are_refused_by_their_field(
        self, h: Harness, bank: Bank, strictness: dict[str, Any], field: str
    ) -> None:
        terms = {"name": "A", "partner_ids": ["1"], "va_prefixes": ["1"], "strictness": strictness}
        told = await change(h, "bank-a/terms", terms, 422)
        assert told["errors"][0]["field"] == field
        assert told["errors"][0]["messages"]["id"] and told["errors"][0]["messages"]["en"]

    async def test_a_disabled_bank_comes_back_as_it_was(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        await change(h, "bank-a/disable", {"reason": "audit"})
        assert code(await bank.inquire(who.code)) == "4012401"
        for path, body in (("terms", {"name": "A", "partner_ids": ["1"], "va_prefixes": ["1"]}), ("secrets", {})):
            assert (await change(h, f"bank-a/{path}", body, 409))["code"] == "partner_disabled"
        for _ in range(2):
            await change(h, "bank-a/enable")
        assert code(await bank.inquire(who.code)) == "2002400"
        assert [r.event.type for r in await h.events("partners")][1:] == ["PartnerDisabled", "PartnerReenabled"]

    async def test_nobody_is_a_404_everywhere(self, h: Harness) -> None:
        bodies: dict[str, Any] = {
            "terms": {"name": "A", "partner_ids": ["1"], "va_prefixes": ["1"]},
            "conditions": {"valid_from": "2030-01-01", "conditions": {}},
            "secrets": {},
            "enable": None,
        }
        for path, body in bodies.items():
            await change(h, f"nobody/{path}", body, 404)
        answer = await h.client.get("/partners/nobody", headers=h.token(roles=CENTRAL))
        assert answer.status_code == 404


class TestConditions:
    async def test_they_hold_from_their_day_on_and_are_never_edited_in_use(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        later: dict[str, Any] = {"valid_from": "2025-10-07", "conditions": {"opens": "06:00", "closes": "08:00"}}
        await change(h, "bank-a/conditions", later)
        assert code(await bank.inquire(who.code)) == "2002400"
        h.clock.set(at(2025, 10, 7, 9))
        assert code(await bank.inquire(who.code)) == "4032406"
        for day in ("2025-10-06", "2025-10-07"):
            told = await change(h, "bank-a/conditions", {"valid_from": day, "conditions": {}}, 409)
            assert told["code"] == "conditions_in_use"
        limits = {"most_per_deposit": None, "most_payments_a_day": None, "retail": False}
        assert (await shown(h))["conditions"] == [later | {"conditions": later["conditions"] | limits}]

    async def test_money_that_was_taken_in_time_is_posted_after_it(self, h: Harness, bank: Bank) -> None:
        """The hours are judged at the transaction time, else an answer that got lost at closing time would never be found again."""
        who, late = await register(h), await register(h)
        await change(h, "bank-a/conditions", {"valid_from": "2025-10-06", "conditions": {"closes": "10:00"}})
        taken = bank.business_now()
        h.clock.set(at(2025, 10, 6, 10, 1))
        refused = await bank.pay(late.code, 36_800, "LATE-1")
        told = refused.json()["virtualAccountData"]
        assert (code(refused), told["paymentFlagStatus"]) == ("4032506", "01")
        assert told["paymentFlagReason"]["indonesia"] and told["paymentFlagReason"]["english"]
        assert code(await bank.pay(who.code, 36_800, "P-1", trxDateTime=taken, flagAdvise="Y")) == "2002500"
        assert code(await bank.pay(who.code, 36_800, "P-1", flagAdvise="Y")) == "2002500"
        assert code(await bank.status(who.code, paymentRequestId="P-1")) == "2002600"

    async def test_a_number_is_paid_no_oftener_a_day_than_was_agreed(self, h: Harness, bank: Bank) -> None:
        who, other = await register(h), await register(h)
        await change(h, "bank-a/conditions", {"valid_from": "2025-10-06", "conditions": {"most_payments_a_day": 1}})
        assert code(await bank.buy(who.code)) == "2002500"
        bill = {"participant_id": str(who.participant_id), "months": 3}
        issued = await h.client.post(
            "/bills", json=bill, headers=h.token(roles=["participant"], participant_id=who.participant_id)
        )
        amount = issued.json()["amount"]
        assert code(await bank.pay(who.code, amount, "P-2")) == "4032504"
        assert code(await bank.pay(who.code, amount + 1, "P-3")) == "4042513"
        assert code(await bank.buy(other.code)) == "2002500"
        h.clock.move(timedelta(days=1))
        bank.token = (await bank.ask_token()).json()["accessToken"]
        assert code(await bank.pay(who.code, amount, "P-2")) == "2002500"

    async def test_a_share_of_a_payment_for_many_is_none_of_the_members_own(self, h: Harness, bank: Bank) -> None:
        (who,) = people = await register_many(h, 1)
        await change(h, "bank-a/conditions", {"valid_from": "2025-10-06", "conditions": {"most_payments_a_day": 1}})
        issued = await collective_bill(h, people)
        assert code(await bank.pay(issued["code"], issued["amount"], "WHOLE")) == "2002500"
        assert await h.due("collective-posting") == 1
        wanted = {"participant_id": str(who.participant_id), "months": 3}
        headers = h.token(roles=["participant"], participant_id=who.participant_id)
        amount = (await h.client.post("/bills", json=wanted, headers=headers)).json()["amount"]
        assert code(await bank.pay(who.code, amount, "OWN")) == "2002500"

    async def test_conditions_that_make_no_sense_are_refused(self, h: Harness, bank: Bank) -> None:
        unfit: list[dict[str, Any]] = [{"opens": "25:00"}, {"closes": "9"}, {"most_payments_a_day": -1}, {"more": 1}]
        for conditions in (*unfit, {"day_ends": "22:00"}):
            told = await change(h, "bank-a/conditions", {"valid_from": "2030-01-01", "conditions": conditions}, 422)
            assert told["errors"][0]["field"].startswith("conditions.")


class TestAgreement:
    async def test_a_version_of_the_service_is_called_by_who_agreed_to_it(self, h: Harness, bank: Bank) -> None:
        both = Bank(h, partner="bank-v", client_key="client-v", partner_id="9", prefix="9100")
        await both.enable(strictness={"versions": ["v1.0", "v2.0"]})
        who = await register(h)
        for caller, expected in ((both, "2002400"), (bank, "4052400")):
            raw = b'{"partnerServiceId":"%s","customerNo":"%s","virtualAccountNo":"%s","inquiryRequestId":"V"}' % (
                caller.prefix.encode(), who.code.encode(), (caller.prefix + who.code).encode(),
            )  # fmt: skip
            path = PATH.replace("v1.0", "v2.0") + "/transfer-va/inquiry"
            answer = await h.client.post(path, content=raw, headers=caller.envelope(path, raw))
            assert code(answer) == expected

    async def test_an_unknown_token_has_the_official_alternative_by_agreement(self, h: Harness, bank: Bank) -> None:
        other = Bank(h, partner="bank-t", client_key="client-t", partner_id="9", prefix="9100")
        await other.enable(strictness={"token_not_found": True})
        for caller, expected in ((other, "4012403"), (bank, "4012401")):
            caller.token = "nobody-s"
            answer = await caller.inquire("1")
            assert code(answer) == expected
            assert set(answer.json()) == {"responseCode", "responseMessage"}

    async def test_stricter_fields_hold_for_who_agreed_to_them(self, h: Harness, bank: Bank) -> None:
        strict = Bank(h, partner="bank-s", client_key="client-s", partner_id="9", prefix="9100")
        lengths = [{"field": "inquiry.inquiryRequestId", "most": 5}]
        await strict.enable(strictness={"mandatory_fields": ["inquiry.channelCode"], "lengths": lengths})
        who = await register(h)
        calls: list[tuple[Bank, str, dict[str, Any], str]] = [
            (bank, "LONG-1", {}, "2002400"),
            (strict, "S-1", {}, "4002402"),
            (strict, "S-1", {"channelCode": 6011}, "2002400"),
            (strict, "LONG-1", {"channelCode": 6011}, "4002401"),
        ]
        for caller, number, more, expected in calls:
            assert code(await caller.inquire(who.code, number, **more)) == expected

    async def test_a_repeat_over_a_rotation_of_the_secret_is_still_the_same_call(self, h: Harness) -> None:
        """What is remembered of a call is keyed by us, not by the secret it was signed with."""
        bank = await Bank(h).enable(repeat_profile="BCA")
        who, same = await register(h), {"X-EXTERNAL-ID": "42"}
        body = bank.payment(who.code, 36_800, "P-1")
        assert code(await bank.send("payment", body, {**same})) == "2002500"
        bank.secret = (await change(h, "bank-a/secrets", {}))["client_secret"]
        assert code(await bank.send("payment", body, {**same})) == "4042518"
