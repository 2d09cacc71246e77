"""The doors of banks. Every call is answered in SNAP's form, within the budget, and a success only after the commit.

The budget ends the waiting, never the posting: what commits afterwards is found by the repeat and by status.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

import prometheus_client
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from chassis import faults
from chassis.database import Unavailable, is_outage
from chassis.door import Door
from chassis.http import Principal, correlation_id, direct, shown_to
from chassis.http.rates import Rates
from chassis.privacy.looks import own_work
from chassis.problems import NOT_RECORDED, OVERLOADED, Refusal, Rejected
from chassis.service import App, as_settings
from chassis.telemetry import current_traceparent, log
from chassis.transaction import Meta
from contracts.values import WIB
from services.payments import metrics
from services.payments.api.snap import answers
from services.payments.api.snap.gate import Admitted, Gate, Turned
from services.payments.api.snap.names import name_of
from services.payments.api.snap.source import Sources
from services.payments.commands.calls import Call
from services.payments.commands.inquire import Inquire, Quoted
from services.payments.commands.pay import Pay, Settled
from services.payments.commands.status import Found, tell_status
from services.payments.commands.targets import Target, title_of
from services.payments.commands.tokens import KeepToken, keep_tokens, token_hash
from services.payments.domain.snap import codes, requests, values
from services.payments.domain.snap.codes import Service
from services.payments.domain.snap.fields import Fields, Malformed, read
from services.payments.domain.snap.strict import VERSIONS
from services.payments.parameters import Parameters
from services.payments.registry import Known, Registry
from services.payments.settings import Settings

OPERATIONS = {
    "access-token/b2b": Service.TOKEN,
    "transfer-va/inquiry": Service.INQUIRY,
    "transfer-va/payment": Service.PAYMENT,
    "transfer-va/status": Service.STATUS,
}
PATHS = {f"/snap/{version}/{path}": service for version in VERSIONS for path, service in OPERATIONS.items()}
"""Of every version that can be agreed; which of them a partner may call is its terms' matter."""
SERVICES = dict(PATHS)
"""Whose code a path carries in a refusal; other doors that speak SNAP add theirs."""
TOKEN_BYTES = 32
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_PARTNER = frozenset({"partner"})
_NIK = re.compile(r"[0-9]{16}")
Answer = tuple[codes.Case, answers.Body]
_READERS: dict[Service, Callable[[Fields], Any]] = {
    Service.INQUIRY: requests.inquiry,
    Service.PAYMENT: requests.payment,
    Service.STATUS: requests.status_question,
}


@dataclass(slots=True)
class Exchange:
    """One call while it is being answered: what is known of it so far. Holds personal data; never logged."""

    service: Service
    request: Request
    partner: Known | None = None
    echo: requests.Echo = field(default_factory=requests.Echo)
    found: Fields | None = None


class Counter:
    """Answers the four services."""

    def __init__(self, app: App, registry: Registry, parameters: Parameters) -> None:
        settings = as_settings(app, Settings)
        self._clock, self._vault, self._registry = app.clock, app.vault, registry
        self._budget_s, self._token_life_s = settings.answer_budget_s, settings.token_life_s
        self._gate = Gate(
            registry,
            app.clock,
            tolerance=timedelta(seconds=settings.timestamp_tolerance_s),
            rates=Rates(settings.snap_max_per_partner_s),
            sources=Sources(settings.trusted_proxies),
            keyed_hash=app.vault.keyed_hash,
        )
        self._tokens: Door[KeepToken, None] = app.door(keep_tokens)
        self._doors: dict[Service, Door[Call[Any], Any]] = {
            Service.INQUIRY: app.door(Inquire(settings.limits, parameters)),
            Service.PAYMENT: app.door(Pay(settings.limits, parameters)),
            Service.STATUS: app.door(tell_status),
        }

    async def answer(self, service: Service, request: Request) -> Response:
        """The answer to any call of this service; never raises."""
        exchange = Exchange(service, request)
        work = self._issue_token if service is Service.TOKEN else self._serve
        return self._respond(exchange, *await self._within_budget(exchange, work))

    async def _within_budget(
        self, exchange: Exchange, work: Callable[[Exchange, asyncio.Timeout], Awaitable[Answer]]
    ) -> Answer:
        try:
            async with asyncio.timeout(self._budget_s) as budget:
                return await work(exchange, budget)
        except Turned as turned:
            exchange.partner = exchange.partner or turned.partner
            case = turned.case
        except HTTPException:
            case = codes.BAD_REQUEST  # the body is too large, or did not arrive in time
        except TimeoutError:
            log.error("snap_timeout", service=exchange.service, runbook="docs/operations.md#snap")
            case = codes.TIMEOUT
        except Refusal:
            case = codes.TOO_MANY
        except Exception as error:  # settles: the bank is answered, the operator is told
            case = codes.GENERAL_ERROR
            tell = log.warning if isinstance(error, Unavailable) or is_outage(error) else log.error
            tell("snap_failed", service=exchange.service, exc_info=error, runbook="docs/operations.md#snap")
        return case, self._refusal(exchange, case)

    def _refusal(self, exchange: Exchange, case: codes.Case) -> answers.Body:
        """A 401, a 405 and an answer about a token are bare; what the body says is echoed only to a partner that signed it."""
        if exchange.service is Service.TOKEN or case is codes.NOT_SUPPORTED:
            return answers.plain(exchange.service, case)
        if case.status == 401:
            partner = exchange.partner
            if partner is None or not partner.terms.strictness.detailed_401:
                return answers.plain(exchange.service, case)
        return answers.refused(exchange.service, case, exchange.echo)

    async def _serve(self, exchange: Exchange, budget: asyncio.Timeout) -> Answer:
        began = asyncio.get_running_loop().time()
        raw = await exchange.request.body()
        faults.point("W1", exchange.service)
        admitted = await self._gate.admit(exchange.request, raw)
        exchange.partner = admitted.partner
        shown_to(exchange.request, Principal(f"partner:{admitted.partner.terms.partner}", _PARTNER))
        if own := admitted.partner.terms.strictness.answer_budget_ms:
            budget.reschedule(began + min(own / 1_000, self._budget_s))
        call = self._read(exchange, admitted, raw)
        faults.point("W2", exchange.service)
        outcome = await self._doors[exchange.service].submit(call)
        faults.point("W4", exchange.service)
        return self._render(exchange, outcome)

    def _read(self, exchange: Exchange, admitted: Admitted, raw: bytes) -> Call[Any]:
        """The call for its use case. What is wrong with it is told only after its X-EXTERNAL-ID was judged."""
        terms, nik_hash = admitted.partner.terms, None
        request: Any
        try:
            exchange.echo = requests.Echo(read(raw))
            exchange.found = requests.checked(
                exchange.service,
                exchange.echo.fields,
                amount_digits=terms.strictness.amount_digits,
                rules=admitted.partner.rules[exchange.service],
            )
            request = _READERS[exchange.service](exchange.found)
            nik_hash = self._nik_hash(request.account.customer_no)
            request = _foreign(exchange.service, admitted, request.account.prefix) or request
        except Malformed as malformed:
            request = malformed.case
        received_at = self._clock.business()
        return Call(
            partner=terms.partner,
            request=request,
            external_id=admitted.external_id,
            content=admitted.content,
            day=self._clock.wall().astimezone(WIB).date(),
            profile=terms.repeat_profile,
            received_at=received_at,
            meta=Meta(
                actor=f"partner:{terms.partner}",
                correlation_id=correlation_id(exchange.request),
                traceparent=current_traceparent(),
            ),
            nik_hash=nik_hash,
            conditions=terms.conditions_on,
        )

    def _nik_hash(self, customer_no: str) -> str | None:
        """A number of 16 digits may be a NIK: it is looked up by its keyed hash, never stored or logged."""
        return self._vault.nik_hash(customer_no) if _NIK.fullmatch(customer_no) else None

    def _render(self, exchange: Exchange, outcome: Any) -> Answer:
        found = exchange.found or {}
        match outcome:
            case Quoted():
                assert exchange.partner is not None
                sub_company = exchange.partner.terms.strictness.sub_company
                body = answers.quoted(outcome.offer, self._name(outcome.kept), found, sub_company=sub_company)
                return codes.SUCCESS, body
            case Settled():
                with own_work():  # that this partner was told whose it is, the payment itself says
                    name, (title, heads) = self._name(outcome.kept), title_of(outcome.kept)
                body = answers.settled(outcome.case, outcome.posted, name, found, title=title, heads=heads)
                return outcome.case, body
            case Found():
                return codes.SUCCESS, answers.told(outcome.payments, outcome.asked, found)
        return outcome, self._refusal(exchange, outcome)

    def _name(self, target: Target) -> str | None:
        return name_of(target, self._vault)

    async def _issue_token(self, exchange: Exchange, _: asyncio.Timeout) -> Answer:
        raw = await exchange.request.body()
        partner = await self._gate.client_of_token_request(exchange.request)
        exchange.partner = partner
        try:
            requests.checked(Service.TOKEN, read(raw), amount_digits=0)
        except Malformed as malformed:
            raise Turned(malformed.case, partner) from None
        token = secrets.token_urlsafe(TOKEN_BYTES)
        expires_at = self._clock.wall() + timedelta(seconds=self._token_life_s)
        keep = KeepToken(partner.terms.partner, token_hash(token), expires_at)
        await self._tokens.submit(keep)
        self._registry.remember(keep.hash, keep.partner, keep.expires_at)
        body = answers.plain(Service.TOKEN, codes.SUCCESS)
        return codes.SUCCESS, body | {
            "accessToken": token,
            "tokenType": "Bearer",
            "expiresIn": str(self._token_life_s),
            "additionalInfo": {},
        }

    def _respond(self, exchange: Exchange, case: codes.Case, body: answers.Body) -> Response:
        partner = exchange.partner.terms.partner if exchange.partner else "unknown"
        _answers(partner, body["responseCode"]).inc()
        headers = {"X-TIMESTAMP": values.timestamp(self._clock.wall())}
        if exchange.service is Service.TOKEN and case.succeeded:
            headers["X-CLIENT-KEY"] = exchange.request.headers["X-CLIENT-KEY"]
        # ASCII escapes: an echoed text may hold what UTF-8 cannot
        return Response(json.dumps(body), case.status, headers, "application/json")

    def not_supported(self, request: Request) -> Response:
        """Wrong method, or a path that is no service of ours."""
        service = SERVICES.get(request.url.path, Service.UNKNOWN)
        body = answers.plain(service, codes.NOT_SUPPORTED)
        return self._respond(Exchange(service, request), codes.NOT_SUPPORTED, body)


@lru_cache(maxsize=1_024)
def _answers(partner: str, code: str) -> prometheus_client.Counter:
    """Looked up once: finding a child by its labels costs more than counting."""
    return metrics.SNAP_ANSWERS.labels(partner, code)


_AT_THE_EDGE = {OVERLOADED: codes.TOO_MANY, NOT_RECORDED: codes.GENERAL_ERROR}


def at_the_edge(path: str, rejected: Rejected) -> Response:
    """A call refused before it was looked at: too many at once, or an address that can name nothing. And one whose answer may not be given,
    because that it names somebody could not be recorded.
    """
    case = _AT_THE_EDGE.get(rejected.problem, codes.BAD_REQUEST)
    body = answers.plain(SERVICES.get(path, Service.UNKNOWN), case)
    return Response(json.dumps(body), case.status, media_type="application/json")


def _foreign(service: Service, admitted: Admitted, prefix: str) -> codes.Case | None:
    """A number of another partner is not found, never forbidden; a prefix that nobody has is told so."""
    if prefix in admitted.partner.terms.va_prefixes:
        return None
    if service is Service.STATUS:
        return codes.TRANSACTION_NOT_FOUND
    return codes.UNKNOWN_BILL if admitted.partners.somebody_has(prefix) else codes.PARTNER_NOT_FOUND


def router(app: App, registry: Registry, parameters: Parameters) -> APIRouter:
    """The routes; whoever calls proves itself as SNAP demands, not with a token of the issuer."""
    counter, routes = Counter(app, registry, parameters), APIRouter(tags=["snap"])
    for path, service in PATHS.items():
        routes.add_api_route(path, _route(counter, service), methods=["POST"], name=f"snap {service.name.lower()}")

    @routes.api_route("/snap/{rest:path}", methods=_METHODS, include_in_schema=False)
    async def not_supported(request: Request) -> Response:
        return counter.not_supported(request)

    return routes


def _route(counter: Counter, service: Service) -> Callable[[Request], Awaitable[Response]]:
    @direct
    async def answer(request: Request) -> Response:
        return await counter.answer(service, request)

    return answer
