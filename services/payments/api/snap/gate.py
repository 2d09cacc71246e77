"""Who is calling, proved over the raw bytes: checks 2 to 6 of snap.md section 5, in that order.

Nothing of the body is parsed here, nothing is stored, and a refusal leaves no trace but its answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request

from chassis.clock import Clock
from chassis.http.rates import Rates
from contracts.events.contributions import SignatureMode
from services.payments.api.snap.source import Sources
from services.payments.domain.snap import codes, signing, values
from services.payments.registry import Known, Partners, Registry

_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_DIGITS = re.compile(r"[0-9]+")
_JSON = "application/json"
MANDATORY = ("Content-Type", "X-TIMESTAMP", "X-SIGNATURE", "X-PARTNER-ID", "X-EXTERNAL-ID", "CHANNEL-ID")
MANDATORY_FOR_TOKEN = ("Content-Type", "X-TIMESTAMP", "X-CLIENT-KEY", "X-SIGNATURE")
LENGTHS = {"X-PARTNER-ID": 36, "X-EXTERNAL-ID": 36, "CHANNEL-ID": 5, "X-CLIENT-KEY": 255}
RULES = {
    "Content-Type": "`application/json`",
    "X-TIMESTAMP": "`yyyy-MM-ddTHH:mm:ss+07:00`; `Z` and milliseconds are understood",
    "X-CLIENT-KEY": "as agreed",
    "X-SIGNATURE": "see below; a blank one is a failed one",
    "Authorization": "`Bearer` and the token; absent in asymmetric mode",
    "X-PARTNER-ID": "as agreed",
    "X-EXTERNAL-ID": "printable ASCII, once a day (digits only by agreement)",
    "CHANNEL-ID": "printable ASCII (a list by agreement)",
}
"""In words, for the published document."""


class Turned(Exception):
    """The call is not let in."""

    def __init__(self, case: codes.Case, partner: Known | None = None) -> None:
        super().__init__(case.message)
        self.case, self.partner = case, partner


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that its partner has signed. `content` is a keyed hash of what was called with which body."""

    partner: Known
    partners: Partners
    external_id: str
    content: bytes


class Gate:
    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        *,
        tolerance: timedelta,
        rates: Rates,
        sources: Sources,
        keyed_hash: Callable[[bytes], str],
    ) -> None:
        """`tolerance`: how far a timestamp may be from our wall clock; zero: any. `rates` of a partner's calls, proven ones alone.
        `keyed_hash`: of what was called; keyed, because a customer number may be a NIK, and a plain hash of a short number can be guessed.
        """
        self._registry, self._clock, self._tolerance, self._rates = registry, clock, tolerance, rates
        self._sources, self._keyed_hash = sources, keyed_hash

    async def admit(self, request: Request, raw: bytes) -> Admitted:
        """Raises Turned with the case of the first check that fails, or the database's errors."""
        _check_headers(request, MANDATORY)
        partner, token = await self._caller(request, raw)
        self._check_agreement(request, partner)
        if token is not None:
            self._check_signature(request, raw, partner, token)
        _check_version(request, partner)
        self._check_time(request, partner)
        self._check_rate(partner)
        external_id = request.headers["X-EXTERNAL-ID"]
        if partner.terms.strictness.numeric_external_ids and not _DIGITS.fullmatch(external_id):
            raise Turned(codes.INVALID_FORMAT.saying("X-EXTERNAL-ID"), partner)
        partners = await self._registry.partners()
        return Admitted(partner, partners, external_id, self._content(request, raw))

    async def client_of_token_request(self, request: Request) -> Known:
        """The client that signed this request for a token. Raises Turned; one wording whatever is wrong, but for the time of one that is right."""
        _check_headers(request, MANDATORY_FOR_TOKEN)
        client_key = request.headers["X-CLIENT-KEY"]
        partner = (await self._registry.partners()).by_client_key.get(client_key)
        signed = partner is not None and signing.is_token_request_signed(
            partner.keys_at(self._clock.wall()),
            request.headers["X-SIGNATURE"],
            client_key=client_key,
            timestamp=request.headers["X-TIMESTAMP"],
            hex_accepted=partner.terms.strictness.hex_signatures,
        )
        if partner is None or not signed or not partner.may_call_from(self._sources.of(request)):
            raise Turned(codes.UNAUTHORIZED.saying("Signature"))
        _check_version(request, partner)
        self._check_time(request, partner)
        self._check_rate(partner)
        return partner

    async def _caller(self, request: Request, raw: bytes) -> tuple[Known, str | None]:
        """Whose token it is; without one, the asymmetric partner of this id whose key made the signature."""
        partners = await self._registry.partners()
        partner_id = request.headers["X-PARTNER-ID"]
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return self._signer(partners, partner_id, request, raw), None
        known = None
        if scheme.lower() == "bearer" and token.strip():
            known = await self._registry.partner_of_token(token.strip(), self._clock.wall())
        if known is None:
            raise Turned(_unknown_token(partners, partner_id))
        if partner_id not in known.terms.partner_ids:
            raise Turned(codes.UNAUTHORIZED.saying("Unknown Client"), known)
        return known, token.strip()

    def _check_signature(self, request: Request, raw: bytes, partner: Known, token: str) -> None:
        if partner.terms.signature_mode is SignatureMode.ASYMMETRIC:
            signed = self._is_signed_with_key(partner, request, raw)
        else:
            signed = signing.is_signed_with_secret(
                partner.secrets_at(self._clock.wall()),
                request.headers["X-SIGNATURE"],
                method=request.method,
                path=called_path(request),
                token=token,
                body=raw,
                timestamp=request.headers["X-TIMESTAMP"],
                hex_accepted=partner.terms.strictness.hex_signatures,
            )
        if not signed:
            raise Turned(codes.UNAUTHORIZED.saying("Signature"), partner)

    def _signer(self, partners: Partners, partner_id: str, request: Request, raw: bytes) -> Known:
        """Of the asymmetric partners of this id the one whose key signed: the key is the proof, ids may coincide."""
        candidates = [
            known for known in partners.with_id(partner_id) if known.terms.signature_mode is SignatureMode.ASYMMETRIC
        ]
        if not candidates:
            raise Turned(_unknown_token(partners, partner_id))
        for known in candidates:
            if self._is_signed_with_key(known, request, raw):
                return known
        raise Turned(codes.UNAUTHORIZED.saying("Signature"), candidates[0])

    def _is_signed_with_key(self, partner: Known, request: Request, raw: bytes) -> bool:
        return signing.is_signed_with_key(
            partner.keys_at(self._clock.wall()),
            request.headers["X-SIGNATURE"],
            method=request.method,
            path=called_path(request),
            body=raw,
            timestamp=request.headers["X-TIMESTAMP"],
            hex_accepted=partner.terms.strictness.hex_signatures,
        )

    def _check_agreement(self, request: Request, partner: Known) -> None:
        if not partner.may_call_from(self._sources.of(request)):
            raise Turned(codes.UNAUTHORIZED.saying("Unknown Client"), partner)
        channels = partner.terms.strictness.channel_ids
        if channels and request.headers["CHANNEL-ID"] not in channels:
            raise Turned(codes.UNAUTHORIZED.saying("Unknown Client"), partner)

    def _content(self, request: Request, raw: bytes) -> bytes:
        text = f"{request.method}:{called_path(request)}:".encode() + signing.minify(raw)
        return bytes.fromhex(self._keyed_hash(text))

    def _check_rate(self, partner: Known) -> None:
        if not self._rates.admits(partner.terms.partner):
            raise Turned(codes.TOO_MANY, partner)

    def _check_time(self, request: Request, partner: Known) -> None:
        """Of a call whose signature is right, so only its signer learns that his clock is what was wrong."""
        sent = values.instant(request.headers["X-TIMESTAMP"])
        assert sent is not None, "its form was checked"
        if self._tolerance and abs(self._clock.wall() - sent) > self._tolerance:
            raise Turned(codes.UNAUTHORIZED.saying(codes.STALE), partner)


def called_path(request: Request) -> str:
    """The path as called, prefix and query string included: what is signed."""
    path: bytes = request.scope.get("raw_path") or request.url.path.encode()
    query: bytes = request.scope["query_string"]
    return (path.partition(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1")


def _check_headers(request: Request, mandatory: tuple[str, ...]) -> None:
    """First what is missing, then what is malformed. A blank signature is a failed one, not a missing one."""
    for name in mandatory:
        value = request.headers.get(name)
        if value is None or (not value.strip() and name != "X-SIGNATURE"):
            raise Turned(codes.MANDATORY_MISSING.saying(name))
    for name in mandatory:
        if not _is_well_formed(name, request.headers[name]):
            raise Turned(codes.INVALID_FORMAT.saying(name))


def _is_well_formed(name: str, value: str) -> bool:
    match name:
        case "Content-Type":
            return value.partition(";")[0].strip().lower() == _JSON
        case "X-TIMESTAMP":
            return values.instant(value) is not None
        case "X-SIGNATURE":
            return True
    return len(value) <= LENGTHS[name] and bool(_PRINTABLE.fullmatch(value))


def _check_version(request: Request, partner: Known) -> None:
    """The version in the path is one that was agreed."""
    version = request.scope["path"].split("/")[2]
    if version not in partner.terms.strictness.versions:
        raise Turned(codes.NOT_SUPPORTED, partner)


def _unknown_token(partners: Partners, partner_id: str) -> codes.Case:
    """401xx01, or 401xx03 where every partner of this id agreed on that."""
    named = partners.with_id(partner_id)
    by_agreement = bool(named) and all(known.terms.strictness.token_not_found for known in named)
    return codes.TOKEN_NOT_FOUND if by_agreement else codes.INVALID_TOKEN
