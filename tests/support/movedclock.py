"""The wall clock of this process stands elsewhere and goes on from there, as on a machine whose clock is wrong.

Everything Python asks for the time is moved (`datetime`, `time.time`), and so are new ids, whose library asks the machine itself. Clocks that only
grow are left alone: no wrong date makes a second longer. What a process asks others for (PostgreSQL's `now()`) is their own.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

BY = "FAULT_CLOCK_S"
"""Names the environment's variable: whole seconds, before zero for a clock that is late."""
AFTER_TIME = 80
"""Bits of an id behind its milliseconds (UUIDv7, RFC 9562)."""


def move(seconds: int) -> None:
    """From now on, and for good. Called once, before anything was asked for the time."""
    import time_machine

    from chassis import ids

    by, made = (
        seconds * 1_000 << AFTER_TIME,
        vars(ids)["uuid7"],
    )  # what new_id calls: whoever uses it has its name already

    def moved_id() -> UUID:
        return UUID(int=made().int + by)

    time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True).start()
    vars(ids)["uuid7"] = moved_id


def told_by(id_: str | UUID) -> datetime:
    """When an id was made, by the clock of whoever made it."""
    return datetime.fromtimestamp((UUID(str(id_)).int >> AFTER_TIME) / 1000, UTC)
