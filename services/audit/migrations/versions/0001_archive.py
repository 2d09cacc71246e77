"""The archive, the tree over it, and its checkpoints."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0001"
down_revision = None

_INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "archive",
        sa.Column(
            "place", sa.BigInteger, primary_key=True, autoincrement=False, comment="its leaf in the tree, from 0"
        ),
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
        sa.Column("leaf", sa.LargeBinary, nullable=False, comment="topic, key, value and headers byte for byte"),
        sa.UniqueConstraint("event_id", name="archive_event_id"),
        comment="Insert-only. Every event once; all columns but `leaf` only find it",
    )
    op.create_index("archive_key", "archive", ["stream", "key", "seq"])
    op.create_index("archive_participant", "archive", ["participant_id", "place"])
    op.create_index("archive_agent", "archive", ["agent_id", "place"])
    op.create_index("archive_wadah", "archive", ["wadah_id", "place"])
    op.create_index("archive_branch", "archive", ["branch_id", "place"])
    op.create_index("archive_type", "archive", ["type", "place"])
    op.create_index("archive_actor", "archive", ["actor", "place"])
    op.create_index("archive_correlation", "archive", ["correlation_id", "place"])
    op.create_index("archive_occurred", "archive", ["occurred_at", "place"])
    op.create_table(
        "sightings",
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("offset", sa.BigInteger, primary_key=True),
        sa.Column(
            "hash", sa.LargeBinary, primary_key=True, comment="of the record as a leaf: a topic may be filled anew"
        ),
        sa.Column("place", sa.BigInteger, comment="of the event that it carried; null: it carried none of ours"),
        sa.Column("written_at", _INSTANT, comment="the record's time on Kafka"),
        sa.Column("seen_at", _INSTANT, nullable=False, comment="wall time of the archive"),
        sa.Column("verdict", sa.Text, nullable=False, comment="first, repeat, altered or stranger"),
        sa.Column("reason", sa.Text, comment="why it is a stranger; a code, never a value"),
        comment="Insert-only. Every record of every topic, repeats included",
    )
    op.create_index("sightings_place", "sightings", ["place"])
    op.create_index(
        "sightings_odd", "sightings", ["verdict"], postgresql_where=sa.text("verdict IN ('altered', 'stranger')")
    )
    op.create_table(
        "log_head",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column(
            "size", sa.BigInteger, nullable=False, comment="leaves; whoever archives holds this row until its commit"
        ),
        comment="Plumbing: what `archive` counts, and the turn of its writers",
    )
    op.create_table(
        "tiles",
        sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("width", sa.SmallInteger, primary_key=True, autoincrement=False, comment="hashes; 256 when full"),
        sa.Column("hashes", sa.LargeBinary, nullable=False, comment="side by side, 32 bytes each"),
        comment="Insert-only. The tree under every checkpoint (C2SP tlog-tiles)",
    )
    op.create_table(
        "checkpoints",
        sa.Column("log", sa.Text, primary_key=True),
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False, comment="the signed text"),
        sa.Column("before", sa.BigInteger, nullable=False, comment="size of the checkpoint before; 0: none"),
        sa.Column("path", sa.ARRAY(sa.Text), nullable=False, comment="proves that the log of then begins this one"),
        sa.Column("signed_at", _INSTANT, nullable=False, comment="wall time"),
        comment="CheckpointSigned",
    )
