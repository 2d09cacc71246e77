"""The public keys of the token issuer: fetched once, fetched again for a key id not yet seen, and never more often
than every few seconds.
 A rotation is noticed by the first token under the new key; a withdrawn key is forgotten within `max_age_s`. While
the issuer is away the keys already known go on working."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final, Protocol

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from chassis.problems import UNAVAILABLE, Refusal, Rejected
from chassis.telemetry import log
from chassis.telemetry.names import KEY_SET_REFRESHED, KEY_SET_UNAVAILABLE

VerifyingKey = ECKey | RSAKey
ALGORITHMS: Final = ("ES256", "RS256")
_LARGEST_ANSWER: Final = 256 * 1024


class Keys(Protocol):
    async def find(self, kid: str) -> VerifyingKey | None:
        """The key of that id, None when the issuer has none such. Raises Refusal `unavailable` when that cannot be
        known now."""


class FixedKeys:
    """Keys known beforehand (tests, or a key set handed over as a file)."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = _by_id(keys)

    async def find(self, kid: str) -> VerifyingKey | None:
        return self._keys.get(kid)


class RemoteKeys:
    """The JWKS at `url`."""

    def __init__(self, url: str, *, max_age_s: float = 600, min_interval_s: float = 5, timeout_s: float = 3) -> None:
        self._url, self._max_age_s, self._min_interval_s, self._timeout_s = url, max_age_s, min_interval_s, timeout_s
        self._keys: dict[str, VerifyingKey] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def find(self, kid: str) -> VerifyingKey | None:
        """As Keys.find. One fetch at a time, however many requests ask."""
        if kid not in self._keys or self._age() > self._max_age_s:
            async with self._fetching:
                if kid not in self._keys or self._age() > self._max_age_s:
                    await self._refresh()
        found = self._keys.get(kid)
        if found is None and self._fetched_at < self._tried_at:
            raise Refusal(Rejected(UNAVAILABLE))  # the last fetch failed: the key may well exist
        return found

    def _age(self) -> float:
        return time.monotonic() - self._fetched_at

    async def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._tried_at < self._min_interval_s:
            return
        self._tried_at = now
        try:
            self._keys = _by_id(KeySet.import_key_set(await self._fetch()))
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError) as error:
            log.warning(KEY_SET_UNAVAILABLE, known=len(self._keys), reason=type(error).__name__)
            return
        self._fetched_at = self._tried_at
        log.info(KEY_SET_REFRESHED, known=len(self._keys))

    async def _fetch(self) -> Any:
        # addresses come from settings alone: no redirects, no proxy out of the environment
        async with httpx.AsyncClient(timeout=self._timeout_s, follow_redirects=False, trust_env=False) as client:
            answer = await client.get(self._url, headers={"Accept": "application/json"})
        answer.raise_for_status()
        if answer.status_code != 200 or len(answer.content) > _LARGEST_ANSWER:
            raise ValueError("not a key set")
        return answer.json()


def _by_id(keys: KeySet) -> dict[str, VerifyingKey]:
    return {key.kid: key for key in keys.keys if key.kid and isinstance(key, ECKey | RSAKey)}
