"""How long a reader takes to act on what others recorded, by the logs of both: what its neighbours feel of a bad record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tests.faults.environment.busy import Found, position, until_caused, violation
from tests.faults.ground import Ground
from tests.support.estate import SERVICES

SAMPLES = 100
TIMES, AT_LEAST_S = 2.0, 1.0
"""A bad record may double the p99 of its neighbours. Below a second it is the noise of two cores that a process per role shares."""
_LOG = "SELECT event_id, causation_id, recorded_at FROM event_log WHERE position > $1"
Marks = Mapping[str, int]


async def marks(ground: Ground) -> Marks:
    """Where every log stands."""
    return {service: await position(ground, service) for service in SERVICES}


async def p99_s(ground: Ground, reader: str, since: Marks) -> float:
    """Of what was recorded after the marks: from a record to what the reader recorded because of it. Waits for enough of them (TimeoutError)."""
    await until_caused(ground, reader, SAMPLES, within_s=120)
    logs = {service: await ground.estate.town.rows(service, _LOG, since[service]) for service in SERVICES}
    recorded = {row["event_id"]: row["recorded_at"] for log in logs.values() for row in log}
    effects = [row for row in logs[reader] if row["causation_id"] in recorded]
    return percentile([(row["recorded_at"] - recorded[row["causation_id"]]).total_seconds() for row in effects], 99)


def percentile(samples: Sequence[float], of: int) -> float:
    """By nearest rank."""
    return sorted(samples)[math.ceil(len(samples) * of / 100) - 1]


def undisturbed(reader: str, *, before_s: float, beside_s: float) -> Found:
    """A violation of I9 when neighbours waited much longer beside the bad records than before them."""
    most = max(TIMES * before_s, AT_LEAST_S)
    expected, actual = f"p99 of its neighbours at most {most:.2f} s", f"{beside_s:.2f} s, {before_s:.2f} s before"
    return violation("I9", f"{reader}-consumers", expected=expected, actual=actual, holds=beside_s <= most)
