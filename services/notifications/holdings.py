"""What notifications holds about a person, table by table, for the copy that a person may ask for (`chassis/held.py`)."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from chassis.held import Held, Holdings, Words, by
from services.notifications.tables import attempts, notifications, recipients

TABLES: Final = (
    Held(recipients, Words("Ke mana pesan dikirim", "Where messages go"), stream="recipients"),
    Held(
        notifications,
        Words("Pesan yang dikirim", "Messages"),
        stream="notifications",
        key=by("notification_id"),
    ),
    Held(
        attempts,
        Words("Upaya pengiriman pesan", "Attempts to send"),
        lambda who: attempts.c.notification_id.in_(
            sa.select(notifications.c.notification_id).where(notifications.c.participant_id == who)
        ),
    ),
)
TOLD: Final = (
    Words(
        "Bunyi pesan tidak disimpan: pesan dibuat dari contoh (template) dan isinya (values) pada saat dikirim.",
        "The text of a message is kept nowhere: it is made from template and values when it is sent.",
    ),
)
HOLDINGS: Final = Holdings(recipients, TABLES, {}, TOLD)
