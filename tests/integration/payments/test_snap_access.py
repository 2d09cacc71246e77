"""Who gets in, and in which order that is asked (snap.md sections 2 to 5 and 12.1 to 12.5; reliability.md T11)."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.registry import Registry
from services.payments.tables import external_ids, snap_tokens
from tests.integration.payments.bank import OTHER_KEY, PATH, Bank, code, pem, sign_rsa
from tests.integration.payments.people import register
from tests.support.service import Harness

HEADERS = ["Content-Type", "X-TIMESTAMP", "X-SIGNATURE", "X-PARTNER-ID", "X-EXTERNAL-ID", "CHANNEL-ID"]
SERVICES = (("inquiry", "24"), ("payment", "25"), ("status", "26"))


async def count(h: Harness, table: sa.Table) -> int:
    async with h.app.read() as conn:
        return int((await conn.execute(sa.select(sa.func.count()).select_from(table))).scalar_one())


class TestToken:
    async def test_a_good_key_gets_a_token_that_lives_900_seconds(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        response = await bank.ask_token()
        told = response.json()
        assert code(response) == "2007300"
        assert (told["tokenType"], told["expiresIn"]) == ("Bearer", "900")
        assert response.headers["X-CLIENT-KEY"] == bank.client_key
        h.clock.move_wall(timedelta(seconds=899))
        bank.token = told["accessToken"]
        assert code(await bank.inquire(who.code)) == "2002400"
        h.clock.move_wall(timedelta(seconds=1))
        assert code(await bank.inquire(who.code)) == "4012401"

    async def test_several_tokens_live_side_by_side_and_none_lies_in_clear(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        first, second = bank.token, (await bank.ask_token()).json()["accessToken"]
        for token in (first, second):
            bank.token = token
            assert code(await bank.inquire(who.code)) == "2002400"
        async with h.app.read() as conn:
            stored = (await conn.execute(sa.select(snap_tokens.c.hash))).scalars().all()
        assert len(stored) == 2
        assert not any(token.encode() in bytes(row) for row in stored for token in (first, second))

    async def test_a_missing_header_is_named(self, bank: Bank) -> None:
        for name in ("Content-Type", "X-TIMESTAMP", "X-CLIENT-KEY", "X-SIGNATURE"):
            response = await bank.ask_token(headers={name: None})
            assert (code(response), response.json()["responseMessage"]) == (
                "4007302",
                f"Invalid Mandatory Field {name}",
            )

    async def test_what_is_wrong_with_a_request_is_told(self, bank: Bank) -> None:
        for body, expected in (
            (b"{}", "4007302"),
            (b'{"grantType":"password"}', "4007301"),
            (b"not json", "4007300"),
            (b"[]", "4007300"),
        ):
            assert code(await bank.ask_token(body)) == expected
        assert code(await bank.ask_token(headers={"X-TIMESTAMP": "yesterday"})) == "4007301"

    async def test_wrong_key_and_unknown_client_are_told_apart_by_nobody(self, h: Harness, bank: Bank) -> None:
        """Also not by the time of the call."""
        timestamp = bank.now()
        stale = (h.clock.wall() - timedelta(seconds=301)).isoformat(timespec="seconds")
        answers = [
            await bank.ask_token(headers={"X-SIGNATURE": sign_rsa(f"{bank.client_key}|{timestamp}", OTHER_KEY)}),
            await bank.ask_token(headers={"X-CLIENT-KEY": "somebody-else"}),
            await bank.ask_token(headers={"X-SIGNATURE": ""}),
            await bank.ask_token(
                headers={"X-TIMESTAMP": stale, "X-SIGNATURE": sign_rsa(f"{bank.client_key}|{stale}", OTHER_KEY)}
            ),
        ]
        assert {(code(a), a.json()["responseMessage"]) for a in answers} == {("4017300", "Unauthorized. [Signature]")}
        assert await count(h, snap_tokens) == 1

    async def test_a_signed_request_of_another_time_is_told_that_its_time_is_wrong(
        self, h: Harness, bank: Bank
    ) -> None:
        for seconds in (-301, 301):
            then = (h.clock.wall() + timedelta(seconds=seconds)).isoformat(timespec="seconds")
            answer = await bank.ask_token(
                headers={"X-TIMESTAMP": then, "X-SIGNATURE": sign_rsa(f"{bank.client_key}|{then}")}
            )
            assert code(answer) == "4017300"
            assert answer.json()["responseMessage"] == "Unauthorized. [X-TIMESTAMP out of tolerance]"
        assert await count(h, snap_tokens) == 1


class TestHeaders:
    async def test_each_missing_or_blank_header_is_named_under_the_called_service(self, bank: Bank) -> None:
        for service, number, name in [(s, n, h) for s, n in SERVICES for h in HEADERS]:
            for blank in [None] if name == "X-SIGNATURE" else [None, "", "  "]:
                response = await bank.send(service, {}, {name: blank})
                assert code(response) == f"400{number}02", (name, blank)
                assert response.json()["responseMessage"] == f"Invalid Mandatory Field {name}"

    async def test_a_malformed_header_is_named(self, bank: Bank) -> None:
        for name, value in (
            ("Content-Type", "text/plain"),
            ("X-TIMESTAMP", "2025-10-06 09:00:00"),
            ("X-TIMESTAMP", "2025-10-06T09:00:00"),
            ("X-PARTNER-ID", "1" * 37),
            ("X-EXTERNAL-ID", "1" * 37),
            ("CHANNEL-ID", "123456"),
        ):
            response = await bank.send("inquiry", {}, {name: value})
            assert (code(response), response.json()["responseMessage"]) == ("4002401", f"Invalid Field Format {name}")

    async def test_letters_in_an_external_id_are_a_matter_of_agreement(self, h: Harness) -> None:
        who = await register(h)
        lax = await Bank(h).enable()
        strict = await Bank(h, partner="bank-s", client_key="client-s", partner_id="9", prefix="9100").enable(
            strictness={"numeric_external_ids": True}
        )
        assert code(await lax.inquire(who.code, headers={"X-EXTERNAL-ID": "abc-1"})) == "2002400"
        assert code(await strict.inquire(who.code, headers={"X-EXTERNAL-ID": "abc-1"})) == "4002401"

    async def test_channels_and_networks_that_were_agreed_are_the_only_ones(self, h: Harness) -> None:
        who = await register(h)
        channel = await Bank(h).enable(strictness={"channel_ids": ["95221"]})
        assert code(await channel.inquire(who.code)) == "2002400"
        assert code(await channel.inquire(who.code, headers={"CHANNEL-ID": "1"})) == "4012400"
        far = Bank(h, partner="bank-n", client_key="client-n", partner_id="9", prefix="9100")
        response = await h.client.post(
            "/partners",
            json=far.terms(strictness={"source_networks": ["10.0.0.0/8"]}),
            headers=h.token(roles=["central"]),
        )
        assert response.status_code == 201
        assert code(await far.ask_token()) == "4017300"


class TestIdentity:
    async def test_a_token_missing_unknown_or_misspelled_is_401_01_and_bare(self, bank: Bank) -> None:
        for value in (None, "Bearer", "Bearer nope", f"Basic {bank.token}", bank.token):
            response = await bank.send("inquiry", {}, {"Authorization": value})
            assert code(response) == "4012401"
            assert set(response.json()) == {"responseCode", "responseMessage"}

    async def test_a_401_carries_details_for_a_partner_that_wants_them(self, h: Harness) -> None:
        bank = await Bank(h).enable(strictness={"detailed_401": True})
        response = await bank.inquire("1", headers={"X-SIGNATURE": "x"})
        assert code(response) == "4012400"
        assert response.json()["virtualAccountData"]["inquiryStatus"] == "01"

    async def test_a_partner_id_of_another_is_not_this_token(self, h: Harness, bank: Bank) -> None:
        await Bank(h, partner="bank-b", client_key="client-b", partner_id="82002", prefix="8200").enable()
        assert code(await bank.inquire("1", headers={"X-PARTNER-ID": "82002"})) == "4012400"

    async def test_any_change_of_a_signed_part_fails_and_burns_nothing(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        body = json.dumps({**bank.number(who.code), "inquiryRequestId": "REQ-1"}).encode()
        path = f"{PATH}/transfer-va/inquiry"
        signed = bank.envelope(path, body)
        other = (await bank.ask_token()).json()["accessToken"]
        forged: list[tuple[str, bytes, dict[str, str]]] = [
            (path, body.replace(b"REQ-1", b"REQ-2"), {}),
            (path + "?x=1", body, {}),
            (f"{PATH}/transfer-va/status", body, {}),
            (path, body, {"Authorization": f"Bearer {other}"}),
            (path, body, {"X-TIMESTAMP": bank.now().replace("+07:00", "+08:00").replace("T09", "T10")}),
            (path, body, {"X-SIGNATURE": ""}),
        ]
        for called, raw, changes in forged:
            response = await h.client.post(called, content=raw, headers=signed | changes)
            assert code(response)[:3] == "401", (called, changes)
        assert await count(h, external_ids) == 0
        assert code(await h.client.post(path, content=body, headers=signed)) == "2002400"

    async def test_a_signature_outside_the_time_window_fails(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        body = json.dumps({**bank.number(who.code), "inquiryRequestId": "REQ-1"}).encode()
        path = f"{PATH}/transfer-va/inquiry"
        for offset, expected in ((-301, "4012400"), (301, "4012400"), (-300, "2002400"), (299, "2002400")):
            h.clock.move_wall(timedelta(seconds=offset))
            signed = bank.envelope(path, body)
            h.clock.move_wall(timedelta(seconds=-offset))
            assert code(await h.client.post(path, content=body, headers=signed)) == expected, offset

    async def test_a_body_spaced_by_a_proxy_still_carries_its_signature(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        fields = {**bank.number(who.code), "inquiryRequestId": "REQ  1"}
        path = f"{PATH}/transfer-va/inquiry"
        small = json.dumps(fields, separators=(",", ":")).encode()
        response = await h.client.post(
            path, content=json.dumps(fields, indent=3).encode(), headers=bank.envelope(path, small)
        )
        assert code(response) == "2002400"
        assert response.json()["virtualAccountData"]["inquiryRequestId"] == "REQ  1"

    async def test_the_signed_path_is_the_path_as_called_with_its_query(self, h: Harness, bank: Bank) -> None:
        who = await register(h)
        response = await bank.send("inquiry", {**bank.number(who.code), "inquiryRequestId": "R"}, query="?a=%20b")
        assert code(response) == "2002400"

    async def test_an_asymmetric_partner_calls_without_a_token(self, h: Harness) -> None:
        who = await register(h)
        bank = await Bank(h, asymmetric=True).enable()
        assert code(await bank.buy(who.code)) == "2002500"
        bank.key = OTHER_KEY
        assert code(await bank.inquire(who.code)) == "4012400"

    async def test_two_partners_of_one_id_are_told_apart_by_their_keys(self, h: Harness) -> None:
        who = await register(h)
        one = await Bank(h, asymmetric=True).enable()
        other = await Bank(
            h, partner="bank-b", client_key="client-b", prefix="8200", asymmetric=True, key=OTHER_KEY
        ).enable()
        for bank in (one, other):
            assert code(await bank.inquire(who.code)) == "2002400"

    async def test_no_forgery_gets_through(self, h: Harness, bank: Bank) -> None:
        """T11 in the small: one byte of body, path, time, token or signature changed at random; nothing gets through."""
        who = await register(h)
        body = json.dumps(bank.payment(who.code, 36_800, "PAY-1")).encode()
        path, dice = f"{PATH}/transfer-va/payment", random.Random(1)
        for _ in range(200):
            headers, raw, called = bank.envelope(path, body), body, path
            match dice.randrange(4):
                case 0:
                    at = dice.randrange(len(raw))
                    raw = raw[:at] + bytes([raw[at] ^ (1 << dice.randrange(7))]) + raw[at + 1 :]
                case 1:
                    headers["X-SIGNATURE"] = _twisted(headers["X-SIGNATURE"], dice)
                case 2:
                    headers["Authorization"] = f"Bearer {_twisted(bank.token, dice)}"
                case 3:
                    called = path + f"?{dice.randrange(1000)}"
            response = await h.client.post(called, content=raw, headers=headers)
            assert code(response) in {"4012500", "4012501"}
        assert [r.event.type for r in await h.events("contributions")] == ["PayerAdded", "ContributionBilled"]
        assert await count(h, external_ids) == 0


def _twisted(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text))
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


class TestShape:
    async def test_wrong_methods_and_paths_are_not_supported(self, h: Harness) -> None:
        for method, path, expected in (
            ("GET", "/transfer-va/inquiry", "4052400"),
            ("PUT", "/transfer-va/payment", "4052500"),
            ("DELETE", "/transfer-va/status", "4052600"),
            ("GET", "/access-token/b2b", "4057300"),
            ("POST", "/transfer-va/create-va", "4050000"),
        ):
            assert code(await h.client.request(method, PATH + path)) == expected

    async def test_a_well_signed_body_that_is_no_object_is_a_bad_request(self, bank: Bank) -> None:
        for body in (b"", b"not json", b"[]", b'{"a":1,"a":2}', b"\xff", b"[" * 5_000, b"null"):
            for service, number in SERVICES:
                assert code(await bank.send(service, body)) == f"400{number}00"

    async def test_a_body_over_the_limit_is_a_bad_request(self, bank: Bank) -> None:
        assert code(await bank.send("payment", b'{"a":"' + b"x" * 70_000 + b'"}')) == "4002500"

    async def test_missing_and_malformed_fields_are_named_and_echoed(self, bank: Bank) -> None:
        number = bank.number("8800000000001")
        response = await bank.send("payment", number)
        told = response.json()
        assert (code(response), told["responseMessage"]) == ("4002502", "Invalid Mandatory Field paymentRequestId")
        assert told["virtualAccountData"].items() >= number.items()
        assert told["virtualAccountData"]["paymentFlagStatus"] == "01"
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"paidAmount": {"value": "0.00", "currency": "IDR"}}, "paidAmount.value"),
            ({"paidAmount": {"value": "-5.00", "currency": "IDR"}}, "paidAmount.value"),
            ({"paidAmount": {"value": "5.00", "currency": "USD"}}, "paidAmount.currency"),
            ({"flagAdvise": "X"}, "flagAdvise"),
            ({"customerNo": 8800000000001}, "customerNo"),
            ({"virtualAccountNo": "1"}, "virtualAccountNo"),
        ]
        for change, name in wrong:
            response = await bank.send("payment", bank.payment("8800000000001", 5, "P") | change)
            assert code(response) == "4002501"
            assert name in response.json()["responseMessage"]


async def test_a_disabled_partner_and_a_rotated_key_stop_at_once(h: Harness, bank: Bank) -> None:
    who = await register(h)
    response = await h.client.post(
        "/partners/bank-a/keys", json={"public_keys": [pem(), pem(OTHER_KEY)]}, headers=h.token(roles=["operator"])
    )
    assert response.status_code == 200
    bank.key = OTHER_KEY
    assert code(await bank.ask_token()) == "2007300"
    await h.client.post(
        "/partners/bank-a/keys", json={"public_keys": [pem(OTHER_KEY)]}, headers=h.token(roles=["operator"])
    )
    assert code(await Bank(h).ask_token()) == "4017300"
    response = await h.client.post(
        "/partners/bank-a/disable", json={"reason": "contract_ended"}, headers=h.token(roles=["central"])
    )
    assert response.status_code == 200
    assert code(await bank.inquire(who.code)) == "4012401"
    assert code(await bank.ask_token()) == "4017300"


async def test_calls_that_come_together_read_the_partners_once(h: Harness, bank: Bank) -> None:
    """When the copy is too old, whoever asks waits for the one that reads, instead of reading too."""
    reads = 0

    @asynccontextmanager
    async def read() -> AsyncIterator[AsyncConnection]:
        nonlocal reads
        reads += 1
        async with h.app.read() as conn:
            yield conn

    registry = Registry(read, h.app.vault, ttl_s=60)
    found = await asyncio.gather(*(registry.partners() for _ in range(50)))
    assert reads == 1
    assert all(one is found[0] and bank.partner in one.by_name for one in found)


async def test_the_biller_document_is_served_to_everybody(h: Harness) -> None:
    answer = await h.client.get("/snap/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/markdown; charset=utf-8")
    assert answer.text.startswith("# Biller document")
