"""Registrations as agents send them over HTTP: rendered before a round, judged after it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from statistics import mean

from chassis.ids import new_id
from tests.bench import people, tokens, wire
from tests.bench.bulk import Resident
from tests.bench.generator import Answer
from tests.bench.ground import Ground

PATH = "/participants"
CREATED = 201


@dataclass(frozen=True)
class Applications:
    """`requests[i]` registers person `numbers[i]`; `mean_bytes`: of the bodies."""

    numbers: Sequence[int]
    requests: Sequence[bytes]
    mean_bytes: float

    def resident(self, answer: Answer) -> Resident:
        """Who came of an accepted request."""
        body = json.loads(answer.body)
        return Resident(self.numbers[answer.number], body["participant_id"], body["contribution_code"])


async def render(ground: Ground, number: int, *, url: str | None = None) -> Applications:
    """So many new people, each with a body, a key and an agent of its own."""
    url = url or ground.estate.url("registration-api")
    bearers = cycle(await tokens.mint(ground.stack, ground.agents))
    numbers = ground.people.take(number)
    bodies = [people.body(n) for n in numbers]
    requests = [
        wire.post(url, PATH, body, _headers(token)) for body, token in zip(bodies, islice(bearers, number), strict=True)
    ]
    return Applications(numbers, requests, mean(map(len, bodies)))


def _headers(token: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": str(new_id()),
    }
