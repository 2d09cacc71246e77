"""The partners as a process knows them: cached, so a call of a bank costs no look-up of who it is.

A copy is at most `ttl_s` old by the wall clock; a change made in this process forgets it at once. A token is cached until it dies: its partner
is asked of the registry at every call, so disabling works through it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address, ip_network

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.privacy.vault import Vault
from services.payments.cached import Cached
from services.payments.commands.tokens import token_hash
from services.payments.domain.partners import Partner
from services.payments.domain.snap.codes import Service
from services.payments.domain.snap.fields import Field
from services.payments.domain.snap.signing import public_key
from services.payments.domain.snap.strict import rules_of
from services.payments.queries import agreed

MOST_TOKENS = 10_000

Read = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


@dataclass(frozen=True, slots=True)
class Secret:
    """A client secret and when it dies; None: not by itself."""

    text: str = field(repr=False)
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Known:
    """A partner with what proves who it is, and the rules its requests are read by. Keys and secrets die by the wall clock."""

    terms: Partner
    keys: Mapping[str, RSAPublicKey]
    """By PEM, as the terms name them."""
    secrets: tuple[Secret, ...]
    rules: Mapping[Service, Sequence[Field]]

    def keys_at(self, wall: datetime) -> tuple[RSAPublicKey, ...]:
        """The public keys that are live at this moment."""
        return tuple(self.keys[pem] for pem in self.terms.keys_at(wall))

    def secrets_at(self, wall: datetime) -> tuple[str, ...]:
        """The client secrets that are live at this moment."""
        return tuple(one.text for one in self.secrets if one.until is None or wall < one.until)

    def may_call_from(self, address: str | None) -> bool:
        """Whether this source address was agreed; any, where none was named."""
        networks = self.terms.strictness.source_networks
        if not networks:
            return True
        try:
            source = ip_address(address or "")
        except ValueError:
            return False
        return any(source in ip_network(network) for network in networks)


@dataclass(frozen=True, slots=True)
class Partners:
    """All enabled partners at one moment."""

    by_name: Mapping[str, Known]
    by_client_key: Mapping[str, Known]

    def with_id(self, partner_id: str) -> Collection[Known]:
        """Those whose X-PARTNER-ID this is."""
        return [known for known in self.by_name.values() if partner_id in known.terms.partner_ids]

    def somebody_has(self, prefix: str) -> bool:
        return any(prefix in known.terms.va_prefixes for known in self.by_name.values())


class Registry:
    def __init__(self, read: Read, vault: Vault, *, ttl_s: float) -> None:
        self._read, self._vault = read, vault
        self._partners = Cached(self._load, ttl_s=ttl_s)
        self._tokens: dict[bytes, tuple[str, datetime]] = {}

    def forget(self) -> None:
        """The next question reads the partners again."""
        self._partners.forget()

    async def partners(self) -> Partners:
        """The enabled partners, at most `ttl_s` old. Raises the database's errors."""
        return await self._partners.get()

    async def partner_of_token(self, token: str, wall: datetime) -> Known | None:
        """Whose live token this is; None for one that is unknown, dead, or of a disabled partner."""
        hashed = token_hash(token)
        found = self._tokens.get(hashed)
        if found is None:
            async with self._read() as conn:
                found = await agreed.token(conn, hashed)
            if found is None:
                return None
            self.remember(hashed, *found)
        name, expires_at = found
        if wall >= expires_at:
            self._tokens.pop(hashed, None)
            return None
        return (await self.partners()).by_name.get(name)

    def remember(self, hashed: bytes, partner: str, expires_at: datetime) -> None:
        """A token that is stored; the oldest is forgotten when there are too many."""
        if len(self._tokens) >= MOST_TOKENS:
            self._tokens.pop(next(iter(self._tokens)))
        self._tokens[hashed] = (partner, expires_at)

    async def _load(self) -> Partners:
        async with self._read() as conn:
            terms = await agreed.partners(conn)
            boxes = await agreed.partner_secrets(conn)
        secrets: dict[str, list[Secret]] = {}
        for box in boxes:
            secret = self._vault.open("partner_secrets", "secret", box["partner"], box["secret"], personal=False)
            secrets.setdefault(box["partner"], []).append(Secret(secret or "", box["until"]))
        known = [
            Known(
                partner,
                {pem: public_key(pem) for pem in partner.public_keys},
                tuple(secrets.get(partner.partner, ())),
                rules_of(partner.strictness),
            )
            for partner in terms.values()
            if partner.enabled
        ]
        return Partners({k.terms.partner: k for k in known}, {k.terms.client_key: k for k in known})
