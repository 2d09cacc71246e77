"""The day of the death stands with the spell that it ended, from the events there are."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        "UPDATE participants SET spells = ("
        "  SELECT jsonb_agg(CASE WHEN spell ->> 'number' = d.spell"
        "   THEN spell || jsonb_build_object('died_on', d.died_on) ELSE spell END ORDER BY place)"
        "  FROM jsonb_array_elements(participants.spells) WITH ORDINALITY AS s(spell, place))"
        " FROM (SELECT key, convert_from(payload, 'UTF8')::jsonb ->> 'died_on' AS died_on,"
        "   convert_from(payload, 'UTF8')::jsonb ->> 'spell' AS spell FROM event_log WHERE type = 'ParticipationClosed') d"
        " WHERE d.key = participants.participant_id::text AND jsonb_array_length(participants.spells) > 0"
    )
