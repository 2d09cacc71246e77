"""The acquirers as a process knows them: the terms of our calls, and the keys and secrets that sign them, opened from their sealed rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from chassis.clock import Clock
from chassis.privacy.vault import Vault
from contracts.events.acquirers import CredentialKind
from services.payments.cached import Cached
from services.payments.domain.acquirers import Acquirer
from services.payments.domain.snap.signing import private_key
from services.payments.queries import agreed
from services.payments.registry import Read

SEALED = ("acquirer_credentials", "sealed")


@dataclass(frozen=True, slots=True)
class KnownAcquirer:
    """What signs at this moment, in the order in which it is tried: the active one, then the one before it."""

    terms: Acquirer
    keys: tuple[RSAPrivateKey, ...] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Kept:
    terms: Acquirer
    enabled: bool


@dataclass(frozen=True, slots=True)
class _Copy:
    """All acquirers at one moment, and what their credentials hold."""

    acquirers: Mapping[str, _Kept]
    keys: Mapping[UUID, RSAPrivateKey] = field(repr=False)
    secrets: Mapping[UUID, str] = field(repr=False)


class AcquirerRegistry:
    def __init__(self, read: Read, vault: Vault, clock: Clock, *, ttl_s: float) -> None:
        self._read, self._vault, self._clock = read, vault, clock
        self._copy = Cached(self._load, ttl_s=ttl_s)
        self._opened: dict[UUID, RSAPrivateKey | str] = {}
        self.forget = self._copy.forget

    async def of(self, partner: str) -> KnownAcquirer | None:
        """How this one is called; None while its partner is disabled, or while no key or no secret of it signs."""
        copy = await self._copy.get()
        kept = copy.acquirers.get(partner)
        return None if kept is None else self._signing(copy, kept)

    async def offered(self, wanted: str | None) -> str | None:
        """Who makes a code: the wanted one, else of those that can be called the lowest rank, then name; None where there is none."""
        copy = await self._copy.get()
        able = [kept.terms for kept in copy.acquirers.values() if self._signing(copy, kept) is not None]
        names = [one.partner for one in sorted(able, key=lambda one: (one.rank, one.partner))]
        return next((name for name in names if wanted in (None, name)), None)

    async def partners(self) -> frozenset[str]:
        """With whom anything was ever agreed, also those that cannot be called now."""
        return frozenset((await self._copy.get()).acquirers)

    def _signing(self, copy: _Copy, kept: _Kept) -> KnownAcquirer | None:
        terms, wall = kept.terms, self._clock.wall()
        # a credential may be gone of which the terms that were read a moment earlier still speak
        keys = [copy.keys[one] for one in terms.signing(CredentialKind.KEY, wall) if one in copy.keys]
        secrets = [copy.secrets[one] for one in terms.signing(CredentialKind.SECRET, wall) if one in copy.secrets]
        return KnownAcquirer(terms, tuple(keys), tuple(secrets)) if kept.enabled and keys and secrets else None

    async def _load(self) -> _Copy:
        async with self._read() as conn:
            acquirers = await agreed.acquirers(conn)
            if not acquirers:
                return _Copy({}, {}, {})
            partners, boxes = await agreed.partners(conn), await agreed.acquirer_credentials(conn)
        kept = {name: _Kept(terms, partners[name].enabled) for name, terms in acquirers.items()}
        kinds = {one.credential_id: one.kind for terms in acquirers.values() for one in terms.credentials}
        # what a credential holds never changes: it is opened once, and forgotten with its row
        texts = {
            one: self._vault.open(*SEALED, one, box, personal=False) or ""
            for one, box in boxes.items()
            if one not in self._opened
        }
        new = {one: _opened(kinds[one], text) for one, text in texts.items() if one in kinds}
        self._opened = {one: found for one, found in {**self._opened, **new}.items() if one in boxes}
        return _Copy(
            kept,
            {one: found for one, found in self._opened.items() if isinstance(found, RSAPrivateKey)},
            {one: found for one, found in self._opened.items() if isinstance(found, str)},
        )


def _opened(kind: CredentialKind, text: str) -> RSAPrivateKey | str:
    return private_key(text) if kind is CredentialKind.KEY else text
