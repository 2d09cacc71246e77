"""Topic `contributions`, stream `acquirers`: how we call a QRIS acquirer, and which of our keys and secrets do (snap.md sections 1 to 4 and 10)."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from contracts.event import Event
from contracts.values import Count, Instant, ShortText


class CredentialKind(StrEnum):
    """KEY: an RSA key pair of ours, which asks for tokens. SECRET: the client secret that signs our calls."""

    KEY = "KEY"
    SECRET = "SECRET"  # noqa: S105  (the name of a kind)


class AcquirerAgreed(Event, stream="acquirers"):
    """Whole terms of our calls, as they are from now on; keys and secrets stay.

    `url`: everything before `/access-token/b2b`, version included. `client_key`, `partner_id`, `channel_id` and `merchant_id` are what it
    knows us by. `rank`: of several acquirers the lowest is asked where nobody says which.
    """

    partner: ShortText
    url: ShortText
    client_key: ShortText
    partner_id: ShortText
    channel_id: ShortText
    merchant_id: ShortText
    rank: Count


class AcquirerCredentialProposed(Event, stream="acquirers"):
    """It lies sealed beside the log and signs nothing yet. `public_key` of a KEY, PEM: what the acquirer must know first."""

    partner: ShortText
    credential_id: UUID
    kind: CredentialKind
    public_key: str | None = None


class AcquirerCredentialActivated(Event, stream="acquirers"):
    """From now on it signs. `old_until`: up to when (wall time) the one before is tried where this one is refused; None: it is gone."""

    partner: ShortText
    credential_id: UUID
    old_until: Instant | None = None


class AcquirerCredentialRetired(Event, stream="acquirers"):
    """One that did not sign any more, or never did, is gone before its time."""

    partner: ShortText
    credential_id: UUID


EVENTS: tuple[type[Event], ...] = (
    AcquirerAgreed,
    AcquirerCredentialProposed,
    AcquirerCredentialActivated,
    AcquirerCredentialRetired,
)
