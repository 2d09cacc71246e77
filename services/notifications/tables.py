"""State: whom we can tell (`recipients`) and every message with what became of it (`notifications`).

Plumbing: `attempts`, the calls to the provider. A call is written down before it is made, so one that was never
finished is recognised.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = sa.MetaData()
_INSTANT = sa.TIMESTAMP(timezone=True)

recipients = sa.Table(
    "recipients",
    metadata,
    sa.Column("participant_id", UUID, primary_key=True),
    sa.Column("contribution_code", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("name", sa.LargeBinary, comment="encrypted; null once the person is forgotten"),
    sa.Column("phone", sa.LargeBinary, comment="encrypted; null once the person is forgotten"),
    sa.Column("email", sa.LargeBinary, comment="encrypted"),
    sa.Column("branch_id", UUID),
    sa.Column("wadah_id", UUID),
    sa.Column("agent_id", UUID),
    comment="RecipientAdded, RecipientForgotten",
)

PERSONAL = ("name", "phone", "email")
"""The encrypted columns of `recipients`."""

notifications = sa.Table(
    "notifications",
    metadata,
    sa.Column("notification_id", UUID, primary_key=True, comment="drawn from cause, participant and channel"),
    sa.Column("participant_id", UUID, nullable=False),
    sa.Column("branch_id", UUID),
    sa.Column("wadah_id", UUID),
    sa.Column("agent_id", UUID),
    sa.Column("correlation_id", UUID, nullable=False),
    sa.Column("traceparent", sa.Text),
    sa.Column("queued_by", UUID, nullable=False, comment="event id of NotificationQueued"),
    sa.Column("cause", UUID, nullable=False, comment="event id of what the person is told about"),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("template_version", sa.Integer, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("values", JSONB, nullable=False, comment="what fills the template; no personal data"),
    sa.Column("not_after", _INSTANT, nullable=False, comment="business time; later it is not sent"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, comment="calls to the provider when its state last changed"),
    sa.Column("provider_message_id", sa.Text),
    sa.Column("reason", sa.Text, comment="why it failed"),
    sa.Column("queued_at", _INSTANT, nullable=False),
    sa.Column("sent_at", _INSTANT, comment="when we recorded that the provider accepted it"),
    sa.Column("delivered_at", _INSTANT, comment="by the provider's clock"),
    sa.Column("changed_at", _INSTANT, nullable=False),
    sa.Index("notifications_once", "cause", "participant_id", "channel", unique=True),
    sa.Index("notifications_of_participant", "participant_id", "notification_id"),
    sa.Index("notifications_to_send", "notification_id", postgresql_where=sa.text("state = 'QUEUED'")),
    comment="NotificationQueued, NotificationSent, NotificationDelivered, NotificationFailed, NotificationUnknown",
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("notification_id", UUID, primary_key=True),
    sa.Column("calls", sa.Integer, nullable=False, comment="number of the latest call; who holds it may settle it"),
    sa.Column("open", sa.Boolean, nullable=False, comment="the latest call has no recorded answer"),
    sa.Column("doubtful", sa.Boolean, nullable=False, comment="an earlier call may have been accepted"),
    sa.Column("free_at", _INSTANT, nullable=False, comment="wall time; nobody else may call before"),
    comment="Plumbing of sending: not state, not replayed",
)
