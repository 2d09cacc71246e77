"""The messaging gateway over HTTP: one message per key, receipts that can be trusted, and bad days on request."""

import base64
import hashlib
import hmac
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from deploy.local.gateway import courier
from deploy.local.gateway.app import compose
from deploy.local.gateway.signature import sign_receipt
from deploy.local.outside.environment import Environment, SettingError
from tests.unit.deploy.serving import eventually, party, process, served

MESSAGE = {
    "to": "+6281200000011",
    "channel": "sms",
    "language": "id",
    "text": "Selamat datang. Kode iuran: 8800 0000 0000 0001",
    "reference": "n-1",
}


@dataclass
class Customer:
    """The webhook: what came, and what it answers (204 when nothing is scripted)."""

    script: deque[int] = field(default_factory=deque)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/receipts")
        async def receipt(request: Request) -> Response:
            self.came.append((dict(request.headers), await request.body()))
            return Response(status_code=self.script.popleft() if self.script else 204)

        return app

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.came]

    async def heard(self, count: int) -> None:
        """Waits until so many receipts came."""

        async def enough() -> bool:
            return len(self.came) >= count

        await eventually(enough)


@dataclass
class World:
    """A gateway and its customer."""

    gateway: httpx.AsyncClient
    customer: Customer

    async def send(self, key: str = "k-1", **changes: Any) -> httpx.Response:
        headers = {"Authorization": "Bearer the-api-key", "Idempotency-Key": key}
        return await self.gateway.post("/messages", json={**MESSAGE, **changes}, headers=headers)

    async def behave(self, **behaviour: Any) -> None:
        assert (await self.gateway.post("/behaviour", json=behaviour)).status_code == 200

    async def counts(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.gateway.get("/messages")).json()["counts"]
        return found

    async def acknowledged(self, count: int) -> None:
        """Waits until so many receipts were taken and none waits."""

        async def taken() -> bool:
            receipts = (await self.counts())["receipts"]
            return bool(receipts["acknowledged"] == count and receipts["waiting"] == 0)

        await eventually(taken)


OpenWorld = Callable[..., AbstractAsyncContextManager[World]]


def variables(folder: Path, **more: str) -> dict[str, str]:
    return {
        "DATA_DIR": str(folder),
        "API_KEY": "the-api-key",
        "WEBHOOK_SECRET": "the-webhook-secret",
        "RECEIPT_DELAY_S": "0",
        "BACKOFF_S": "0.02",
        "BACKOFF_CAP_S": "0.05",
        **more,
    }


@pytest.fixture
def open_world(tmp_path: Path) -> OpenWorld:
    @asynccontextmanager
    async def opened(**more: str) -> AsyncIterator[World]:
        customer = Customer()
        async with served(customer.app()) as url:
            values = variables(tmp_path, WEBHOOK_URL=f"{url}/receipts", **more)
            async with party(compose, values) as gateway:
                yield World(gateway, customer)

    return opened


@pytest.fixture
async def world(open_world: OpenWorld) -> AsyncIterator[World]:
    async with open_world() as found:
        yield found


class TestTaking:
    async def test_a_message_is_accepted_and_shown(self, world: World) -> None:
        answer = await world.send()
        assert answer.status_code == 202
        assert answer.json() == {"message_id": answer.json()["message_id"], "status": "accepted"}
        (shown,) = (await world.gateway.get("/messages")).json()["messages"]
        assert {name: shown[name] for name in MESSAGE} == MESSAGE
        assert shown["message_id"] == answer.json()["message_id"]

    async def test_the_same_key_and_body_is_one_message(self, world: World) -> None:
        first = await world.send()
        headers = {"Authorization": "Bearer the-api-key", "Idempotency-Key": "k-1"}
        loose = json.dumps(dict(reversed(MESSAGE.items())), indent=2)
        second = await world.gateway.post("/messages", content=loose, headers=headers)
        assert (second.status_code, second.json()) == (202, first.json())
        counts = await world.counts()
        assert (counts["messages"], counts["distinct_keys"], counts["repeats"]) == (1, 1, 1)
        await world.acknowledged(1)

    async def test_the_same_key_with_another_body_is_refused(self, world: World) -> None:
        await world.send()
        answer = await world.send(text="something else")
        assert (answer.status_code, answer.json()["code"]) == (409, "key_reused")
        assert (await world.counts())["messages"] == 1

    async def test_keys_are_remembered_across_a_restart(self, open_world: OpenWorld) -> None:
        async with open_world() as world:
            first = await world.send()
        async with open_world() as world:
            assert (await world.send()).json() == first.json()

    @pytest.mark.parametrize("header", [None, "Bearer wrong", "the-api-key"])
    async def test_without_the_api_key_nothing_is_taken(self, world: World, header: str | None) -> None:
        headers = {"Idempotency-Key": "k-1", **({"Authorization": header} if header else {})}
        answer = await world.gateway.post("/messages", json=MESSAGE, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unknown_customer")
        assert (await world.counts())["messages"] == 0

    @pytest.mark.parametrize("key", ["", "k" * 201])
    async def test_without_a_usable_key_nothing_is_taken(self, world: World, key: str) -> None:
        answer = await world.send(key)
        assert (answer.status_code, answer.json()["code"]) == (400, "key_missing")

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"to": "12"}, "body"),
            ({"to": "siti@example.test"}, "body"),
            ({"channel": "fax"}, "channel"),
            ({"language": "fr"}, "language"),
            ({"text": ""}, "text"),
            ({"extra": 1}, "extra"),
        ],
    )
    async def test_a_wrong_body_names_the_field_and_echoes_nothing(
        self, world: World, changes: dict[str, Any], named: str
    ) -> None:
        answer = await world.send(**changes)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [named]
        assert "6281200000011" not in answer.text and "Selamat" not in answer.text

    async def test_a_body_that_is_not_json_is_malformed(self, world: World) -> None:
        headers = {"Authorization": "Bearer the-api-key", "Idempotency-Key": "k-1"}
        answer = await world.gateway.post("/messages", content=b"{", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")

    async def test_channel_may_be_in_capitals_and_email_takes_an_address(self, world: World) -> None:
        assert (await world.send("a", channel="WHATSAPP")).status_code == 202
        assert (await world.send("b", channel="EMAIL", to="siti@example.test")).status_code == 202


class TestReceipts:
    async def test_says_what_became_of_the_message_under_its_signature(self, world: World) -> None:
        message_id = (await world.send()).json()["message_id"]
        await world.acknowledged(1)
        ((headers, body),) = world.customer.came
        said = json.loads(body)
        assert datetime.fromisoformat(said.pop("at")).tzinfo is not None
        assert said == {"message_id": message_id, "reference": "n-1", "status": "delivered"}
        signed = headers["x-timestamp"].encode() + b"." + body
        mac = hmac.new(b"the-webhook-secret", signed, hashlib.sha256).digest()
        assert headers["x-signature"] == base64.b64encode(mac).decode()
        assert datetime.fromisoformat(headers["x-timestamp"]).tzinfo is not None
        assert (await world.gateway.get(f"/messages/{message_id}")).json()["status"] == "delivered"

    async def test_is_repeated_unchanged_until_the_customer_takes_it(self, world: World) -> None:
        world.customer.script.extend([500, 401, 302])
        await world.send()
        await world.acknowledged(1)
        assert len(world.customer.came) == 4
        assert len({body for _, body in world.customer.came}) == 1

    async def test_waits_for_a_customer_who_is_down_also_across_a_restart(self, tmp_path: Path) -> None:
        closed = variables(tmp_path, WEBHOOK_URL="http://127.0.0.1:9/receipts")
        async with party(compose, closed) as gateway:
            world = World(gateway, Customer())
            await world.send()

            async def tried() -> bool:
                (message,) = (await gateway.get("/messages?limit=1")).json()["messages"]
                receipts = (await gateway.get(f"/messages/{message['message_id']}")).json()["receipts"]
                return bool(receipts[0]["tries"] >= 2)

            await eventually(tried)
            assert (await world.counts())["receipts"] == {"waiting": 1, "acknowledged": 0, "abandoned": 0}
        customer = Customer()
        async with served(customer.app()) as url:
            values = variables(tmp_path, WEBHOOK_URL=f"{url}/receipts")
            async with party(compose, values) as gateway:
                await World(gateway, customer).acknowledged(1)

    async def test_goes_on_after_an_error_that_nobody_foresaw(
        self, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Else one error that is none of the client's own kind ends all receipts, in silence."""
        real, met = sign_receipt, list[bytes]()

        def sign(secret: str, timestamp: str, body: bytes) -> str:
            if not met:
                met.append(body)
                raise RuntimeError("the transport is closed")
            return real(secret, timestamp, body)

        monkeypatch.setattr(courier, "sign_receipt", sign)
        await world.send()
        await world.acknowledged(1)
        assert met
        assert "tried again" in caplog.text

    async def test_is_given_up_after_the_set_time(self, open_world: OpenWorld) -> None:
        async with open_world(GIVE_UP_S="0") as world:
            world.customer.script.append(500)
            await world.send()

            async def abandoned() -> bool:
                return bool((await world.counts())["receipts"]["abandoned"] == 1)

            await eventually(abandoned)

    async def test_a_phone_that_cannot_be_reached_fails_with_a_reason(self, world: World) -> None:
        await world.behave(fail_suffixes=["99"])
        await world.send("a", to="+6281200000099")
        await world.send("b")
        await world.acknowledged(2)
        said = {body["reference"] + body["status"]: body.get("reason") for body in world.customer.bodies()}
        assert said == {"n-1failed": "number_unreachable", "n-1delivered": None}
        assert (await world.counts())["by_status"] == {"accepted": 0, "delivered": 1, "failed": 1}

    async def test_doubled_on_request(self, world: World) -> None:
        await world.behave(receipts="doubled")
        await world.send()
        await world.acknowledged(2)
        first, second = world.customer.bodies()
        assert first == second

    async def test_never_on_request(self, world: World) -> None:
        await world.behave(receipts="never")
        await world.send("silent")
        await world.behave()
        await world.send("heard")
        await world.acknowledged(1)
        counts = await world.counts()
        assert counts["by_status"] == {"accepted": 1, "delivered": 1, "failed": 0}


class TestBadAnswers:
    async def test_too_many_requests_takes_nothing_and_says_when_to_return(self, world: World) -> None:
        await world.behave(answer="too_many_requests", answers=1, retry_after_s=7)
        refused = await world.send()
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
        assert (await world.counts())["messages"] == 0
        assert (await world.send()).status_code == 202

    async def test_error_after_accepting_keeps_the_message_and_the_repeat_finds_it(self, world: World) -> None:
        await world.behave(answer="error_after_accepting", answers=1)
        assert (await world.send()).status_code == 500
        assert (await world.send()).status_code == 202
        counts = await world.counts()
        assert (counts["messages"], counts["repeats"]) == (1, 1)

    @pytest.mark.parametrize(("answer", "kept"), [("timeout_after_accepting", 1), ("timeout_before_accepting", 0)])
    async def test_time_out_before_or_after_accepting(self, world: World, answer: str, kept: int) -> None:
        await world.behave(answer=answer, answers=1)
        with pytest.raises(httpx.ReadTimeout):
            await world.gateway.post(
                "/messages",
                json=MESSAGE,
                headers={"Authorization": "Bearer the-api-key", "Idempotency-Key": "k-1"},
                timeout=0.3,
            )

        async def taken() -> bool:
            return bool((await world.counts())["messages"] == kept)

        await eventually(taken)

    async def test_malformed_answer_after_accepting(self, world: World) -> None:
        await world.behave(answer="malformed_after_accepting")
        answer = await world.send()
        assert answer.status_code == 202 and answer.text.startswith("<html>")
        assert (await world.counts())["messages"] == 1

    async def test_without_honoured_keys_a_repeat_is_a_second_message(self, world: World) -> None:
        await world.behave(honours_keys=False)
        first, second = (await world.send()).json(), (await world.send()).json()
        assert first["message_id"] != second["message_id"]
        counts = await world.counts()
        assert (counts["messages"], counts["distinct_keys"]) == (2, 1)

    async def test_a_misspelt_behaviour_is_refused(self, world: World) -> None:
        answer = await world.gateway.post("/behaviour", json={"recepts": "never"})
        assert answer.status_code == 422


class TestPage:
    async def test_shows_newest_first_and_escapes_what_a_message_says(self, world: World) -> None:
        await world.send("a", text="the first one")
        await world.send("b", text="<script>alert(1)</script>")
        page = await world.gateway.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert "&lt;script&gt;alert(1)" in page.text and "<script>" not in page.text
        assert page.text.index("&lt;script&gt;") < page.text.index("the first one")
        assert "default-src 'none'" in page.headers["content-security-policy"]

    async def test_filters_by_phone_and_status(self, world: World) -> None:
        await world.behave(fail_suffixes=["99"])
        await world.send("a", to="+6281200000099", text="to ninety-nine")
        await world.send("b", text="to eleven")
        await world.acknowledged(2)
        by_phone = (await world.gateway.get("/", params={"to": "0011"})).text
        assert "to eleven" in by_phone and "to ninety-nine" not in by_phone
        by_status = (await world.gateway.get("/", params={"status": "failed"})).text
        assert "to ninety-nine" in by_status and "to eleven" not in by_status
        assert "No message matches" in (await world.gateway.get("/?to=nobody")).text

    async def test_refreshes_itself_unless_told_not_to(self, world: World) -> None:
        assert 'http-equiv="refresh"' in (await world.gateway.get("/")).text
        assert 'http-equiv="refresh"' not in (await world.gateway.get("/?refresh=0")).text

    async def test_is_in_pages_of_fifty(self, world: World) -> None:
        for n in range(51):
            await world.send(f"k-{n}", text=f"number {n}.")
        page = (await world.gateway.get("/")).text
        assert "number 50." in page and "number 0." not in page and "1 to 50 of 51" in page
        assert "number 0." in (await world.gateway.get("/?offset=50")).text


async def test_messages_are_filtered_by_reference_and_key(world: World) -> None:
    await world.send("a", reference="n-1")
    await world.send("b", reference="n-2")
    found = (await world.gateway.get("/messages?reference=n-2")).json()
    assert (found["matching"], found["messages"][0]["idempotency_key"]) == (1, "b")
    assert (await world.gateway.get("/messages?idempotency_key=a")).json()["matching"] == 1
    assert (await world.gateway.get("/messages/none")).status_code == 404


def test_a_webhook_without_a_secret_is_refused(tmp_path: Path) -> None:
    values = variables(tmp_path, WEBHOOK_URL="http://127.0.0.1:9", WEBHOOK_SECRET="")
    with pytest.raises(SettingError, match="WEBHOOK_SECRET is not set"):
        compose(Environment(values))


def test_a_stop_does_not_wait_for_a_time_out_on_request(tmp_path: Path) -> None:
    with process("gateway", variables(tmp_path)) as (started, address):
        httpx.post(f"{address}/behaviour", json={"answer": "timeout_after_accepting", "timeout_s": 600}, timeout=60)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                f"{address}/messages",
                json=MESSAGE,
                headers={"Authorization": "Bearer the-api-key", "Idempotency-Key": "k-1"},
                timeout=0.3,
            )
        started.terminate()
        assert started.wait(timeout=60) == 0
