"""The archive (`archive`, `shown`, `sightings`), the tree over it (`tiles`), and state, a fold of our own events: `checkpoints`.

What must never change is insert-only by grant: the service's own role can neither edit nor delete it.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

metadata = sa.MetaData()
_INSTANT = sa.TIMESTAMP(timezone=True)

archive = sa.Table(
    "archive",
    metadata,
    sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False, comment="its leaf in the tree, from 0"),
    sa.Column("event_id", UUID, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("rules", sa.Text, nullable=False),
    sa.Column("occurred_at", _INSTANT, nullable=False),
    sa.Column("recorded_at", _INSTANT, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("correlation_id", UUID, nullable=False),
    sa.Column("causation_id", UUID),
    sa.Column("branch_id", UUID),
    sa.Column("wadah_id", UUID),
    sa.Column("agent_id", UUID),
    sa.Column("participant_id", UUID),
    sa.Column(
        "leaf", sa.LargeBinary, comment="topic, key, value and headers byte for byte; null: it left for a cold month"
    ),
    sa.Column("bill_id", UUID),
    sa.UniqueConstraint("event_id", name="archive_event_id"),
    sa.Index("archive_key", "stream", "key", "seq"),
    sa.Index("archive_participant", "participant_id", "recorded_at", "place"),
    sa.Index("archive_agent", "agent_id", "recorded_at", "place"),
    sa.Index("archive_wadah", "wadah_id", "recorded_at", "place"),
    sa.Index("archive_branch", "branch_id", "recorded_at", "place"),
    sa.Index("archive_type", "type", "recorded_at", "place"),
    sa.Index("archive_actor", "actor", "recorded_at", "place"),
    sa.Index("archive_correlation", "correlation_id", "recorded_at", "place"),
    sa.Index("archive_bill", "bill_id", "recorded_at", "place", postgresql_where=sa.text("bill_id IS NOT NULL")),
    sa.Index("archive_recorded", sa.text("timezone('UTC', recorded_at)"), "place"),
    sa.Index("archive_occurred", "occurred_at", "place"),
    sa.Index("archive_of_nobody", "correlation_id", "recorded_at", postgresql_where=sa.text("participant_id IS NULL")),
    comment="Insert-only. Every event once; all columns but `leaf` only find it",
)

shown = sa.Table(
    "shown",
    metadata,
    sa.Column("participant_id", UUID, primary_key=True),
    sa.Column("recorded_at", _INSTANT, primary_key=True),
    sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Index("shown_place", "place"),
    comment="Insert-only. Whose personal data an event gave away (PersonalDataRead): finds it, and follows from its leaf",
)

sightings = sa.Table(
    "sightings",
    metadata,
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("offset", sa.BigInteger, primary_key=True),
    sa.Column("hash", sa.LargeBinary, primary_key=True, comment="of the record as a leaf: a topic may be filled anew"),
    sa.Column("place", sa.BigInteger, comment="of the event that it carried; null: it carried none of ours"),
    sa.Column("written_at", _INSTANT, comment="the record's time on Kafka"),
    sa.Column("seen_at", _INSTANT, nullable=False, comment="wall time of the archive"),
    sa.Column("verdict", sa.Text, nullable=False, comment="first, repeat, altered or stranger"),
    sa.Column("reason", sa.Text, comment="why it is a stranger; a code, never a value"),
    sa.Index("sightings_place", "place"),
    sa.Index("sightings_odd", "verdict", postgresql_where=sa.text("verdict IN ('altered', 'stranger')")),
    comment="Insert-only. Every record of every topic, repeats included",
)

log_head = sa.Table(
    "log_head",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column(
        "size", sa.BigInteger, nullable=False, comment="leaves; whoever archives holds this row until its commit"
    ),
    comment="Plumbing: what `archive` counts, and the turn of its writers",
)

tiles = sa.Table(
    "tiles",
    metadata,
    sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("width", sa.SmallInteger, primary_key=True, autoincrement=False, comment="hashes; 256 when full"),
    sa.Column("hashes", sa.LargeBinary, nullable=False, comment="side by side, 32 bytes each"),
    comment="Insert-only. The tree under every checkpoint (C2SP tlog-tiles)",
)

checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("log", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("root", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False, comment="the signed text"),
    sa.Column("before", sa.BigInteger, nullable=False, comment="size of the checkpoint before; 0: none"),
    sa.Column("path", sa.ARRAY(sa.Text), nullable=False, comment="proves that the log of then begins this one"),
    sa.Column("signed_at", _INSTANT, nullable=False, comment="wall time"),
    comment="CheckpointSigned",
)
