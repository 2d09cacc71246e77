"""The edge of a service, asked as a caller would."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request, UploadFile
from pydantic import BaseModel, Field

from chassis.database import Unavailable
from chassis.http import Principal, accepts, allow, body, body_limit, correlation_id, problems
from chassis.http.app import create_app
from chassis.http.limits import Limits
from chassis.problems import NOT_FOUND, Refusal, Rejected
from chassis.telemetry import current_traceparent
from tests.support.clock import FakeClock
from tests.support.tokens import TokenIssuer

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Order(BaseModel):
    name: Annotated[str, Field(max_length=50)]
    count: int


Page = Annotated[int, Query(alias="halaman")]


class Site:
    """One application with a route for every way to answer."""

    def __init__(self) -> None:
        self.issuer = TokenIssuer(FakeClock())
        self.held = asyncio.Event()
        self.release = asyncio.Event()
        self.trouble: str | None = None
        self.app = create_app(
            "shop",
            routers=[self._router()],
            verifier=self.issuer.verifier,
            checks={"database": self._check},
            limits=Limits(max_body_bytes=1000, max_concurrent=2, body_timeout_s=0.2),
        )

    async def _check(self) -> str | None:
        if self.trouble == "hangs":
            await asyncio.Event().wait()
        if self.trouble == "breaks":
            raise RuntimeError("host db.internal is down")
        return self.trouble

    def _router(self) -> APIRouter:
        router = APIRouter()

        @router.post("/orders", openapi_extra=accepts(Order), responses=problems(NOT_FOUND))
        async def order(request: Request) -> dict[str, Any]:
            found = await body(request, Order)
            return {"count": found.count, "correlation": str(correlation_id(request)), "trace": current_traceparent()}

        @router.post("/bound")
        async def bound(order: Order) -> int:
            return order.count

        @router.post("/uploads")
        @body_limit(5000)
        async def upload(file: UploadFile) -> int:
            return len(await file.read())

        @router.get("/orders/{order_id}")
        async def one(order_id: UUID, page: int = 1) -> None:
            raise Refusal(Rejected(NOT_FOUND))

        @router.get("/mine")
        async def mine(principal: Annotated[Principal, Depends(allow("agent", "officer"))], page: Page = 1) -> str:
            return principal.subject

        @router.get("/broken")
        async def broken() -> None:
            raise KeyError("siti rahayu 3671015501900001")

        @router.get("/away")
        async def away() -> None:
            raise Unavailable("the database at 10.0.0.1 is out of reach")

        @router.get("/refused-by-network")
        async def refused_by_network() -> None:
            raise ConnectionRefusedError("10.0.0.1:5432")

        @router.get("/hold")
        async def hold() -> None:
            self.held.set()
            await self.release.wait()

        return router


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(site.app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    told: dict[str, Any] = answer.json()
    assert (told["code"], told["status"]) == (code, status)
    assert told["type"] == f"urn:perisai:problem:{code}"
    assert told["detail"] == told["messages"]["id"]
    assert told["messages"]["en"]
    return told


class TestBody:
    async def test_valid_body_reaches_the_route(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/orders", json={"name": "Siti Rahayu", "count": 3})
        assert (answer.status_code, answer.json()["count"]) == (200, 3)

    async def test_other_media_type_is_refused(self, client: httpx.AsyncClient) -> None:
        problem(await client.post("/orders", content=b"name=x"), 415, "unsupported_media_type")

    async def test_announced_body_over_the_limit_is_refused_unread(self, client: httpx.AsyncClient) -> None:
        read = []

        async def parts() -> AsyncIterator[bytes]:
            read.append(1)
            yield b" "

        headers = {"content-type": "application/json", "content-length": "1001"}
        answer = await client.post("/orders", content=parts(), headers=headers)
        assert "1000" in problem(answer, 413, "too_large")["messages"]["en"]
        assert answer.headers["connection"] == "close"
        assert not read

    async def test_streamed_body_over_the_limit_is_refused(self, client: httpx.AsyncClient) -> None:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield b" " * 100

        headers = {"content-type": "application/json"}
        problem(await client.post("/orders", content=parts(), headers=headers), 413, "too_large")

    @pytest.mark.parametrize("path", ["/orders", "/bound"])
    async def test_body_that_trickles_in_is_given_up(self, client: httpx.AsyncClient, path: str) -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

        headers = {"content-type": "application/json"}
        problem(await client.post(path, content=parts(), headers=headers), 408, "timeout")

    async def test_route_with_its_own_limit_takes_larger_bodies(self, client: httpx.AsyncClient) -> None:
        assert (await client.post("/uploads", files={"file": b"x" * 4000})).json() == 4000
        problem(await client.post("/uploads", files={"file": b"x" * 6000}), 413, "too_large")

    async def test_bound_body_over_the_limit_is_refused_too(self, client: httpx.AsyncClient) -> None:
        problem(await client.post("/bound", json={"name": "x" * 2000, "count": 1}), 413, "too_large")

    async def test_bound_body_names_every_bad_field(self, client: httpx.AsyncClient) -> None:
        told = problem(await client.post("/bound", json={"count": "x"}), 422, "invalid")
        assert [fault["field"] for fault in told["errors"]] == ["name", "count"]
        problem(
            await client.post("/bound", content=b"{", headers={"content-type": "application/json"}), 400, "malformed"
        )


class TestRefusals:
    async def test_refusal_is_a_problem(self, client: httpx.AsyncClient) -> None:
        problem(await client.get(f"/orders/{uuid4()}"), 404, "not_found")

    async def test_path_that_names_nothing_looks_like_an_unknown_thing(self, client: httpx.AsyncClient) -> None:
        strange, unknown = await client.get("/orders/1%27--"), await client.get(f"/orders/{uuid4()}")
        assert strange.json() == unknown.json()

    async def test_bad_query_is_named(self, client: httpx.AsyncClient) -> None:
        told = problem(await client.get(f"/orders/{uuid4()}?page=x"), 422, "invalid")
        assert told["field"] == "query.page"

    async def test_what_no_route_declares_in_a_query_is_named_in_both_languages(
        self, site: Site, client: httpx.AsyncClient
    ) -> None:
        """To whoever may ask; the others learn nothing of the route."""
        agent = {"Authorization": f"Bearer {site.issuer.token(roles=['agent'])}"}
        assert (await client.get("/mine?halaman=2", headers=agent)).status_code == 200
        told = problem(await client.get("/mine?page=2&halaman=2&%0Ax&page=3", headers=agent), 422, "invalid")
        assert [(one["field"], one["code"]) for one in told["errors"]] == [
            ("query.page", "unknown_field"),
            ("query.\ufffdx", "unknown_field"),
        ]
        assert all(one["messages"]["id"] and one["messages"]["en"] for one in told["errors"])
        problem(await client.get("/mine?page=2"), 401, "unauthorized")
        operator = {"Authorization": f"Bearer {site.issuer.token(roles=['operator'])}"}
        problem(await client.get("/mine?page=2", headers=operator), 403, "forbidden")

    @pytest.mark.parametrize("path", ["/orders/%00", "/mine?x=%00"])
    async def test_nul_in_an_address_is_refused(self, client: httpx.AsyncClient, path: str) -> None:
        problem(await client.get(path), 400, "bad_request")

    async def test_unknown_path_and_wrong_method(self, client: httpx.AsyncClient) -> None:
        problem(await client.get("/nowhere"), 404, "not_found")
        problem(await client.delete("/orders"), 405, "method_not_allowed")

    async def test_unexpected_exception_says_nothing_of_itself(self, client: httpx.AsyncClient, capfd: Any) -> None:
        answer = await client.get("/broken")
        problem(answer, 500, "internal")
        assert "siti" not in answer.text
        assert answer.headers["x-correlation-id"]

    @pytest.mark.parametrize("path", ["/away", "/refused-by-network"])
    async def test_outage_is_unavailable_with_retry_after(self, client: httpx.AsyncClient, path: str) -> None:
        answer = await client.get(path)
        problem(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        assert "10.0.0.1" not in answer.text


class TestTrail:
    async def test_callers_correlation_id_is_kept(self, client: httpx.AsyncClient) -> None:
        mine = str(uuid4())
        answer = await client.post("/orders", json={"name": "x", "count": 1}, headers={"X-Correlation-Id": mine})
        assert answer.headers["x-correlation-id"] == answer.json()["correlation"] == mine

    @pytest.mark.parametrize("strange", ["", "abc", "0" * 500])
    async def test_strange_correlation_id_is_replaced(self, client: httpx.AsyncClient, strange: str) -> None:
        answer = await client.post("/orders", json={"name": "x", "count": 1}, headers={"X-Correlation-Id": strange})
        assert UUID(answer.headers["x-correlation-id"]).version == 7

    async def test_traceparent_is_carried_into_the_route(self, client: httpx.AsyncClient) -> None:
        order = {"name": "x", "count": 1}
        assert (await client.post("/orders", json=order, headers={"traceparent": TRACEPARENT})).json()[
            "trace"
        ] == TRACEPARENT
        assert (await client.post("/orders", json=order, headers={"traceparent": "00-x"})).json()["trace"] is None

    async def test_requests_are_measured_by_route_template(self, client: httpx.AsyncClient) -> None:
        thing = uuid4()
        await client.get(f"/orders/{thing}")
        told = (await client.get("/metrics")).text
        assert 'perisai_http_requests_total{method="GET",route="/orders/{order_id}",status="404"}' in told
        assert str(thing) not in told

    async def test_answers_are_never_cached_or_sniffed(self, client: httpx.AsyncClient) -> None:
        headers = (await client.get("/nowhere")).headers
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


class TestLoad:
    async def test_too_many_at_once_are_told_to_come_back_while_probes_answer(
        self, site: Site, client: httpx.AsyncClient
    ) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.get("/hold"))
            tasks.create_task(client.get("/hold"))
            await site.held.wait()
            answer = await client.get("/hold")
            probe = await client.get("/health/live")
            site.release.set()
        problem(answer, 429, "overloaded")
        assert answer.headers["retry-after"] == "1"
        assert probe.status_code == 200
        assert (await client.get("/hold")).status_code == 200


class TestHealth:
    async def test_ready_when_every_check_is_well(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()) == (200, {"status": "ready", "checks": {"database": "ok"}})

    @pytest.mark.parametrize(
        ("trouble", "told"),
        [
            ("no connection", "no connection"),
            ("breaks", "RuntimeError"),
            ("hangs", "no answer within 2 s"),
        ],
    )
    async def test_not_ready_says_which_check_and_why(
        self, site: Site, client: httpx.AsyncClient, trouble: str, told: str
    ) -> None:
        site.trouble = trouble
        answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()) == (503, {"status": "not_ready", "checks": {"database": told}})
        assert (await client.get("/health/live")).status_code == 200


class TestDocuments:
    async def test_openapi_describes_raw_bodies_problems_and_the_token(self, client: httpx.AsyncClient) -> None:
        document = (await client.get("/openapi.json")).json()
        order = document["paths"]["/orders"]["post"]
        schema = order["requestBody"]["content"]["application/json"]["schema"]
        assert schema["properties"]["name"]["maxLength"] == 50
        assert "not_found" in order["responses"]["404"]["content"]["application/problem+json"]["examples"]
        assert document["paths"]["/mine"]["get"]["security"] == [{"HTTPBearer": []}]
        assert {"Problem", "Messages"} <= document["components"]["schemas"].keys()

    async def test_documentation_needs_no_network(self, client: httpx.AsyncClient) -> None:
        page = (await client.get("/docs")).text
        addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert addresses
        for address in addresses:
            assert address.startswith("/docs/assets/")
            assert (await client.get(address)).status_code == 200

    async def test_events_are_documented_too(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/asyncapi")).json()["asyncapi"] == "3.0.0"

    async def test_every_reference_of_the_openapi_document_resolves(self, site: Site) -> None:
        document = site.app.openapi()
        text = json.dumps(document)
        names = [part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]]
        assert names
        assert set(names) <= document["components"]["schemas"].keys()


def test_app_is_a_fastapi_application(site: Site) -> None:
    assert isinstance(site.app, FastAPI)
