"""A SNAP call that passed its signature: what every use case of a bank is given, and the X-EXTERNAL-ID it uses up.

An X-EXTERNAL-ID holds for one partner and one WIB day of our wall clock. It is claimed in the transaction that answers the call, so of two
calls with one id only one ever counts as the first.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Meta, Tx
from contracts.events.contributions import RepeatProfile
from contracts.events.partners import Conditions
from contracts.values import WIB
from services.payments.domain.partners import UNCONDITIONAL
from services.payments.domain.snap import codes
from services.payments.domain.snap.requests import VirtualAccount
from services.payments.queries import deciding
from services.payments.queries.deciding import Seen
from services.payments.tables import external_ids

R = TypeVar("R", covariant=True)


@dataclass(frozen=True, slots=True)
class Call(Generic[R]):
    """`request` is what was read, or the case in which the reading ended. `content` is a keyed hash of what was signed.

    `conditions`: of a WIB day, as agreed with the partner.
    `nik_hash` stands for a customer number that may be a NIK; `received_at` is a business instant, `day` the WIB day of receipt.
    """

    partner: str
    request: R | codes.Case
    external_id: str
    content: bytes
    day: date
    profile: RepeatProfile
    received_at: datetime
    meta: Meta
    nik_hash: str | None = None
    conditions: Callable[[date], Conditions] = lambda _: UNCONDITIONAL

    def conditions_at(self, instant: datetime) -> Conditions:
        """What was agreed with the partner for the WIB day of this business instant."""
        return self.conditions(instant.astimezone(WIB).date())


class Calls:
    """What was seen before of the calls of one batch. Made after the payers were loaded; see `deciding.seen_before`."""

    def __init__(self, tx: Tx, seen: Seen) -> None:
        self._tx, self.seen = tx, seen
        self._known = frozenset(seen.external_ids)

    @classmethod
    async def load(cls, tx: Tx, calls: Sequence[tuple[Call[object], Iterable[str]]]) -> Calls:
        """`calls`: each with the payment and inquiry ids that it names."""
        keys = [
            (call.partner, reference, call.external_id, call.day)
            for call, references in calls
            for reference in (list(references) or [""])
        ]
        return cls(tx, await deciding.seen_before(tx.conn, keys))

    def conflict(self, call: Call[object]) -> bool:
        """Whether the X-EXTERNAL-ID was used today by another call; else this call has used it.

        Profile SPEC: every reuse is a conflict. Profile BCA: the same content may come again and is answered like the first.
        """
        key = (call.partner, call.external_id, call.day)
        before = self.seen.external_ids.get(key)
        if before is None:
            self.seen.external_ids[key] = call.content
            return False
        return call.profile is RepeatProfile.SPEC or not hmac.compare_digest(before, call.content)

    def claim(self) -> None:
        """Stores the ids that this batch used for the first time, with its transaction."""
        new = [
            {"partner": partner, "day": day, "external_id": external_id, "content": content}
            for (partner, external_id, day), content in self.seen.external_ids.items()
            if (partner, external_id, day) not in self._known
        ]

        async def store(conn: AsyncConnection) -> None:
            await rows.insert(conn, external_ids, new)

        if new:
            self._tx.defer(store)


def numbers(calls: Iterable[tuple[Call[object], VirtualAccount]]) -> tuple[set[str], set[str]]:
    """The customer numbers and keyed hashes to look payers up by."""
    pairs = list(calls)
    return (
        {account.customer_no for _, account in pairs},
        {call.nik_hash for call, _ in pairs if call.nik_hash is not None},
    )
