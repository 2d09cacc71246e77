"""Bad times at the HTTP door: the connection to the database is cut just as COMMIT was sent, and nobody knows whether it holds.

A 2xx promises what stands; else the answer is 503, and a retry under the same key finds what became of it: one effect, one answer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import pytest

from chassis.ids import new_id
from chassis.service import App
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.stories import facts
from tests.support.lost_commits import EVENTS, LostCommits
from tests.support.proxy import link
from tests.support.service import Harness, settings_for
from tests.support.stack import Stack
from tests.support.toy import COUNTING, toy

WRITERS = 8
AT_ONCE = 200
"""Of those who ask again: fewer than the edge turns away."""


@asynccontextmanager
async def cut(h: Harness, plan: LostCommits) -> AsyncIterator[Harness]:
    """Another process of the same service, whose every connection to the database goes through the plan."""
    url = h.app.settings.database_url
    address = url.rpartition("@")[2].partition("/")[0]
    async with link(address, watch=plan.watch) as door:
        app = App(COUNTING, settings_for(COUNTING, url.replace(address, door.address)), clock=h.clock)
        other = Harness(COUNTING, app, h.clock)
        try:
            yield other
        finally:
            await other.client.aclose()
            await app.close()


async def add(h: Harness, counter: UUID, headers: dict[str, str]) -> httpx.Response:
    return await h.client.post("/counters", json={"counter_id": str(counter), "by": 1}, headers=headers)


@pytest.mark.cell("input.http.lost_commit", fault="inputs", service="chassis")
async def test_what_was_answered_stands_whatever_becomes_of_the_commit(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    rounds = scale(test=12, long=500)
    plan = LostCommits(touching=EVENTS, times=rounds // 2, every=2, seed=seed)
    async with toy(COUNTING, stack) as h, cut(h, plan) as through:
        answers: dict[UUID, tuple[dict[str, str], httpx.Response]] = {}
        for _ in range(rounds):
            asked = {new_id(): through.token(roles=["officer"]) for _ in range(WRITERS)}
            told = await asyncio.gather(*(add(through, counter, headers) for counter, headers in asked.items()))
            answers |= {c: (asked[c], answer) for c, answer in zip(asked, told, strict=True)}
        evidence.fired(plan.fired, of=rounds // 2, unit="request")
        standing = Counter(fact.key for fact in await facts.logged(h, "counters"))
        evidence.holds("I1", checked=len(answers), violations=_broken_promises(answers, standing))
        assert plan.held and plan.lost and any(a.status_code == 503 for _, a in answers.values())
        asked_again = [*answers.items()]
        again: list[httpx.Response] = []
        for start in range(0, len(asked_again), AT_ONCE):
            some = asked_again[start : start + AT_ONCE]
            again += await asyncio.gather(*(add(through, counter, headers) for counter, (headers, _) in some))
        late = [facts.wrong("retry", "", 201, a.status_code) for a in again if a.status_code != 201]
        standing = Counter(fact.key for fact in await facts.logged(h, "counters"))
        twice = [facts.wrong("event_log", c, 1, standing[str(c)]) for c in answers if standing[str(c)] != 1]
        evidence.holds("I2", checked=len(answers), violations=[*late, *twice])


def _broken_promises(
    answers: dict[UUID, tuple[dict[str, str], httpx.Response]], standing: Counter[str]
) -> list[Violation]:
    """Answers that promise what does not stand, and answers that are neither a promise nor a 503 with Retry-After."""
    found: list[Violation] = []
    for counter, (_, answer) in answers.items():
        if answer.status_code == 201 and standing[str(counter)] != 1:
            found.append(facts.wrong("event_log", counter, "one event", standing[str(counter)]))
        elif answer.status_code not in (201, 503) or (
            answer.status_code == 503 and "retry-after" not in answer.headers
        ):
            found.append(facts.wrong("answers", counter, "201, or 503 with Retry-After", answer.status_code))
    return found
