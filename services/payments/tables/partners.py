"""The partners, and the acquirers among them. Plumbing: their secrets and ours, tokens, X-EXTERNAL-IDs, inquiries."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.payments.tables.base import INSTANT, metadata

partners = sa.Table(
    "partners",
    metadata,
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("client_key", sa.Text, nullable=False),
    sa.Column("partner_ids", JSONB, nullable=False),
    sa.Column("va_prefixes", JSONB, nullable=False),
    sa.Column("public_keys", JSONB, nullable=False),
    sa.Column("signature_mode", sa.Text, nullable=False),
    sa.Column("repeat_profile", sa.Text, nullable=False),
    sa.Column("strictness", JSONB, nullable=False),
    sa.Column("disabled_for", sa.Text, comment="null while it may call"),
    sa.Column("first_key_until", INSTANT, comment="wall time; null while the first of two keys does not die"),
    sa.Column("agreed", JSONB, nullable=False, comment="conditions by the WIB day from which they hold, oldest first"),
    sa.Index("partners_client_key", "client_key", unique=True),
    comment=(
        "PartnerEnabled, PartnerTermsChanged, PartnerConditionsAgreed, PartnerKeyRotated, PartnerSecretRotated (nothing"
        " of it), PartnerDisabled, PartnerReenabled"
    ),
)

partner_secrets = sa.Table(
    "partner_secrets",
    metadata,
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("secret_id", UUID, primary_key=True),
    sa.Column("secret", sa.LargeBinary, nullable=False, comment="encrypted; never shown again"),
    sa.Column("since", INSTANT, nullable=False),
    sa.Column("until", INSTANT, comment="wall time; null for the newest one, which does not die by itself"),
)

acquirers = sa.Table(
    "acquirers",
    metadata,
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("client_key", sa.Text, nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("channel_id", sa.Text, nullable=False),
    sa.Column("merchant_id", sa.Text, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column(
        "credentials", JSONB, nullable=False, comment="id, kind, use, public key and end of each, the oldest first"
    ),
    comment="AcquirerAgreed, AcquirerCredentialProposed, AcquirerCredentialActivated, AcquirerCredentialRetired",
)

acquirer_credentials = sa.Table(
    "acquirer_credentials",
    metadata,
    sa.Column("credential_id", UUID, primary_key=True),
    sa.Column(
        "sealed", sa.LargeBinary, nullable=False, comment="encrypted private key or client secret; never shown again"
    ),
    sa.Column("since", INSTANT, nullable=False, comment="wall time"),
    sa.Column("until", INSTANT, comment="wall time; null while nothing has taken its place"),
    comment="Plumbing: what our calls to acquirers are signed with",
)

snap_tokens = sa.Table(
    "snap_tokens",
    metadata,
    sa.Column("hash", sa.LargeBinary, primary_key=True, comment="SHA-256 of the token"),
    sa.Column("partner", sa.Text, nullable=False),
    sa.Column("expires_at", INSTANT, nullable=False, comment="wall time"),
    sa.Index("snap_tokens_old", "expires_at"),
)

external_ids = sa.Table(
    "external_ids",
    metadata,
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True, comment="WIB day of our receipt, by the wall clock"),
    sa.Column("external_id", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False, comment="keyed hash of the call: same content or other"),
    sa.Index("external_ids_old", "day"),
)

inquiries = sa.Table(
    "inquiries",
    metadata,
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("inquiry_request_id", sa.Text, primary_key=True),
    sa.Column(
        "target_id", UUID, nullable=False, comment="what the number stands for: a payer, a collective bill, an agent"
    ),
    sa.Column("bill_id", UUID, comment="null where any amount may be paid"),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("quoted_at", INSTANT, nullable=False, comment="business time"),
    sa.Column("asked_at", INSTANT, nullable=False, comment="wall time"),
    sa.Index("inquiries_of_target", "target_id"),
    sa.Index("inquiries_old", "asked_at"),
)
