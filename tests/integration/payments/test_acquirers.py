"""What our calls to acquirers are signed with: managed over the API, never shown, changed without a call that fails; and more than one acquirer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from structlog.testing import CapturingLogger

from contracts.events.acquirers import AcquirerAgreed
from services.payments.acquirer import SnapAcquirer
from services.payments.acquirer_registry import AcquirerRegistry, KnownAcquirer
from services.payments.app import SERVICE
from services.payments.commands.qr import NotKnown
from services.payments.domain.acquirers import evolve
from services.payments.queries.qr import Question
from services.payments.tables import acquirer_credentials
from tests.integration.payments.acquirer import (
    CLIENT_KEY,
    OUR_KEY,
    OUR_PEM,
    SECRET,
    Books,
    acquirer,
    agree,
    change,
    teller,
)
from tests.integration.payments.bank import Bank, pem
from tests.integration.payments.people import register
from tests.integration.payments.test_qr import Town, live
from tests.integration.payments.test_qr import town as town  # the fixture
from tests.support.clock import FakeClock
from tests.support.service import Harness, harness
from tests.support.stack import Stack

NEW_SECRET = "the-next-secret-of-the-acquirer"
WEAK = generate_private_key(public_exponent=65537, key_size=1024)
WEAK_PEM = WEAK.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


async def shown(h: Harness, partner: str = "qris-a") -> dict[str, Any]:
    answer = await h.client.get(f"/partners/{partner}/acquirer", headers=h.token(roles=["auditor"]))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def uses(h: Harness, kind: str) -> list[str]:
    return [one["use"] for one in (await shown(h))["credentials"] if one["kind"] == kind]


async def proposed(h: Harness, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return await change(h, f"qris-a/acquirer/{kind}", body, 201)


async def activated(h: Harness, kind: str, body: dict[str, Any], *, overlap: timedelta | None = None) -> dict[str, Any]:
    """Proposed and activated; the one before lives on for `overlap`."""
    made = await proposed(h, kind, body)
    until = {} if overlap is None else {"old_until": (h.clock.wall() + overlap).isoformat()}
    await change(h, f"qris-a/acquirer/credentials/{made['credential_id']}/activate", until)
    return made


async def retired(h: Harness, kind: str) -> None:
    """The one that is old."""
    old = [one for one in (await shown(h))["credentials"] if (one["kind"], one["use"]) == (kind, "OLD")]
    await change(h, f"qris-a/acquirer/credentials/{old[0]['credential_id']}/retire")


async def another_bill(town: Town) -> None:
    """The next questions are about a bill without a code."""
    town.who = await register(town.h)
    path = f"/bills?participant_id={town.who.participant_id}"
    (bill,) = (await town.h.client.get(path, headers=town.headers())).json()
    town.bill_id = bill["bill_id"]


async def everything_stored(h: Harness) -> str:
    async with h.app.read() as conn:
        tables = ("acquirers", "acquirer_credentials", "event_log", "idempotency", "partners")
        return "".join([str((await conn.exec_driver_sql(f"SELECT * FROM {table}")).all()) for table in tables])


class TestSecrecy:
    async def test_what_signs_is_shown_nowhere_and_lies_sealed(self, town: Town) -> None:
        h = town.h
        key = await proposed(h, "keys", {})
        secret = await proposed(h, "secrets", {"client_secret": NEW_SECRET})
        assert {*key} == {"partner", "credential_id", "public_key"} and key["public_key"].startswith(
            "-----BEGIN PUBLIC"
        )
        assert {*secret} == {"partner", "credential_id"}
        told, stored = str(await shown(h)), await everything_stored(h)
        for text in (OUR_PEM[40:80], SECRET, NEW_SECRET, "PRIVATE"):
            assert text not in told and text not in stored
        for line in OUR_PEM.splitlines()[1:-1]:
            assert line not in stored

    async def test_a_repeat_of_a_proposal_gets_the_first_key(self, town: Town) -> None:
        headers = town.h.token(roles=["operator"])
        answers = [
            (await town.h.client.post("/partners/qris-a/acquirer/keys", json={}, headers=headers)).json() for _ in "ab"
        ]
        assert answers[0] == answers[1]
        assert await uses(town.h, "KEY") == ["ACTIVE", "PROPOSED"]

    async def test_what_is_gone_is_deleted_with_its_row(self, town: Town) -> None:
        h = town.h

        async def kept() -> int:
            async with h.app.read() as conn:
                return (await conn.execute(sa.select(sa.func.count()).select_from(acquirer_credentials))).scalar_one()

        assert await kept() == 2
        await activated(h, "secrets", {"client_secret": NEW_SECRET})
        assert await kept() == 2, "without an overlap the old one is gone at once"
        await activated(h, "keys", {}, overlap=timedelta(hours=1))
        assert await kept() == 3
        h.clock.move_wall(timedelta(hours=1, seconds=1))
        assert await uses(h, "KEY") == ["ACTIVE"]
        await h.due("snap-housekeeping")
        assert await kept() == 2
        made = await proposed(h, "keys", {})
        await change(h, f"qris-a/acquirer/credentials/{made['credential_id']}/retire")
        assert await kept() == 2


class TestRotation:
    @pytest.mark.parametrize("kind", ["keys", "secrets"])
    async def test_no_call_fails_whichever_side_changes_first(
        self, town: Town, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        h, books, told = town.h, town.books, CapturingLogger()
        monkeypatch.setattr("services.payments.acquirer.log", told)
        made = await activated(
            h, kind, {} if kind == "keys" else {"client_secret": NEW_SECRET}, overlap=timedelta(days=1)
        )
        books.token = ""  # whatever it gave us before is dead
        warning = f"acquirer_takes_the_old_{kind.removesuffix('s')}"
        await live(town)  # it knows the old one alone
        assert [(one.args[0], one.kwargs["partner"]) for one in told.calls if one.method_name == "warning"] == [
            (warning, "qris-a")
        ]
        new = {"keys": [made.get("public_key")], "secrets": [NEW_SECRET]}[kind]
        setattr(books, kind, new)
        books.token, books.bad = "", []
        await another_bill(town)
        told.calls.clear()
        await live(town)
        assert [one for one in told.calls if one.method_name == "warning"] == []
        assert books.bad == [], "the new one is tried first"
        await retired(h, {"keys": "KEY", "secrets": "SECRET"}[kind])
        await another_bill(town)
        await live(town)
        assert (await shown(h))["offered"]
        books.bad = []

    @pytest.mark.parametrize("kind", ["keys", "secrets"])
    async def test_what_is_replaced_while_a_call_is_in_hand_costs_nothing(self, town: Town, kind: str) -> None:
        """The acquirer has our call before it, signed by what both sides give up at that moment."""
        h, books = town.h, town.books

        async def replaced() -> None:
            made = await activated(h, kind, {} if kind == "keys" else {"client_secret": NEW_SECRET})
            books.token = ""
            setattr(books, kind, {"keys": [made.get("public_key")], "secrets": [NEW_SECRET]}[kind])

        books.meanwhile.append(replaced)
        await live(town)
        assert books.calls.count("generate") == 2
        assert len(books.codes) == 1
        books.bad = []

    async def test_a_process_that_has_not_heard_of_it_reads_again_before_it_gives_up(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another process of the service, with a memory of its own that is good for an hour."""
        h, books = town.h, town.books
        h.app.settings = h.app.settings.model_copy(update={"registry_ttl_s": 3_600.0})
        worker = SERVICE.compose(h.app).workers["qr-desk"]

        async def look() -> None:
            stop = asyncio.Event()
            running = asyncio.create_task(worker(stop))
            await asyncio.sleep(0)
            stop.set()
            await running

        reference, _ = await live(town)
        for wait_s in (61, 121):
            h.pass_time(seconds=wait_s)
            await look()
            if wait_s == 61:
                await activated(h, "secrets", {"client_secret": NEW_SECRET})
                books.secrets = [NEW_SECRET]
                books.pay(reference, "2025-10-06T09:00:30+07:00")
        assert (await town.shown())["state"] == "PAID"
        books.bad = []

    async def test_what_the_acquirer_does_not_know_yet_fails_nothing_for_good(self, town: Town) -> None:
        h, books = town.h, town.books
        await activated(h, "secrets", {"client_secret": NEW_SECRET})
        answer = await town.ask()
        assert (answer.status_code, answer.json()["state"]) == (202, "REQUESTED")
        books.secrets, books.bad = [NEW_SECRET], []
        h.pass_time(seconds=61)
        await town.look()
        assert (await town.shown())["state"] == "LIVE"

    async def test_a_third_one_waits_for_the_end_of_the_first_or_ends_it_outright(self, town: Town) -> None:
        h = town.h
        await activated(h, "secrets", {"client_secret": f"{NEW_SECRET}-0"}, overlap=timedelta(days=1))
        made = await proposed(h, "secrets", {"client_secret": f"{NEW_SECRET}-1"})
        until = {"old_until": (h.clock.wall() + timedelta(days=2)).isoformat()}
        path = f"qris-a/acquirer/credentials/{made['credential_id']}/activate"
        told = await change(h, path, until, 409)
        assert (told["code"], told["field"]) == ("old_still_tried", "old_until")
        assert await uses(h, "SECRET") == ["OLD", "ACTIVE", "PROPOSED"]
        await retired(h, "SECRET")
        await change(h, path, until)
        assert await uses(h, "SECRET") == ["OLD", "ACTIVE"]
        assert (await town.ask()).json()["state"] == "REQUESTED", "it knows the first alone"
        town.books.bad = []

    async def test_an_activation_again_changes_nothing(self, town: Town) -> None:
        made = await activated(town.h, "secrets", {"client_secret": NEW_SECRET}, overlap=timedelta(days=1))
        before = await shown(town.h)
        await change(town.h, f"qris-a/acquirer/credentials/{made['credential_id']}/activate", {})
        assert await shown(town.h) == before


class TestRefusals:
    async def test_what_cannot_be_is_refused_by_its_reason(self, town: Town) -> None:
        h = town.h
        signing = (await shown(h))["credentials"][0]["credential_id"]
        made = await proposed(h, "secrets", {"client_secret": NEW_SECRET})
        path = "qris-a/acquirer"
        again = await change(h, f"{path}/secrets", {"client_secret": NEW_SECRET}, 409)
        in_use = await change(h, f"{path}/credentials/{signing}/retire", None, 409)
        assert (again["code"], in_use["code"]) == ("credential_waits", "credential_in_use")
        for away in (timedelta(0), timedelta(days=91)):
            until = {"old_until": (h.clock.wall() + away).isoformat()}
            told = await change(h, f"{path}/credentials/{made['credential_id']}/activate", until, 422)
            assert (told["code"], told["field"]) == ("overlap_out_of_range", "old_until")
        until = {"old_until": (h.clock.wall() + timedelta(days=1)).isoformat()}
        await change(h, f"{path}/credentials/{made['credential_id']}/activate", until)
        old = next(one for one in (await shown(h))["credentials"] if one["use"] == "OLD")
        told = await change(h, f"{path}/credentials/{old['credential_id']}/activate", {}, 409)
        assert told["code"] == "credential_not_proposed"
        for what, body in (("activate", {}), ("retire", None)):
            await change(h, f"{path}/credentials/{UUID(int=1)}/{what}", body, 404)
        await change(h, "qris-a/disable", {"reason": "review"})
        assert (await change(h, f"{path}/keys", {}, 409))["code"] == "partner_disabled"

    async def test_nobody_is_called_who_was_not_agreed_with(self, town: Town) -> None:
        h = town.h
        terms = {"url": "https://example.com", "client_key": "k", "partner_id": "P", "merchant_id": "M"}
        await change(h, "nobody/acquirer", terms, 404)
        await change(h, f"{'n' * 300}/acquirer", terms, 404)
        await Bank(h).enable()
        await change(h, "bank-a/acquirer/keys", {}, 404)
        assert (await h.client.get("/partners/bank-a/acquirer", headers=h.token(roles=["central"]))).status_code == 404

    @pytest.mark.parametrize(
        ("kind", "body", "field"),
        [
            ("keys", {"private_key": "hello"}, "private_key"),
            ("keys", {"private_key": WEAK_PEM}, "private_key"),
            ("keys", {"private_key": pem(OUR_KEY)}, "private_key"),
            ("secrets", {"client_secret": "short"}, "client_secret"),
            ("secrets", {}, "client_secret"),
            ("", {"url": "http://example.com/snap/v1.0"}, "url"),
            ("", {"url": "https://user@example.com/snap"}, "url"),
            ("", {"url": "https://example.com/snap?a=b"}, "url"),
            ("", {"url": "ftp://127.0.0.1/snap"}, "url"),
            ("", {"url": "https://"}, "url"),
            ("", {"rank": 0}, "rank"),
            ("", {"merchant_id": ""}, "merchant_id"),
        ],
    )
    async def test_what_cannot_sign_or_be_called_is_refused_by_its_field(
        self, town: Town, kind: str, body: dict[str, Any], field: str
    ) -> None:
        terms = {"url": "https://example.com", "client_key": "k", "partner_id": "P", "merchant_id": "M"}
        told = await change(town.h, f"qris-a/acquirer/{kind}".rstrip("/"), body if kind else terms | body, 422)
        assert told["errors"][0]["field"] == field
        assert "PRIVATE" not in str(told)


class TestSeveral:
    @pytest.fixture
    async def second(self, town: Town) -> AsyncIterator[Books]:
        """Another acquirer, that is asked after the first."""
        async with acquirer() as (books, _):
            await Bank(town.h, "qris-b", "9400", "client-b", "r-secret-of-the-tests-0001", "94001").enable()
            await agree(town.h, books.url, "qris-b", rank=60, merchant_id="M-2")
            yield books

    async def ask(self, town: Town, acquirer: str = "") -> Any:
        path = f"/bills/{town.bill_id}/qr" + (f"?acquirer={acquirer}" if acquirer else "")
        return await town.h.client.post(path, headers=town.headers())

    async def test_a_code_is_made_by_the_one_that_is_named_or_else_by_the_first(
        self, town: Town, second: Books
    ) -> None:
        assert (await self.ask(town)).json()["state"] == "LIVE"
        await another_bill(town)
        assert (await self.ask(town, "qris-b")).json()["state"] == "LIVE"
        assert (town.books.merchants, second.merchants) == ({"M-1"}, {"M-2"})
        assert (len(town.books.codes), len(second.codes)) == (1, 1)
        terms = {"url": second.url, "client_key": "perisai-at-acquirer", "partner_id": "PERISAI", "merchant_id": "M-2"}
        await change(town.h, "qris-b/acquirer", terms | {"rank": 1})
        await another_bill(town)
        assert (await self.ask(town)).json()["state"] == "LIVE"
        assert len(second.codes) == 2

    async def test_a_code_is_asked_about_where_it_was_made(self, town: Town, second: Books) -> None:
        await self.ask(town, "qris-b")
        second.pay(UUID(town.bill_id).hex, "2025-10-06T09:00:30+07:00")
        town.h.pass_time(seconds=61)
        await town.look()
        assert (town.books.calls, second.calls) == ([], ["generate", "query"])
        (payment,) = await town.payments()
        assert payment["partner"] == "qris-b"

    async def test_one_that_does_not_answer_delays_no_question_of_another(self, town: Town, second: Books) -> None:
        """A worker whose calls may take ten minutes; what becomes due while the first holds one is asked and stored."""
        h, called, asked, answering = town.h, asyncio.Event(), asyncio.Event(), asyncio.Event()
        h.app.settings = h.app.settings.model_copy(update={"qris_timeout_s": 600.0})
        worker = SERVICE.compose(h.app).workers["qr-desk"]

        async def silent() -> None:
            called.set()
            await answering.wait()

        async def told() -> None:
            asked.set()

        assert (await self.ask(town, "qris-a")).json()["state"] == "LIVE"
        town.books.meanwhile.append(silent)
        h.pass_time(seconds=61)
        stop = asyncio.Event()
        running = asyncio.create_task(worker(stop))
        try:
            async with asyncio.timeout(60):
                await called.wait()
                await another_bill(town)
                assert (await self.ask(town, "qris-b")).json()["state"] == "LIVE"
                second.pay(UUID(town.bill_id).hex, "2025-10-06T09:01:30+07:00")
                second.meanwhile.append(told)
                h.pass_time(seconds=61)
                await asked.wait()
        finally:
            answering.set()
            stop.set()
            await running
        assert (await town.shown())["state"] == "PAID"

    async def test_who_waits_for_a_token_shares_that_none_came(self) -> None:
        async with acquirer() as (books, settings):
            books.mute = True
            line = SnapAcquirer(Fixed(books.url), FakeClock(), timeout_s=settings["qris_timeout_s"])
            questions = [Question("qris-a", f"R-{number}", None, 0) for number in range(3)]
            assert await asyncio.gather(*(line.ask(one) for one in questions)) == [NotKnown()] * 3
            assert books.tokens == 1
            books.mute = False
            await asyncio.gather(*(line.ask(one) for one in questions))
            assert (books.tokens, len(books.calls)) == (2, 3), "the next one is asked for at once"
            await line.close()

    async def test_one_that_is_disabled_or_cannot_sign_makes_no_code(self, town: Town, second: Books) -> None:
        await change(town.h, "qris-a/disable", {"reason": "review"})
        assert not (await shown(town.h))["offered"]
        refused = await self.ask(town, "qris-a")
        assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (
            409,
            "qr_not_offered",
            "acquirer",
        )
        assert (await self.ask(town)).json()["state"] == "LIVE"
        assert len(second.codes) == 1

    async def test_its_token_is_shown_to_no_other_address(self, town: Town, second: Books) -> None:
        """The terms of the first one move to another house, where a token of its own is asked for."""
        await live(town)
        terms = {"url": second.url, "client_key": "perisai-at-acquirer", "partner_id": "PERISAI", "merchant_id": "M-1"}
        await change(town.h, "qris-a/acquirer", terms)
        await another_bill(town)
        await live_at(town, second)
        assert second.calls == ["generate"]

    async def test_where_no_acquirer_was_agreed_with_none_is_offered(self, stack: Stack) -> None:
        async with harness(SERVICE, stack) as h:
            await teller(h).enable()
            who = await register(h)
            headers = h.token(roles=["central"])
            (bill,) = (await h.client.get(f"/bills?participant_id={who.participant_id}", headers=headers)).json()
            mine = h.token(roles=["participant"], participant_id=who.participant_id)
            answer = await h.client.post(f"/bills/{bill['bill_id']}/qr", headers=mine)
            assert (answer.status_code, answer.json()["code"]) == (409, "qr_not_offered")


class Fixed(AcquirerRegistry):
    """What was agreed with an acquirer at this address, and nothing changes."""

    def __init__(self, url: str) -> None:
        terms = evolve(
            None,
            AcquirerAgreed(
                partner="qris-a",
                url=url,
                client_key=CLIENT_KEY,
                partner_id="P",
                channel_id="95221",
                merchant_id="M",
                rank=50,
            ),
        )
        self._agreed = KnownAcquirer(terms, (OUR_KEY,), (SECRET,))
        self.forget = lambda: None

    async def of(self, partner: str) -> KnownAcquirer | None:
        return self._agreed


async def live_at(town: Town, books: Books) -> None:
    answer = await town.ask()
    assert (answer.status_code, answer.json()["state"]) == (201, "LIVE"), answer.text
    assert UUID(town.bill_id).hex in books.codes
