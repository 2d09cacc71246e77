"""A service as its process serves it: every route, hidden ones included, on a real database, without sockets."""

from __future__ import annotations

import base64
import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount

from chassis.operations import LARGEST_QUESTION
from chassis.process import Process
from chassis.service import Service
from services.audit.app import SERVICE as AUDIT
from services.notifications.app import SERVICE as NOTIFICATIONS
from services.payments.api.collective import LARGEST_LIST
from services.payments.app import SERVICE as PAYMENTS
from services.registration.app import SERVICE as REGISTRATION
from tests.faults.threats.examples import ACQUIRER
from tests.integration.payments.acquirer import Books, acquirer, agree
from tests.integration.payments.bank import Bank
from tests.support.service import Harness, harness
from tests.support.stack import Stack

SERVICES: Mapping[str, Service] = {service.name: service for service in (REGISTRATION, PAYMENTS, NOTIFICATIONS, AUDIT)}
GATEWAY_SECRET = "webhook-secret-of-the-tests"
_MORE: Mapping[str, Mapping[str, Any]] = {
    "notifications": {
        "gateway_url": "http://127.0.0.1:1",
        "gateway_api_key": "gateway-key-of-the-tests",
        "gateway_webhook_secret": GATEWAY_SECRET,
    },
    "audit": {"audit_signing_key": base64.b64encode(bytes(32)).decode(), "audit_folder": Path("no-such-folder")},
}
ROLES = ("agent", "coordinator", "officer", "checker", "participant", "central", "auditor", "operator", "service")
OWN_LIMITS: Mapping[str, int] = {"POST /collective-bills": LARGEST_LIST, "POST /ops/as-of": LARGEST_QUESTION}
"""Doors whose bodies may be larger than any other's, with the bytes they may have."""
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@asynccontextmanager
async def served(name: str, stack: Stack, **settings: Any) -> AsyncIterator[Harness]:
    """A harness whose `asgi` and `client` are those of the real process; only the issuer's keys are the tests'.

    Callers may ask as fast as the machine can, unless `settings` say otherwise: a sweep on a fast one is above any agreed rate.
    """
    free = {"http_max_per_caller_s": 0}
    async with _outside(name) as (known, books), harness(SERVICES[name], stack, **{**free, **known, **settings}) as h:
        if books is not None:
            await Bank(h, ACQUIRER, "9399", "client-made", "m-secret-of-the-tests-0001", "93999").enable()
            await agree(h, books.url, ACQUIRER)
        verifier = h.asgi.state.verifier
        await h.client.aclose()
        h.asgi = Process(h.app).asgi()
        h.asgi.state.verifier = verifier
        h.client = client_of(h.asgi)
        yield h


@asynccontextmanager
async def _outside(name: str) -> AsyncIterator[tuple[Mapping[str, Any], Books | None]]:
    """What the service is told of parties outside; payments has an acquirer that makes QR codes."""
    if name != "payments":
        yield _MORE.get(name, {}), None
        return
    async with acquirer() as (books, settings):
        yield settings, books


def client_of(asgi: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=asgi, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://service")


def described(asgi: FastAPI) -> set[str]:
    """ "METHOD /path" of every operation in the service's OpenAPI."""
    paths: Mapping[str, Mapping[str, Any]] = asgi.openapi()["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


def routed(asgi: FastAPI) -> set[str]:
    """ "METHOD /path" of everything the router would answer; "* /path" where it is every method."""
    return {operation for route in asgi.routes for operation in _operations(route)}


def _operations(route: BaseRoute) -> Iterator[str]:
    inner = getattr(route, "original_router", None)
    if inner is not None:
        assert not getattr(route.include_context, "prefix", ""), "routers are included without a prefix"  # type: ignore[attr-defined]
        for one in inner.routes:
            yield from _operations(one)
        return
    path: str = route.path  # type: ignore[attr-defined]
    if isinstance(route, Mount):
        yield f"GET {path}"
        return
    methods = {m for m in route.methods if m in _METHODS}  # type: ignore[attr-defined]
    if methods == {*_METHODS}:
        yield f"* {path}"
        return
    for method in methods:
        yield f"{method} {path.replace(':path}', '}')}"


@cache
def table() -> Mapping[str, Any]:
    """roles.toml."""
    return tomllib.loads((Path(__file__).parent / "roles.toml").read_text(encoding="utf-8"))


def roles_of(service: str) -> Mapping[str, frozenset[str]]:
    """Operation → the roles that may call it, of one service."""
    found: Mapping[str, list[str]] = {**table()[service], **table()["every"]}
    return {operation: frozenset(roles) for operation, roles in found.items()}


def signed(service: str) -> set[str]:
    """Operations whose callers prove themselves without a token of the issuer."""
    return set(table()["signed"].get(service, ()))


def open_to_all(service: str) -> set[str]:
    return {*table()["open"]["every"], *table()["open"].get(service, ())}
